package app

import (
	"cmp"
	"context"
	"errors"
	"os"
	"runtime"
	"time"

	"github.com/redis/go-redis/v9"
	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/api"
	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/cache"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/limits"
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/orders"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// parts are those that the service is put together from. Nothing of it runs yet.
type parts struct {
	logger     *zap.Logger
	flush      func() // of the log
	metrics    *telemetry.Metrics
	objectives *objectives.Objectives
	tracing    *telemetry.Tracing
	store      *store.Store
	redis      *redis.Client // nil without a cache
	cache      *cache.Cache
	catalog    *catalog.Catalog
	orders     *orders.Orders
	queue      *queue.Queue
	flags      *flags.Flags
	verifier   tokenVerifier
	admission  api.Admission
}

// tokenVerifier is auth.Verifier, or nobody who verifies.
type tokenVerifier interface {
	Verify(ctx context.Context, token string) (auth.Principal, error)
	Keys() auth.KeysState
	Warm(ctx context.Context) error
}

// assemble makes the parts. Errors: what can't be used.
func assemble(ctx context.Context, o Options) (p *parts, err error) {
	p = &parts{}
	if p.logger, p.flush, err = telemetry.NewLogger(o.LogOutput, o.LogLevel); err != nil {
		return nil, err
	}
	p.metrics = telemetry.NewMetrics(telemetry.Build{Version: o.Build.Version, Commit: o.Build.Commit, Go: runtime.Version()})
	defer func() {
		if err != nil {
			p.close(context.WithoutCancel(ctx))
		}
	}()
	p.objectives, err = objectives.New(objectives.Options{Objectives: o.Objectives, Metrics: p.metrics.Served(), Since: time.Now()})
	if err != nil {
		return p, err
	}
	hostname, _ := os.Hostname() // only a name
	p.tracing, err = telemetry.NewTracing(ctx, telemetry.TracingOptions{
		Endpoint: o.OTLPEndpoint, Protocol: o.OTLPProtocol, Ratio: o.TraceRatio, Logger: p.logger, Kept: p.metrics.TraceKept, Resolver: o.Resolver,
		Service: "pocctl", Version: o.Build.Version, Instance: cmp.Or(os.Getenv("POD_NAME"), hostname), Environment: o.DeploymentEnvironment,
	})
	if err != nil {
		return p, err
	}
	p.metrics.Register(p.tracing.Collector())
	for _, part := range []func(context.Context, Options) error{p.openStore, p.openCache, p.openQueue, p.openFlags, p.openAuth, p.openAdmission} {
		if err := part(ctx, o); err != nil {
			return p, err
		}
	}
	return p, nil
}

func (p *parts) openStore(ctx context.Context, o Options) (err error) {
	database := o.store()
	database.Tracer = telemetry.NewPostgres(p.metrics, p.tracing)
	database.MinIdleConnections = 2
	database.StatementTimeout = o.StatementTimeout
	database.LockTimeout = o.StatementTimeout * 2 / 3
	database.IdleInTransactionTimeout = 2 * o.RequestTimeout
	if p.store, err = store.New(ctx, database); err != nil {
		return err
	}
	p.metrics.Register(telemetry.NewPool(p.store.Stat))
	return nil
}

func (p *parts) openCache(_ context.Context, o Options) (err error) {
	if o.RedisURL != "" {
		redis.SetLogger(telemetry.Printf{Logger: p.logger}) // or it writes plain text to stderr
		if p.redis, err = cache.Connect(cache.Connection{
			URL: o.RedisURL, Resolver: o.Resolver, MaxConnections: o.RedisConnections, Timeout: o.RedisTimeout,
		}); err != nil {
			return err
		}
		telemetry.WatchRedis(p.redis, p.metrics, p.tracing)
	}
	local := cache.DefaultLocal()
	local.TTL, local.AbsentTTL, local.MaxBytes = o.CacheLocalTTL, o.CacheNegativeTTL, int(o.CacheLocalSize)
	if o.CacheLocalTTL == 0 || o.CacheLocalSize == 0 {
		local = cache.LocalOptions{}
	}
	p.cache = cache.New(cache.Options{
		Client: p.redis, TTL: o.CacheTTL, LoadTimeout: o.RequestTimeout, Local: local,
		NotFound: func(err error) bool { return errors.Is(err, catalog.ErrNotFound) },
		Observer: cacheObserver{p.metrics, p.logger}, Now: time.Now,
	})
	p.catalog = catalog.New(p.store, p.cache, time.Now)
	return nil
}

func (p *parts) openQueue(_ context.Context, o Options) (err error) {
	options := queue.Options{
		Kind: queue.Kind(o.Queue), Pool: p.store.Pool(), Work: o.Role.works(), Workers: o.QueueWorkers, MaxAttempts: o.QueueMaxAttempts, MaxDepth: o.QueueMaxDepth,
		Tracer: p.tracing.Tracer("queue"), Logger: p.logger, Observer: p.metrics,
	}
	if o.Queue == queueSQS {
		options.SQS = queue.SQSOptions{
			QueueURL: o.SQSQueueURL, DeadLetterURL: o.SQSDeadLetterURL, Region: o.SQSRegion, Endpoint: o.SQSEndpoint,
		}
	}
	if p.queue, err = queue.New(options); err != nil { //nolint:contextcheck // it outlives the start
		return err
	}
	p.orders = orders.New(orders.Options{
		Store: store.NewOrders(p.store, p.queue, time.Now), Cache: p.cache, Full: p.queue.Full, Now: time.Now,
	})
	p.queue.Handle(p.orders)
	return nil
}

func (p *parts) openFlags(ctx context.Context, o Options) (err error) {
	p.flags, err = flags.New(ctx, flags.Options{
		Path: o.FlagsFile, Default: o.FlagsDefault, Store: p.store, Logger: p.logger, Observer: p.metrics,
	})
	if err != nil {
		return &OptionError{"FlagsFile", err}
	}
	return nil
}

func (p *parts) openAuth(_ context.Context, o Options) error {
	if o.OIDCIssuer == "" {
		p.verifier = noIssuer{}
		return nil
	}
	verifier, err := auth.NewVerifier(o.verifier(p.metrics))
	p.verifier = verifier
	return err
}

// minConcurrency is the least that a lane may do at once.
const minConcurrency = 8

func (p *parts) openAdmission(_ context.Context, o Options) (err error) {
	a := &p.admission
	if a.Proxies, err = limits.NewProxies(limits.ProxyOptions{Trusted: o.TrustedProxies}); err != nil {
		return err
	}
	if a.Throttle, err = limits.NewThrottle(limits.ThrottleOptions{
		Rate: perSecond(o.AddressRate, o.AddressBurst), MaxAddresses: maxClients, Observer: p.metrics,
	}); err != nil {
		return err
	}
	rates := limits.DefaultRates()
	rates[limits.Read], rates[limits.Write] = perSecond(o.ReadRate, o.ReadBurst), perSecond(o.WriteRate, o.WriteBurst)
	if a.Limiter, err = limits.NewLimiter(limits.LimiterOptions{
		Client: p.redis, Rates: rates, Timeout: o.RedisTimeout, MaxClients: maxClients, Observer: limitObserver{p.metrics, p.logger},
	}); err != nil {
		return err
	}
	lanes := limits.DefaultLanes()
	for name, lane := range lanes {
		lane.Target, lane.Patience = max(lane.Target, o.ShedTarget), max(lane.Patience, o.ShedTarget/2)
		lane.Max = min(lane.Max, o.MaxConcurrency)
		lane.Initial = min(lane.Initial, lane.Max)
		lanes[name] = lane
	}
	if a.Shedder, err = limits.NewShedder(limits.ShedderOptions{Lanes: lanes, Observer: p.metrics}); err != nil {
		return err
	}
	p.metrics.Register(telemetry.NewLanes(a.Shedder))
	a.Faults, err = faults.New(o.faults(p.metrics))
	return err
}

// maxClients bounds how many clients are remembered, at a few hundred bytes each.
const maxClients = 20_000

// close gives everything back; what was never made is left out.
func (p *parts) close(ctx context.Context) error {
	var err error
	if p.flags != nil {
		err = errors.Join(err, p.flags.Close(ctx))
	}
	if p.redis != nil {
		err = errors.Join(err, p.redis.Close())
	}
	if p.store != nil {
		p.store.Close()
	}
	if p.tracing != nil {
		sending, cancel := context.WithTimeout(ctx, telemetryTime)
		defer cancel()
		err = errors.Join(err, p.tracing.Shutdown(sending))
	}
	return err
}

// telemetryTime bounds sending off the last traces.
const telemetryTime = 3 * time.Second

func (o Options) verifier(observer auth.Observer) auth.VerifierOptions {
	options := auth.VerifierOptions{
		Issuer: o.OIDCIssuer, Audiences: o.OIDCAudience, AudienceClaim: o.OIDCAudienceClaim, JWKSURL: o.OIDCJWKSURL,
		RolesClaim: o.OIDCRolesClaim, ClockSkew: o.OIDCClockSkew, DefaultRole: auth.Role(o.OIDCDefaultRole), Observer: observer,
		HTTPClient: o.httpClient(),
	}
	if len(o.OIDCRoleNames) > 0 {
		options.RoleNames = map[string]auth.Role{}
		for name, role := range o.OIDCRoleNames {
			options.RoleNames[name] = auth.Role(role)
		}
	}
	return options
}

func (o Options) faults(observer faults.Observer) faults.Options {
	return faults.Options{
		Spec: faults.Spec{
			ErrorPercent: o.FaultErrorPercent, ErrorStatus: o.FaultErrorStatus, Latency: o.FaultLatency, LatencyJitter: o.FaultLatencyJitter,
			LatencyPercent: o.FaultLatencyPercent,
		},
		Leak: o.FaultLeak, Routes: o.FaultRoutes, Observer: observer,
	}
}

// noIssuer takes no token: there is nobody whose tokens it could take.
type noIssuer struct{}

func (noIssuer) Verify(context.Context, string) (auth.Principal, error) {
	return auth.Principal{}, &auth.Refused{Reason: auth.ReasonIssuer}
}
func (noIssuer) Keys() auth.KeysState       { return auth.KeysState{} }
func (noIssuer) Warm(context.Context) error { return nil }
