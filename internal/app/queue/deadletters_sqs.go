package queue

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

const (
	// peekTime is how long a dead letter that is looked at is out of others' sight,
	// should it not be shown again at once.
	peekTime = 10 * time.Second
	// mostDead is how many are looked at for one that is to be requeued.
	mostDead = 1000
)

// deadLetters looks at up to limit dead letters.
func (c *carrier) deadLetters(ctx context.Context, limit int) ([]DeadLetter, error) {
	var letters []DeadLetter
	err := c.eachDead(ctx, limit, func(received types.Message) (bool, error) {
		letters = append(letters, letterOfMessage(received))
		return false, nil
	})
	return letters, err
}

func letterOfMessage(received types.Message) DeadLetter {
	body := []byte(aws.ToString(received.Body))
	letter := DeadLetter{
		ID: aws.ToString(received.MessageId), Kind: "unknown", OrderID: orderOf(body), FailedAt: sentAt(received),
		// What a redrive policy has moved tells neither.
		Attempts: receipts(received), Error: "it was taken too often, and never finished",
	}
	if about, err := readTask(body); err == nil && about.Job != "" {
		letter.Kind = about.Job
	}
	if value, told := received.MessageAttributes[attributeError]; told {
		letter.Error = aws.ToString(value.StringValue)
	}
	if value, told := received.MessageAttributes[attributeAttempts]; told {
		letter.Attempts, _ = strconv.Atoi(aws.ToString(value.StringValue))
	}
	return letter
}

// requeue sends a dead letter to the queue again, as it was.
func (c *carrier) requeue(ctx context.Context, id string) error {
	found := false
	err := c.eachDead(ctx, mostDead, func(received types.Message) (bool, error) {
		if aws.ToString(received.MessageId) != id {
			return false, nil
		}
		found = true
		// Twice is better than never: handlers don't mind.
		if err := c.send(ctx, c.options.QueueURL, aws.ToString(received.Body), nil); err != nil {
			return true, unavailable("requeue a dead letter", err)
		}
		if err := c.remove(ctx, c.options.DeadLetterURL, received); err != nil {
			return true, unavailable("remove a requeued dead letter", err)
		}
		return true, nil
	})
	if err == nil && !found {
		return ErrNoDeadLetter
	}
	return err
}

// eachDead goes over dead letters, each once, until there are no more, limit is
// reached, or visit has had enough. Then it shows them to others again.
func (c *carrier) eachDead(ctx context.Context, limit int, visit func(types.Message) (enough bool, err error)) error {
	seen := map[string]types.Message{}
	defer func() { c.show(ctx, seen) }()
	for len(seen) < limit {
		received, err := c.receive(ctx, c.options.DeadLetterURL, limit-len(seen), 1, peekTime)
		if err != nil {
			return unavailable("look at dead letters", err)
		}
		fresh := received[:0]
		for _, one := range received {
			if _, known := seen[aws.ToString(one.MessageId)]; !known {
				fresh = append(fresh, one)
			}
			seen[aws.ToString(one.MessageId)] = one // its newest receipt
		}
		for _, one := range fresh {
			if enough, err := visit(one); err != nil || enough {
				return err
			}
		}
		if len(fresh) == 0 {
			return nil
		}
	}
	return nil
}

// show has messages seen again at once; those that don't hear of it are soon.
func (c *carrier) show(ctx context.Context, looked map[string]types.Message) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTime)
	defer cancel()
	var all sync.WaitGroup
	places := make(chan struct{}, batch)
	for _, one := range looked {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			_ = c.hide(ctx, c.options.DeadLetterURL, one, 0)
		})
	}
	all.Wait()
}
