package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"go.uber.org/zap"
)

// SQSOptions name the queues of SQS. Credentials are those of the environment.
type SQSOptions struct {
	// QueueURL and DeadLetterURL are both needed.
	QueueURL, DeadLetterURL string
	// Region is empty for the environment's.
	Region string
	// Endpoint takes the place of AWS's own.
	Endpoint string
}

// Validate refuses what can't be used.
func (o SQSOptions) Validate() error {
	switch {
	case o.QueueURL == "":
		return errors.New("the queue's URL is needed")
	case o.DeadLetterURL == "":
		return errors.New("the URL of the queue of dead letters is needed")
	case o.QueueURL == o.DeadLetterURL:
		return errors.New("jobs and dead letters need a queue each")
	}
	return nil
}

// carrier takes jobs to the workers by SQS.
type carrier struct {
	options SQSOptions
	connect func() (*sqs.Client, error)
}

func newCarrier(options SQSOptions) (*carrier, error) {
	if err := options.Validate(); err != nil {
		return nil, fmt.Errorf("use SQS: %w", err)
	}
	return &carrier{options: options, connect: sync.OnceValues(func() (*sqs.Client, error) {
		ctx, cancel := context.WithTimeout(context.Background(), connectTime)
		defer cancel()
		loaded, err := config.LoadDefaultConfig(ctx, config.WithRegion(options.Region))
		if err != nil {
			return nil, fmt.Errorf("read the settings of AWS: %w", err)
		}
		return sqs.NewFromConfig(loaded, func(o *sqs.Options) {
			if options.Endpoint != "" {
				o.BaseEndpoint = aws.String(options.Endpoint)
			}
		}), nil
	})}, nil
}

const connectTime = 10 * time.Second

// message is a job on its way.
type message struct {
	Job string `json:"job"`
	task
	Error string `json:"error,omitempty"` // of a dead letter: the last one
}

// forward is the outbox: it sends a job of River's to SQS.
func (q *Queue) forward(ctx context.Context, args forwardArgs) error {
	began := time.Now()
	err := q.carrier.send(ctx, q.carrier.options.QueueURL, message{Job: args.Job, task: args.task})
	outcome := Worked
	if err != nil {
		outcome = Retry
	}
	q.options.Observer.JobWorked(kindForward, outcome, time.Since(began))
	return err
}

func (c *carrier) send(ctx context.Context, queue string, m message) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("write a message: %w", err)
	}
	_, err = client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: aws.String(queue), MessageBody: aws.String(string(body))})
	if err != nil {
		return fmt.Errorf("send a message to SQS: %w", err)
	}
	return nil
}

const (
	batch    = 10 // the most that SQS gives at once
	longPoll = 20 // seconds
	pause    = time.Second
)

// consume takes messages until ctx ends; what it has then is worked on under work.
func (q *Queue) consume(ctx, work context.Context) {
	var working sync.WaitGroup
	defer working.Wait()
	places := make(chan struct{}, q.options.Workers)
	for ctx.Err() == nil {
		received, err := q.carrier.receive(ctx, q.carrier.options.QueueURL, min(batch, q.options.Workers), longPoll, 3*q.options.JobTimeout)
		if err != nil {
			if ctx.Err() == nil {
				q.options.Logger.Warn("SQS gives no messages", zap.Error(err))
			}
			select {
			case <-ctx.Done():
			case <-time.After(pause):
			}
			continue
		}
		for _, one := range received {
			places <- struct{}{}
			working.Go(func() {
				defer func() { <-places }()
				q.handle(work, one)
			})
		}
	}
}

func (c *carrier) receive(ctx context.Context, queue string, most int, wait int32, invisible time.Duration) ([]types.Message, error) {
	client, err := c.connect()
	if err != nil {
		return nil, err
	}
	got, err := client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
		QueueUrl: aws.String(queue), MaxNumberOfMessages: int32(most), WaitTimeSeconds: wait, VisibilityTimeout: int32(invisible.Seconds()),
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{
			types.MessageSystemAttributeNameSentTimestamp, types.MessageSystemAttributeNameApproximateReceiveCount,
		},
	})
	if err != nil {
		return nil, fmt.Errorf("receive messages from SQS: %w", err)
	}
	return got.Messages, nil
}

