package flags

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"
	"go.uber.org/zap"
)

// Errors of overrides, besides *Invalid and the store's.
var (
	ErrNoFlag  = errors.New("no such flag")
	ErrNoStore = errors.New("there is no store for overrides")
)

// Store keeps overrides where every replica sees them.
type Store interface {
	// FlagOverrides gives those that haven't expired.
	FlagOverrides(ctx context.Context) ([]Override, error)
	// SetFlagOverride replaces the flag's override, if there is one. It takes
	// Key, Variant, Value, By and Reason; the rest is the store's. A ttl of 0
	// is no end.
	SetFlagOverride(ctx context.Context, override Override, ttl time.Duration) (Override, error)
	// ClearFlagOverride tells whether there was one.
	ClearFlagOverride(ctx context.Context, key string) (bool, error)
	// WatchFlagOverrides calls changed once it watches, and after each change.
	// It returns when ctx ends, or with why it can't watch any longer.
	WatchFlagOverrides(ctx context.Context, changed func()) error
}

// Observer is told how flags are kept up to date.
type Observer interface {
	// FlagFileRead is told of each new content of the file: whether it is in force.
	FlagFileRead(ok bool)
	// FlagOverridesRead is told of each attempt to read the overrides.
	FlagOverridesRead(ok bool)
	// FlagsOverridden is told how many overrides are in force, when that may have changed.
	FlagsOverridden(count int)
}

// Options of Flags.
type Options struct {
	// Path is the file of flags; "" is Default alone.
	Path string
	// Default is the file that is built in. It has the service's own flags;
	// those that Path leaves out are as they are here.
	Default []byte
	// Store may be nil: then there are no overrides.
	Store Store
	// Logger may be nil.
	Logger *zap.Logger
	// Observer may be nil.
	Observer Observer

	// FilePoll is how often the file is looked at, should the kernel not tell
	// of a change; 0 is 5 seconds.
	FilePoll time.Duration
	// OverridePoll is how often overrides are read, should the store not tell
	// of a change; 0 is 2 seconds.
	OverridePoll time.Duration
	// Settle is how long a changed file has to stay as it is before it counts,
	// so that half a write doesn't; 0 is 100 milliseconds.
	Settle time.Duration
}

// Flags is safe for concurrent use.
type Flags struct {
	options  Options
	builtIn  *ruleset
	provider *provider
	api      *openfeature.EvaluationAPI
	client   *openfeature.Client
	state    atomic.Pointer[state]

	// storing is held while overrides are read or written, so that no reader
	// brings back what was before a write.
	storing sync.Mutex
	poked   chan struct{} // overrides may have changed
	loaded  chan struct{} // closed once overrides have been read

	mutex     sync.Mutex // guards what follows, and each change of state
	rules     *ruleset
	overrides []Override
	status    Status
	seen      string // the file's content that was last read, see content
	stale     bool   // as OpenFeature was last told
}

// New reads the file, and no override yet: Run does. Errors: a file that can't
// be read, or is wrong (a *FileError).
func New(ctx context.Context, options Options) (*Flags, error) {
	options.complete()
	builtIn, err := parse(options.Default)
	if err != nil {
		return nil, fmt.Errorf("read the flags that are built in: %w", err)
	}
	for _, key := range own() {
		if builtIn.flags[key] == nil {
			return nil, fmt.Errorf("read the flags that are built in: there is no %s", key)
		}
	}
	f := &Flags{
		options: options, builtIn: builtIn, api: isolated.NewAPI(),
		poked: make(chan struct{}, 1), loaded: make(chan struct{}), rules: builtIn,
		status: Status{File: BuiltIn, Revision: builtIn.revision},
	}
	if options.Path != "" {
		found := look(options.Path)
		rules, err := found.rules()
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", options.Path, err)
		}
		f.rules, f.seen = rules.over(builtIn), found.key()
		f.status = Status{File: options.Path, Revision: rules.revision}
	}
	f.status.FileReadAt = time.Now()
	f.state.Store(newState(f.rules, nil))
	f.provider = newProvider(f.state.Load)
	if err := f.api.SetProviderAndWait(ctx, f.provider); err != nil {
		return nil, fmt.Errorf("start OpenFeature: %w", err)
	}
	f.client = f.api.NewClient()
	return f, nil
}

