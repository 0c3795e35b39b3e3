package queue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store/storetest"
)

// server is an SQS-compatible server, a process of its own, with two queues.
type server struct {
	options queue.SQSOptions
	client  *sqs.Client
}

// startSQS starts a server, which the test's end stops.
func startSQS(t *testing.T) *server {
	t.Helper()
	folder, err := filepath.Abs("../../../tools/sqs")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(folder, "node_modules", "fauxqs")); err != nil {
		t.Fatalf("the SQS-compatible server isn't installed: npm ci --prefix tools/sqs (%v)", err)
	}
	process := exec.CommandContext(context.Background(), "node", filepath.Join(folder, "server.js"))
	process.Stderr = os.Stderr
	lifeline, err := process.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	output, err := process.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := process.Start(); err != nil {
		t.Fatalf("start the SQS-compatible server: %v", err)
	}
	t.Cleanup(func() {
		if err := errors.Join(lifeline.Close(), process.Wait()); err != nil {
			t.Errorf("stop the SQS-compatible server: %v", err)
		}
	})
	said := bufio.NewScanner(output)
	if !said.Scan() {
		t.Fatal("the SQS-compatible server doesn't say where it is")
	}
	s := &server{options: queue.SQSOptions{Endpoint: said.Text()}}
	s.client = sqs.New(sqs.Options{
		BaseEndpoint: aws.String(said.Text()), Region: "eu-west-1", Credentials: credentials.NewStaticCredentialsProvider("test", "test", ""),
	})
	for name, into := range map[string]*string{"jobs": &s.options.QueueURL, "dead": &s.options.DeadLetterURL} {
		made, err := s.client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(name)})
		if err != nil {
			t.Fatalf("make a queue: %v", err)
		}
		*into = aws.ToString(made.QueueUrl)
	}
	return s
}

func (s *server) send(t *testing.T, body string) {
	t.Helper()
	if _, err := s.client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: &s.options.QueueURL, MessageBody: &body}); err != nil {
		t.Fatalf("send: %v", err)
	}
}

// count gives how many messages there are, taken ones included.
func (s *server) count(t *testing.T, url string) int {
	t.Helper()
	got, err := s.client.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{
		QueueUrl: &url, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll},
	})
	if err != nil {
		t.Fatalf("count: %v", err)
	}
	total := 0
	for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
		var one int
		if _, err := fmt.Sscan(got.Attributes[name], &one); err != nil {
			t.Fatalf("read %s: %v", name, err)
		}
		total += one
	}
	return total
}

func reserving(id orders.ID) string {
	return fmt.Sprintf(`{"job": "order-reserve", "order_id": %q}`, id)
}

func TestSQSCarriesOrdersFromTheOutbox(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	at := migrated(t)
	api := start(t, at, queue.Options{SQS: server.options}, nil)
	api.run(t, patience)
	product := api.product(t, "LAMP", 10)
	first := api.place(t, "a", product, 3)
	if waiting := server.count(t, server.options.QueueURL); waiting > 0 {
		t.Errorf("%d messages are in SQS before a worker has sent them", waiting)
	}
	worker := start(t, at, queue.Options{SQS: server.options, Work: true}, nil)
	worker.run(t, patience)
	eventually(t, "the order is confirmed", func() bool { return api.status(t, first.ID) == orders.Confirmed })
	second := api.place(t, "b", product, 8)
	eventually(t, "the other is rejected", func() bool { return api.status(t, second.ID) == orders.Rejected })
	eventually(t, "SQS is empty", func() bool { return server.count(t, server.options.QueueURL) == 0 })
	eventually(t, "all is counted", func() bool {
		return worker.seen.count("order-forward worked") == 3 && worker.seen.count("order-reserve worked") == 2 && worker.seen.count("order-confirm worked") == 1
	})
	if left := api.stock(t, product); left.Stock != 7 {
		t.Errorf("%d pieces are left, want 7", left.Stock)
	}
}

