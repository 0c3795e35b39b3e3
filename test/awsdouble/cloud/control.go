package cloud

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// Control says how the double behaves. It is the file control.json in the
// account's directory, read again at every operation; without it all goes well
// and at once.
type Control struct {
	Account string `json:"account,omitempty"` // 12 digits; 123456789012 if empty
	Region  string `json:"region,omitempty"`  // where neither the provider nor the environment names one; eu-west-1 if empty
	User    string `json:"user,omitempty"`    // the caller's path in IAM; "user/tester" if empty

	// Credentials is "" for good ones, "expired", "invalid", or "missing".
	Credentials string `json:"credentials,omitempty"`

	// Scale is what a real duration is multiplied by: 0 for no waiting, 1 for
	// the time it really takes.
	Scale float64 `json:"scale,omitempty"`

	// Durations are real ones by type and operation, as
	// {"aws_eks_cluster": {"create": "10m"}}, where the double's own don't fit.
	Durations map[string]map[string]string `json:"durations,omitempty"`

	// Stop is what an operation does that is under way when Terraform is
	// interrupted: "cancel" ends with an error and leaves the resource tainted,
	// as the real provider does; "finish" finishes it. "cancel" if empty.
	Stop string `json:"stop,omitempty"`

	Faults []Fault        `json:"faults,omitempty"`
	Quotas map[string]int `json:"quotas,omitempty"` // the most resources of a type
	Drift  []Drift        `json:"drift,omitempty"`

	// Values are attributes that a resource or data source gets when it is
	// made or read, by type, before the double's own. Those of data sources
	// are under "data.aws_eks_cluster_auth".
	Values map[string]map[string]any `json:"values,omitempty"`

	// Denied are actions that the caller may not do, "eks:CreateCluster".
	Denied []string `json:"denied,omitempty"`

	// Services are quotas that Service Quotas tells: by its code of the service
	// and of the quota, as {"ec2": {"L-0263D0A3": 5}}; -1 for one that it does
	// not know. Where it is silent, AWS' own defaults are told.
	Services map[string]map[string]float64 `json:"services,omitempty"`
}

// Fault is an operation that fails.
type Fault struct {
	Operation string            `json:"operation"`       // create, read, update, delete, plan or data; of an API, "ec2:DescribeVpcs"
	Type      string            `json:"type,omitempty"`  // of resource; any if empty
	Match     map[string]string `json:"match,omitempty"` // attributes that it has to have
	Times     int               `json:"times,omitempty"` // how often; always if 0
	Late      bool              `json:"late,omitempty"`  // once the resource is there: it is left tainted
	Code      string            `json:"code"`            // AWS' own, "ThrottlingException"
	Message   string            `json:"message"`
	Status    int               `json:"status,omitempty"` // HTTP's; 400 if 0
}

// Drift is a change that somebody made by hand. It is made once, when the
// resource is next read.
type Drift struct {
	Type  string            `json:"type"`
	Match map[string]string `json:"match,omitempty"`
	Set   map[string]any    `json:"set,omitempty"`
	Lose  bool              `json:"lose,omitempty"` // it is deleted
}

// Control reads the control file.
func (a *Account) Control() (Control, error) {
	control := Control{Account: "123456789012", Region: "eu-west-1", User: "user/tester", Stop: "cancel"}
	text, err := os.ReadFile(filepath.Join(a.directory, "control.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return control, nil
	}
	if err != nil {
		return control, fmt.Errorf("read the AWS double's control file: %w", err)
	}
	if err := json.Unmarshal(text, &control); err != nil {
		return control, fmt.Errorf("read the AWS double's control file: %w", err)
	}
	return control, nil
}

// SetControl writes the control file. What faults and drift were spent before
// are not spent again, unless Rearm says so.
func (a *Account) SetControl(control Control) error {
	text, err := json.MarshalIndent(control, "", "  ")
	if err != nil {
		return err
	}
	path := filepath.Join(a.directory, "control.json")
	if err := os.WriteFile(path+".new", text, 0o600); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}

// Rearm makes faults and drift happen again that have happened.
func (a *Account) Rearm() error {
	spent := filepath.Join(a.directory, "spent")
	if err := os.RemoveAll(spent); err != nil {
		return err
	}
	return os.Mkdir(spent, 0o700)
}

// Fault is the first that an operation meets; nil if none. Each counts as spent.
func (a *Account) Fault(control Control, operation, kind string, attributes map[string]any, late bool) (*Fault, error) {
	for _, fault := range control.Faults {
		if fault.Operation != operation || fault.Late != late || fault.Type != "" && fault.Type != kind || !Matches(attributes, fault.Match) {
			continue
		}
		left, err := a.spend(fault, fault.Times)
		if err != nil {
			return nil, err
		}
		if left {
			return &fault, nil
		}
	}
	return nil, nil //nolint:nilnil // no fault is what is hoped for
}

// Drifts makes the changes that are due for a resource, and tells whether it is
// still there.
func (a *Account) Drifts(control Control, resource Resource) (Resource, bool, error) {
	for _, drift := range control.Drift {
		if drift.Type != resource.Type || !Matches(resource.Attributes, drift.Match) {
			continue
		}
		due, err := a.spend(drift, 1)
		if err != nil {
			return resource, true, err
		}
		if !due {
			continue
		}
		if drift.Lose {
			return resource, false, a.Remove(resource.Type, resource.ID)
		}
		for name, value := range drift.Set {
			resource.Attributes[name] = value
		}
		if err := a.Put(resource); err != nil {
			return resource, true, err
		}
	}
	return resource, true, nil
}

// spend takes one of so many times that something happens, across processes;
// false when all are taken. Of 0 there is no end.
func (a *Account) spend(what any, times int) (bool, error) {
	if times == 0 {
		return true, nil
	}
	text, err := json.Marshal(what)
	if err != nil {
		return false, err
	}
	sum := sha256.Sum256(text)
	for i := range times {
		mark := filepath.Join(a.directory, "spent", hex.EncodeToString(sum[:8])+"-"+strconv.Itoa(i))
		file, err := os.OpenFile(mark, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return false, err
		}
		return true, file.Close()
	}
	return false, nil
}

// Wait is how long an operation takes: what it takes in real life, scaled.
func (c Control) Wait(kind, operation string, usual time.Duration) (time.Duration, error) {
	if own := c.Durations[kind][operation]; own != "" {
		duration, err := time.ParseDuration(own)
		if err != nil {
			return 0, fmt.Errorf("the AWS double's control file: %s of %s: %w", operation, kind, err)
		}
		usual = duration
	}
	return time.Duration(float64(usual) * c.Scale), nil
}