func (o *Options) complete() {
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	if o.Observer == nil {
		o.Observer = unobserved{}
	}
	o.FilePoll = cmp.Or(o.FilePoll, 5*time.Second)
	o.OverridePoll = cmp.Or(o.OverridePoll, 2*time.Second)
	o.Settle = cmp.Or(o.Settle, 100*time.Millisecond)
}

// Run keeps flags up to date, with the file and the store, until ctx ends.
func (f *Flags) Run(ctx context.Context) {
	var all sync.WaitGroup
	if f.options.Path != "" {
		all.Go(func() { f.followFile(ctx) })
	}
	if f.options.Store != nil {
		all.Go(func() { f.watchOverrides(ctx) })
		all.Go(func() { f.followOverrides(ctx) })
	}
	all.Wait()
}

// Close ends OpenFeature's part; flags stay as they are.
func (f *Flags) Close(ctx context.Context) error {
	if err := f.api.Shutdown(ctx); err != nil {
		return fmt.Errorf("stop OpenFeature: %w", err)
	}
	return nil
}

// Client evaluates any flag, the service's own and others of the file. The
// targeting key is the subject; RoleAttribute and AddressAttribute are the rest.
func (f *Flags) Client() openfeature.IClient { return f.client }

// AddHandler calls handle after flags have changed, with their keys, until
// Close; more than one call may run at once.
func (f *Flags) AddHandler(handle func(keys []string)) {
	callback := func(details openfeature.EventDetails) { handle(details.FlagChanges) }
	f.api.AddHandler(openfeature.ProviderConfigChange, &callback)
}

// Loaded is closed once overrides have been read for the first time, at once
// without a store.
func (f *Flags) Loaded() <-chan struct{} {
	if f.options.Store == nil {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return f.loaded
}

// SetOverride sets a flag for everyone, for ttl or, if that is 0, until it is
// cleared. value is JSON of the flag's type, or the name of a variant. Errors:
// ErrNoFlag, an *Invalid, ErrNoStore, the store's.
func (f *Flags) SetOverride(ctx context.Context, key string, value json.RawMessage, reason, by string, ttl time.Duration) (State, error) {
	if f.options.Store == nil {
		return State{}, ErrNoStore
	}
	flag := f.state.Load().flags[key]
	if flag == nil {
		return State{}, ErrNoFlag
	}
	override, err := choose(&flag.Flag, value)
	if err != nil {
		return State{}, err
	}
	if err := checkReason(by, reason, ttl); err != nil {
		return State{}, err
	}
	override.By, override.Reason = by, reason
	f.storing.Lock()
	defer f.storing.Unlock()
	override, err = f.options.Store.SetFlagOverride(ctx, override, ttl)
	if err != nil {
		return State{}, fmt.Errorf("set an override of %s: %w", key, err)
	}
	f.replace(key, &override)
	if flag = f.state.Load().flags[key]; flag == nil {
		return State{}, ErrNoFlag // the file has changed meanwhile
	}
	return flag.state(), nil
}

// ClearOverride takes a flag's override away; there need not be one. Errors:
// ErrNoFlag, ErrNoStore, the store's.
func (f *Flags) ClearOverride(ctx context.Context, key string) error {
	if f.options.Store == nil {
		return ErrNoStore
	}
	f.storing.Lock()
	defer f.storing.Unlock()
	found, err := f.options.Store.ClearFlagOverride(ctx, key)
	if err != nil {
		return fmt.Errorf("clear the override of %s: %w", key, err)
	}
	f.replace(key, nil)
	if !found && f.state.Load().flags[key] == nil {
		return ErrNoFlag
	}
	return nil
}

type unobserved struct{}

func (unobserved) FlagFileRead(bool)      {}
func (unobserved) FlagOverridesRead(bool) {}
func (unobserved) FlagsOverridden(int)    {}