func TestDuplicatesAndDisorderOnSQSChangeNothingTwice(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	p := start(t, migrated(t), queue.Options{SQS: server.options, Work: true, Workers: 8, MaxAttempts: 100}, nil)
	product := p.product(t, "LAMP", 10)
	order := p.place(t, "k", product, 3)
	for range 5 {
		server.send(t, fmt.Sprintf(`{"job": "order-confirm", "order_id": %q}`, order.ID))
	}
	for range 5 {
		server.send(t, reserving(order.ID))
	}
	p.run(t, patience)
	eventually(t, "every message is done", func() bool {
		return p.status(t, order.ID) == orders.Confirmed && server.count(t, server.options.QueueURL) == 0 && p.seen.count("order-forward worked") == 2
	})
	after, err := p.orders.Get(t.Context(), ann, order.ID)
	if left := p.stock(t, product); err != nil || after.Version != 3 || left.Stock != 7 || left.Version != 2 {
		t.Errorf("the order is at version %d, %v; %d pieces are left at version %d", after.Version, err, left.Stock, left.Version)
	}
	if letters := p.letters(t); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

func TestMessagesThatFailForGoodAreDeadLettersUntilTheyAreRequeued(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	var mended atomic.Bool
	work := &handlers{do: func(context.Context, int) error {
		if mended.Load() {
			return nil
		}
		return errBroken
	}}
	at := migrated(t)
	p := start(t, at, queue.Options{SQS: server.options, Work: true, MaxAttempts: 2}, work)
	p.run(t, patience)
	api := start(t, at, queue.Options{SQS: server.options}, nil)
	api.run(t, patience)
	id := uuid.New()
	p.enqueue(t, id, p.EnqueueConfirm)
	eventually(t, "it is counted as a dead letter", func() bool {
		depth, _ := p.seen.sampled()
		return depth["discarded"] == 1 && p.seen.count("order-confirm dead") == 1
	})
	letters := api.letters(t)
	want := []queue.DeadLetter{{Kind: "order-confirm", OrderID: id.String(), Attempts: 2, Error: "it is broken"}}
	if diff := cmp.Diff(want, letters, cmpopts.IgnoreFields(queue.DeadLetter{}, "ID", "FailedAt")); diff != "" {
		t.Fatalf("dead letters (-want +got):\n%s", diff)
	}
	if age := time.Since(letters[0].FailedAt); age < -time.Second || age > patience {
		t.Errorf("it failed %s ago", age)
	}
	if again := api.letters(t); len(again) != 1 || again[0].ID != letters[0].ID {
		t.Errorf("looked at again: %+v", again) // looking hides it from nobody
	}
	if err := api.Requeue(t.Context(), uuid.NewString()); !errors.Is(err, queue.ErrNoDeadLetter) {
		t.Errorf("requeue what isn't there: %v", err)
	}
	mended.Store(true)
	if err := api.Requeue(t.Context(), letters[0].ID); err != nil {
		t.Fatalf("requeue: %v", err)
	}
	eventually(t, "it is done", func() bool { return p.seen.count("order-confirm worked") == 1 })
	if again := api.letters(t); len(again) > 0 {
		t.Errorf("dead letters: %+v", again)
	}
	if err := api.Requeue(t.Context(), letters[0].ID); !errors.Is(err, queue.ErrNoDeadLetter) {
		t.Errorf("requeue what is done: %v", err)
	}
}

func TestPoisonOnSQSIsADeadLetterAtOnceAndStaysAsItIs(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	p := start(t, migrated(t), queue.Options{SQS: server.options, Work: true}, nil)
	p.run(t, patience)
	const gone = "0198c0de-0000-7000-8000-000000000000"
	poison := map[string]queue.DeadLetter{
		"no JSON \u00e4\u2713": {Kind: "unknown"},
		`{"order_id": 7}`:      {Kind: "unknown"},
		`{"job": "order-eat", "order_id": "` + gone + `"}`:     {Kind: "order-eat", OrderID: gone},
		`{"job": "order-reserve", "order_id": "` + gone + `"}`: {Kind: "order-reserve", OrderID: gone},
	}
	for body := range poison {
		server.send(t, body)
	}
	eventually(t, "all are dead letters", func() bool { return server.count(t, server.options.DeadLetterURL) == len(poison) })
	var want []queue.DeadLetter
	for _, letter := range poison {
		letter.Attempts = 1
		want = append(want, letter)
	}
	less := cmpopts.SortSlices(func(a, b queue.DeadLetter) bool { return a.Kind+a.OrderID < b.Kind+b.OrderID })
	letters := p.letters(t)
	if diff := cmp.Diff(want, letters, cmpopts.IgnoreFields(queue.DeadLetter{}, "ID", "FailedAt", "Error"), less); diff != "" {
		t.Errorf("dead letters (-want +got):\n%s", diff)
	}
	for _, letter := range letters {
		if letter.Error == "" {
			t.Errorf("%s has no error", letter.Kind)
		}
		if err := p.Requeue(t.Context(), letter.ID); err != nil {
			t.Errorf("requeue: %v", err)
		}
	}
	eventually(t, "all are dead letters again", func() bool {
		return server.count(t, server.options.DeadLetterURL) == len(poison) && server.count(t, server.options.QueueURL) == 0
	})
	got, err := server.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &server.options.DeadLetterURL, MaxNumberOfMessages: 10})
	if err != nil {
		t.Fatal(err)
	}
	for _, message := range got.Messages {
		if _, sent := poison[aws.ToString(message.Body)]; !sent {
			t.Errorf("the body has become %q", aws.ToString(message.Body))
		}
	}
}

