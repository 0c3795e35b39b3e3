package queue

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/internal/app/orders"
)

// The kinds of jobs. They are in the database, and are never renamed.
const (
	kindReserve = "order-reserve"
	kindConfirm = "order-confirm"
	kindForward = "order-forward" // to SQS
)

// task is what a job is about. It is in the database and on SQS: it only grows.
type task struct {
	// Job is the kind of what is to be forwarded; the others say it themselves.
	Job     string    `json:"job,omitempty"`
	OrderID orders.ID `json:"order_id"`
	// Trace is who asked for it, as W3C has it.
	Trace map[string]string `json:"trace,omitempty"`
}

// errPoison is a job that nobody can do, however often it is tried.
var errPoison = errors.New("a job that can't be read")

func readTask(data []byte) (task, error) {
	var about task
	if err := json.Unmarshal(data, &about); err != nil {
		return task{}, fmt.Errorf("%w: %w", errPoison, err)
	}
	if about.OrderID == uuid.Nil {
		return about, fmt.Errorf("%w: it names no order", errPoison)
	}
	return about, nil
}

// args is a task as River has it. One that can't be read is no error yet: River
// would try it again and again, while its worker gives it up at once.
type args struct {
	task
	broken error
}

// UnmarshalJSON implements json.Unmarshaler.
func (a *args) UnmarshalJSON(data []byte) error {
	a.task, a.broken = readTask(data)
	return nil
}

type (
	reserveArgs struct{ args }
	confirmArgs struct{ args }
	forwardArgs struct{ args }
)

func (reserveArgs) Kind() string { return kindReserve }
func (confirmArgs) Kind() string { return kindConfirm }
func (forwardArgs) Kind() string { return kindForward }
