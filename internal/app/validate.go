package app

import (
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/limits"
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// maxPool is more connections than one process can use well.
const maxPool = 1000

// OptionError is an option that can't be used. Nothing was done.
type OptionError struct {
	Option string // the field of Options
	Err    error
}

func (e *OptionError) Error() string { return e.Option + ": " + e.Err.Error() }
func (e *OptionError) Unwrap() error { return e.Err }

// Validate returns an *OptionError for the first option that can't be used.
func (o Options) Validate() error {
	for _, check := range []func() (option string, err error){
		o.checkAddresses, o.checkStores, o.checkDurations, o.checkCounts, o.checkQueue, o.checkTokens, o.checkBehaviour,
	} {
		if option, err := check(); err != nil {
			return &OptionError{option, err}
		}
	}
	return nil
}

func (o Options) checkAddresses() (string, error) {
	if !slices.Contains([]Role{RoleAll, RoleAPI, RoleWorker}, o.Role) {
		return "Role", fmt.Errorf("must be all, api or worker, not %q", o.Role)
	}
	for _, one := range []struct {
		option, address string
		needed          bool
	}{{"Address", o.Address, true}, {"GRPCAddress", o.GRPCAddress, false}, {"PrivateAddress", o.PrivateAddress, false}} {
		if one.address == "" && !one.needed {
			continue
		}
		if _, _, err := net.SplitHostPort(one.address); err != nil {
			return one.option, err
		}
	}
	return "", nil
}

func (o Options) checkStores() (string, error) {
	if o.DatabaseURL == "" {
		return "DatabaseURL", errors.New("is needed")
	}
	if err := store.ParseURL(o.DatabaseURL); err != nil {
		return "DatabaseURL", err
	}
	if o.RedisURL != "" {
		if err := cache.ParseURL(o.RedisURL); err != nil {
			return "RedisURL", err
		}
	}
	if o.LogOutput == nil {
		return "LogOutput", errors.New("is needed")
	}
	_, flush, err := telemetry.NewLogger(io.Discard, o.LogLevel)
	if err != nil {
		return "LogLevel", err
	}
	flush()
	return "", nil
}

func (o Options) checkDurations() (string, error) {
	for _, limit := range []struct {
		option string
		value  time.Duration
		least  time.Duration
	}{
		{"RequestTimeout", o.RequestTimeout, time.Millisecond}, {"ShutdownTimeout", o.ShutdownTimeout, time.Millisecond},
		{"CacheTTL", o.CacheTTL, time.Millisecond}, {"RedisTimeout", o.RedisTimeout, time.Millisecond},
		{"ConnectTimeout", o.ConnectTimeout, time.Millisecond}, {"StatementTimeout", o.StatementTimeout, time.Millisecond},
		{"DatabaseWait", o.DatabaseWait, time.Millisecond}, {"ShedTarget", o.ShedTarget, time.Millisecond},
		{"ReadinessDelay", o.ReadinessDelay, 0}, {"CacheLocalTTL", o.CacheLocalTTL, 0}, {"CacheNegativeTTL", o.CacheNegativeTTL, 0},
		{"OIDCClockSkew", o.OIDCClockSkew, 0},
	} {
		if limit.value < limit.least {
			return limit.option, fmt.Errorf("must be at least %s, not %s", limit.least, limit.value)
		}
	}
	return "", nil
}

func (o Options) checkCounts() (string, error) {
	for _, count := range []struct {
		option      string
		value       int64
		least, most int64
	}{
		{"RedisConnections", int64(o.RedisConnections), 1, maxPool}, {"DatabaseConnections", int64(o.DatabaseConnections), 1, maxPool},
		{"QueueWorkers", int64(o.QueueWorkers), 1, maxPool}, {"QueueMaxAttempts", int64(o.QueueMaxAttempts), 1, 100},
		{"QueueMaxDepth", int64(o.QueueMaxDepth), 1, 100_000_000}, {"CacheLocalSize", o.CacheLocalSize, 0, 1 << 40},
		{"MaxConcurrency", int64(o.MaxConcurrency), minConcurrency, 1_000_000}, {"SeedCount", int64(o.SeedCount), 0, maxSeed},
	} {
		if count.value < count.least || count.value > count.most {
			return count.option, fmt.Errorf("must be from %d to %d, not %d", count.least, count.most, count.value)
		}
	}
	for _, rate := range []struct {
		option string
		rate   limits.Rate
	}{
		{"ReadRate", perSecond(o.ReadRate, o.ReadBurst)}, {"WriteRate", perSecond(o.WriteRate, o.WriteBurst)},
		{"AddressRate", perSecond(o.AddressRate, o.AddressBurst)},
	} {
		if err := rate.rate.Validate(); err != nil {
			return rate.option, err
		}
	}
	if _, err := limits.NewProxies(limits.ProxyOptions{Trusted: o.TrustedProxies}); err != nil {
		return "TrustedProxies", err
	}
	return "", nil
}

func (o Options) checkQueue() (string, error) {
	switch o.Queue {
	case queueRiver:
		return "", nil
	case queueSQS:
		return "SQSQueueURL", queue.SQSOptions{QueueURL: o.SQSQueueURL, DeadLetterURL: o.SQSDeadLetterURL}.Validate()
	}
	return "Queue", fmt.Errorf("must be river or sqs, not %q", o.Queue)
}

func (o Options) checkTokens() (string, error) {
	if o.OIDCIssuer == "" {
		return "", nil
	}
	_, err := auth.NewVerifier(o.verifier(nil))
	return "OIDCIssuer", err
}

func (o Options) checkBehaviour() (string, error) {
	if err := telemetry.ValidateTracing(o.OTLPEndpoint, o.OTLPProtocol); err != nil {
		return "OTLPEndpoint", err
	}
	if o.TraceRatio < 0 || o.TraceRatio > 1 || o.TraceRatio != o.TraceRatio {
		return "TraceRatio", fmt.Errorf("must be from 0 to 1, not %v", o.TraceRatio)
	}
	if _, err := objectives.New(objectives.Options{Objectives: o.Objectives}); err != nil {
		return "Objectives", err
	}
	_, err := faults.New(o.faults(nil))
	var invalid *faults.Invalid
	if errors.As(err, &invalid) {
		return "Fault" + invalid.Field, errors.New(invalid.Detail)
	}
	return "FaultRoutes", err
}

// Kinds of queues.
const (
	queueRiver = "river"
	queueSQS   = "sqs"
)

func perSecond(requests, burst int) limits.Rate {
	return limits.Rate{Requests: requests, Per: time.Second, Burst: burst}
}
