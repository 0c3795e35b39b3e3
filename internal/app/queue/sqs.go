package queue

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// SQSOptions name the queues of SQS. Credentials are those of the environment:
// variables, a file, or the role of the machine or pod.
type SQSOptions struct {
	// QueueURL and DeadLetterURL are both needed, and standard queues. If the first
	// has a redrive policy, its maxReceiveCount must be well above MaxAttempts: it
	// is for messages that take their worker down with them.
	QueueURL, DeadLetterURL string
	// Region is empty for the environment's; one of them is needed.
	Region string
	// Endpoint takes the place of AWS's own: the URL of a compatible server.
	Endpoint string
	// Visibility is for how long a message is out of others' sight once it is taken,
	// in whole seconds; while it is worked on, that is renewed. A message whose
	// worker has died is taken up again after it. 0 is 30 seconds.
	Visibility time.Duration
}

// Validate refuses what can't be used. It doesn't look at the environment.
func (o SQSOptions) Validate() error {
	switch {
	case o.QueueURL == "":
		return errors.New("the queue's URL is needed")
	case o.DeadLetterURL == "":
		return errors.New("the URL of the queue of dead letters is needed")
	case o.QueueURL == o.DeadLetterURL:
		return errors.New("jobs and dead letters need a queue each")
	case o.Visibility < 0 || o.Visibility > 12*time.Hour || o.Visibility%time.Second != 0:
		return errors.New("the visibility must be in whole seconds, up to 12 hours")
	}
	for _, one := range []struct{ name, address string }{
		{"the queue's URL", o.QueueURL}, {"the URL of the queue of dead letters", o.DeadLetterURL}, {"the endpoint", o.Endpoint},
	} {
		if one.address == "" {
			continue
		}
		parsed, err := url.Parse(one.address)
		if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
			return fmt.Errorf("%s must be an http or https URL", one.name)
		}
	}
	return nil
}

// carrier takes jobs to the workers by SQS.
type carrier struct {
	options SQSOptions
	client  *sqs.Client
}

func newCarrier(options SQSOptions) (*carrier, error) {
	if options.Visibility == 0 {
		options.Visibility = 30 * time.Second
	}
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("use SQS: %w", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), connectTime)
	defer cancel()
	loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(options.Region))
	if err != nil {
		return nil, fmt.Errorf("read the settings of AWS: %w", err)
	}
	if loaded.Region == "" {
		return nil, errors.New("use SQS: the region is needed, or AWS_REGION in the environment")
	}
	return &carrier{options: options, client: sqs.NewFromConfig(loaded, func(o *sqs.Options) {
		if options.Endpoint != "" {
			o.BaseEndpoint = aws.String(options.Endpoint)
		}
	})}, nil
}

// connectTime bounds the reading of files.
const connectTime = 10 * time.Second

// What a dead letter tells beside its body, which stays as it is.
const (
	attributeError    = "pocctl-error"
	attributeAttempts = "pocctl-attempts"
)

func (c *carrier) send(ctx context.Context, queue, body string, about map[string]types.MessageAttributeValue) error {
	_, err := c.client.SendMessage(ctx, &sqs.SendMessageInput{
		QueueUrl: aws.String(queue), MessageBody: aws.String(body), MessageAttributes: about,
	})
	if err != nil {
		return fmt.Errorf("send a message to SQS: %w", err)
	}
	return nil
}

// batch is the most that SQS gives at once.
const batch = 10

// receive takes up to most messages, at most batch, out of sight for so long. It
// waits so many seconds for one; even 1 has SQS look in all of its places.
func (c *carrier) receive(ctx context.Context, queue string, most int, wait int32, invisible time.Duration) ([]types.Message, error) {
	got, err := c.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(queue), MaxNumberOfMessages: int32(min(batch, most)), WaitTimeSeconds: wait,
		VisibilityTimeout: wholeSeconds(invisible),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
		},
		MessageAttributeNames: []string{attributeError, attributeAttempts},
	})
	if err != nil {
		return nil, fmt.Errorf("receive messages from SQS: %w", err)
	}
	return got.Messages, nil
}

func (c *carrier) remove(ctx context.Context, queue string, received types.Message) error {
	_, err := c.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(queue), ReceiptHandle: received.ReceiptHandle})
	if err != nil {
		return fmt.Errorf("delete a message of SQS: %w", err)
	}
	return nil
}

// hide keeps a taken message out of sight for so long from now; 0 shows it.
func (c *carrier) hide(ctx context.Context, queue string, received types.Message, wait time.Duration) error {
	_, err := c.client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(queue), ReceiptHandle: received.ReceiptHandle, VisibilityTimeout: wholeSeconds(wait),
	})
	if err != nil {
		return fmt.Errorf("change the visibility of a message of SQS: %w", err)
	}
	return nil
}

// messages are how many there are, about.
type messages struct{ visible, taken, delayed int64 }

func (c *carrier) count(ctx context.Context, queue string) (messages, error) {
	got, err := c.client.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: aws.String(queue), AttributeNames: []types.QueueAttributeName{
			types.QueueAttributeNameApproximateNumberOfMessages, types.QueueAttributeNameApproximateNumberOfMessagesNotVisible,
			types.QueueAttributeNameApproximateNumberOfMessagesDelayed,
		},
	})
	if err != nil {
		return messages{}, fmt.Errorf("count the messages of SQS: %w", err)
	}
	number := func(name types.QueueAttributeName) int64 {
		value, _ := strconv.ParseInt(got.Attributes[string(name)], 10, 64)
		return value
	}
	return messages{
		visible: number(types.QueueAttributeNameApproximateNumberOfMessages),
		taken:   number(types.QueueAttributeNameApproximateNumberOfMessagesNotVisible),
		delayed: number(types.QueueAttributeNameApproximateNumberOfMessagesDelayed),
	}, nil
}

// wholeSeconds rounds up: no wait becomes none.
func wholeSeconds(wait time.Duration) int32 { return int32(math.Ceil(wait.Seconds())) }

// receipts is how often a message was taken, this time included.
func receipts(received types.Message) int {
	count, _ := strconv.Atoi(received.Attributes[string(types.MessageSystemAttributeNameApproximateReceiveCount)])
	return count
}

// sentAt is when a message was sent; one that a redrive policy has moved keeps that.
func sentAt(received types.Message) time.Time {
	milliseconds, _ := strconv.ParseInt(received.Attributes[string(types.MessageSystemAttributeNameSentTimestamp)], 10, 64)
	return time.UnixMilli(milliseconds).UTC()
}