// handle works on a message. It is gone from the queue only when it is done, or
// a dead letter; anything else brings it back.
func (q *Queue) handle(ctx context.Context, received types.Message) {
	began := time.Now()
	ctx, cancel := context.WithTimeout(ctx, q.options.JobTimeout)
	defer cancel()
	var m message
	attempt := number(received, types.MessageSystemAttributeNameApproximateReceiveCount)
	err := json.Unmarshal([]byte(aws.ToString(received.Body)), &m)
	if err != nil {
		m.Job, err = "unreadable", fmt.Errorf("%w: %w", errPoison, err)
	} else {
		err = q.perform(ctx, m.Job, m.task, attempt)
	}
	kind := m.Job
	if kind != kindReserve && kind != kindConfirm {
		kind = "unknown" // a made-up one would be a label without end
	}
	switch {
	case err == nil:
		q.options.Observer.JobWorked(kind, Worked, time.Since(began))
		err = q.carrier.remove(ctx, q.carrier.options.QueueURL, received)
	case hopeless(err) || attempt >= q.options.MaxAttempts:
		q.options.Observer.JobWorked(kind, Dead, time.Since(began))
		q.options.Logger.Warn("a job is a dead letter", zap.String("kind", kind), zap.Int("attempt", attempt), zap.Error(err))
		m.Error = err.Error()
		if err = q.carrier.send(ctx, q.carrier.options.DeadLetterURL, m); err == nil {
			err = q.carrier.remove(ctx, q.carrier.options.QueueURL, received)
		}
	default:
		q.options.Observer.JobWorked(kind, Retry, time.Since(began))
		q.options.Logger.Warn("a job failed", zap.String("kind", kind), zap.Int("attempt", attempt), zap.Error(err))
		err = q.carrier.postpone(ctx, received, waitAfter(attempt))
	}
	if err != nil { // it comes back by itself, and does no harm
		q.options.Logger.Warn("SQS isn't told what became of a job", zap.String("kind", kind), zap.Error(err))
	}
}

func (c *carrier) remove(ctx context.Context, queue string, received types.Message) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	_, err = client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: aws.String(queue), ReceiptHandle: received.ReceiptHandle})
	if err != nil {
		return fmt.Errorf("delete a message of SQS: %w", err)
	}
	return nil
}

// postpone hides a message for a while.
func (c *carrier) postpone(ctx context.Context, received types.Message, wait time.Duration) error {
	client, err := c.connect()
	if err != nil {
		return err
	}
	_, err = client.ChangeMessageVisibility(ctx, &sqs.ChangeMessageVisibilityInput{
		QueueUrl: aws.String(c.options.QueueURL), ReceiptHandle: received.ReceiptHandle, VisibilityTimeout: int32(wait.Seconds()),
	})
	if err != nil {
		return fmt.Errorf("postpone a message of SQS: %w", err)
	}
	return nil
}

// peekTime is how long looking at dead letters hides them from others who look.
const peekTime = 2 * time.Second

// deadLetters looks at up to limit dead letters.
func (c *carrier) deadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	err := c.eachDead(ctx, limit, func(received types.Message, m message) (bool, error) {
		letters = append(letters, DeadLetter{
			ID: aws.ToString(received.MessageId), Kind: m.Job, OrderID: m.OrderID.String(), Error: m.Error,
			Attempts: number(received, types.MessageSystemAttributeNameApproximateReceiveCount),
			FailedAt: time.UnixMilli(int64(number(received, types.MessageSystemAttributeNameSentTimestamp))).UTC(),
		})
		return true, nil
	})
	return letters, err
}

// mostDead is how many dead letters are looked at for one that is to be requeued.
const mostDead = 1000

// requeue sends a dead letter to the queue again.
func (c *carrier) requeue(ctx context.Context, id string) error {
	found := false
	err := c.eachDead(ctx, mostDead, func(received types.Message, m message) (bool, error) {
		if aws.ToString(received.MessageId) != id {
			return true, nil
		}
		found = true
		m.Error = ""
		if err := c.send(ctx, c.options.QueueURL, m); err != nil {
			return false, err
		}
		return false, c.remove(ctx, c.options.DeadLetterURL, received)
	})
	if err == nil && !found {
		return ErrNoDeadLetter
	}
	return err
}

// eachDead goes over dead letters, each once, until there are no more, limit is
// reached, or visit has had enough.
func (c *carrier) eachDead(ctx context.Context, limit int, visit func(types.Message, message) (more bool, err error)) error {
	seen := map[string]bool{}
	for len(seen) < limit {
		received, err := c.receive(ctx, c.options.DeadLetterURL, min(batch, limit-len(seen)), 0, peekTime)
		if err != nil {
			return unavailable("look at dead letters", err)
		}
		fresh := false
		for _, one := range received {
			id := aws.ToString(one.MessageId)
			if seen[id] {
				continue
			}
			seen[id], fresh = true, true
			var m message
			if err := json.Unmarshal([]byte(aws.ToString(one.Body)), &m); err != nil {
				m = message{Job: "unreadable", Error: err.Error()}
			}
			if more, err := visit(one, m); err != nil || !more {
				return err
			}
		}
		if !fresh {
			return nil
		}
	}
	return nil
}

// number reads an attribute of a message; 0 if it isn't there.
func number(received types.Message, name types.MessageSystemAttributeName) int {
	value, _ := strconv.Atoi(received.Attributes[string(name)])
	return value
}