// TestAMessageThatAPolicyHasMovedIsListed covers what takes its worker down with it.
func TestAMessageThatAPolicyHasMovedIsListed(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	if _, err := server.client.SetQueueAttributes(t.Context(), &sqs.SetQueueAttributesInput{QueueUrl: &server.options.QueueURL, Attributes: map[string]string{
		"RedrivePolicy":     `{"maxReceiveCount": 2, "deadLetterTargetArn": "arn:aws:sqs:eu-west-1:000000000000:dead"}`,
		"VisibilityTimeout": "0",
	}}); err != nil {
		t.Fatal(err)
	}
	p := start(t, migrated(t), queue.Options{SQS: server.options}, nil)
	id := uuid.New()
	server.send(t, reserving(id))
	eventually(t, "it is moved", func() bool { // taken, and never told of
		_, err := server.client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &server.options.QueueURL})
		return err == nil && server.count(t, server.options.DeadLetterURL) == 1
	})
	letters := p.letters(t)
	if len(letters) != 1 || letters[0].OrderID != id.String() || letters[0].Kind != "order-reserve" || letters[0].Error == "" {
		t.Fatalf("dead letters: %+v", letters)
	}
	if err := p.Requeue(t.Context(), letters[0].ID); err != nil || server.count(t, server.options.QueueURL) != 1 {
		t.Errorf("requeue: %v", err)
	}
}

// TestAMessageIsHiddenWhileItIsWorkedOn has a job last for several of its times.
func TestAMessageIsHiddenWhileItIsWorkedOn(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	server.options.Visibility = time.Second
	work := &handlers{do: func(ctx context.Context, _ int) error {
		select {
		case <-ctx.Done():
		case <-time.After(3500 * time.Millisecond):
		}
		return ctx.Err()
	}}
	at := migrated(t)
	for range 2 {
		start(t, at, queue.Options{SQS: server.options, Work: true, JobTimeout: patience}, work).run(t, patience)
	}
	server.send(t, reserving(uuid.New()))
	eventually(t, "it is done", func() bool { return work.count() > 0 && server.count(t, server.options.QueueURL) == 0 })
	if work.count() != 1 {
		t.Errorf("it was worked on %d times", work.count())
	}
}

// TestAMessageThatIsCutShortIsDoneByAnother also shows that this isn't taken for
// its last attempt.
func TestAMessageThatIsCutShortIsDoneByAnother(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	server.options.Visibility = 3 * time.Second // should a poll that was cut off take it meanwhile
	at := migrated(t)
	work := &handlers{do: func(ctx context.Context, _ int) error {
		<-ctx.Done()
		return ctx.Err()
	}}
	dying := start(t, at, queue.Options{SQS: server.options, Work: true, MaxAttempts: 1, JobTimeout: patience}, work)
	stop := dying.run(t, time.Millisecond)
	product := dying.product(t, "LAMP", 10)
	order := dying.place(t, "k", product, 3)
	eventually(t, "the job has begun", func() bool { return work.count() > 0 })
	if err := stop(); !errors.Is(err, queue.ErrCutShort) {
		t.Fatalf("stop: %v", err)
	}
	next := start(t, at, queue.Options{SQS: server.options, Work: true, MaxAttempts: 5}, nil)
	next.run(t, patience)
	eventually(t, "the order is confirmed", func() bool { return next.status(t, order.ID) == orders.Confirmed })
	if left := next.stock(t, product); left.Stock != 7 {
		t.Errorf("%d pieces are left, want 7", left.Stock)
	}
}

func TestAPanicOnSQSIsTriedAgain(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	work := &handlers{do: func(_ context.Context, call int) error {
		if call == 1 {
			panic("it is broken")
		}
		return nil
	}}
	p := start(t, migrated(t), queue.Options{SQS: server.options, Work: true}, work)
	p.run(t, patience)
	server.send(t, reserving(uuid.New()))
	eventually(t, "the second attempt succeeds", func() bool {
		return p.seen.count("order-reserve worked") == 1 && p.seen.count("order-reserve retry") == 1
	})
}

// TestADatabaseThatIsAwayUsesUpNoAttempts has more failures than attempts.
func TestADatabaseThatIsAwayUsesUpNoAttempts(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	work := &handlers{do: func(_ context.Context, call int) error {
		if call <= 3 {
			return fmt.Errorf("read an order: %w", catalog.ErrUnavailable)
		}
		return nil
	}}
	p := start(t, migrated(t), queue.Options{SQS: server.options, Work: true, MaxAttempts: 1}, work)
	p.run(t, patience)
	server.send(t, reserving(uuid.New()))
	eventually(t, "it is done", func() bool { return p.seen.count("order-reserve worked") == 1 })
	if letters := p.letters(t); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
}

// TestPostgresAndSQSMayGoAndComeBack takes each away while orders are placed.
func TestPostgresAndSQSMayGoAndComeBack(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	at := migrated(t)
	outside := start(t, at, queue.Options{SQS: server.options}, nil)
	toPostgres := storetest.NewProxy(t, "unix", postgres.Socket(t))
	toSQS := storetest.NewProxy(t, "tcp", strings.TrimPrefix(server.options.Endpoint, "http://"))
	options := server.options
	options.Endpoint, options.Visibility = "http://"+toSQS.Address(), 2*time.Second
	toPostgres.Up(t)
	p := start(t, through(t, toPostgres, at), queue.Options{SQS: options, Work: true, MaxAttempts: 3, JobTimeout: 2 * time.Second}, nil)
	p.run(t, patience)
	product := outside.product(t, "LAMP", 100)
	place := func(key string) (placed []orders.Order) {
		for i := range 5 {
			placed = append(placed, outside.place(t, fmt.Sprint(key, i), product, 1))
		}
		return placed
	}
	confirmed := func(placed []orders.Order) {
		t.Helper()
		for _, order := range placed {
			eventually(t, "an order is confirmed", func() bool { return outside.status(t, order.ID) == orders.Confirmed })
		}
	}

	// SQS isn't there yet: the outbox keeps the jobs, and they count as waiting.
	first := place("a")
	eventually(t, "sending has failed", func() bool { return p.seen.count("order-forward retry") > 0 })
	eventually(t, "lag grows", func() bool {
		depth, lag := p.seen.sampled()
		return depth["available"] > 0 && lag > 2*time.Second
	})
	toSQS.Up(t)
	confirmed(first)

	toPostgres.Down()
	second := place("b")
	toPostgres.Up(t)
	confirmed(second)

	toSQS.Down()
	third := place("c")
	toSQS.Up(t)
	confirmed(third)

	if left := outside.stock(t, product); left.Stock != 100-15 || left.Version != 1+15 {
		t.Errorf("%d pieces are left at version %d", left.Stock, left.Version)
	}
	if letters := outside.letters(t); len(letters) > 0 {
		t.Errorf("dead letters: %+v", letters)
	}
	toSQS.Down()
	if _, err := p.ListDeadLetters(t.Context(), 10); !errors.Is(err, catalog.ErrUnavailable) {
		t.Errorf("list dead letters without SQS: %v", err)
	}
}

func TestMessagesThatWaitCount(t *testing.T) {
	t.Parallel()
	server := startSQS(t)
	p := start(t, migrated(t), queue.Options{SQS: server.options, MaxDepth: 2}, nil)
	p.run(t, patience)
	eventually(t, "nothing waits", func() bool { depth, lag := p.seen.sampled(); return depth != nil && lag == 0 && !p.Full() })
	server.send(t, reserving(uuid.New()))
	server.send(t, reserving(uuid.New()))
	eventually(t, "two wait, for a while", func() bool {
		depth, lag := p.seen.sampled()
		return depth["available"] == 2 && lag > time.Second && p.Full()
	})
}
