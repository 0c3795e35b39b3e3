// Package app is the service behind `pocctl serve`, with `migrate` and `seed`.
// It knows nothing of the platform that runs it, and reads no environment.
package app

import (
	"io"
	"net"
	"os"
	"time"

	"go.uber.org/zap"

	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/objectives"
	"github.com/pocctl/pocctl/internal/app/store"
	"github.com/pocctl/pocctl/internal/app/telemetry"
)

// Role says which part of the service a process is.
type Role string

// The roles. Each serves probes and metrics.
const (
	RoleAll    Role = "all"
	RoleAPI    Role = "api"    // REST and gRPC
	RoleWorker Role = "worker" // jobs
)

func (r Role) serves() bool { return r != RoleWorker }
func (r Role) works() bool  { return r != RoleAPI }

// Options of Serve, Migrate and Seed. Start from Defaults. The name of a field
// is that of its flag: DatabaseURL is --database-url.
type Options struct {
	// Role is which part of the service this process is.
	Role Role
	// Address is where Serve listens for HTTP, host:port, and nowhere else.
	Address string
	// GRPCAddress is where it listens for gRPC; empty serves none.
	GRPCAddress string
	// PrivateAddress is where it listens for profiles and for the switch of
	// readiness, which have no authentication; empty leaves them out.
	PrivateAddress string
	// GRPCReflection lets clients ask which methods there are.
	GRPCReflection bool

	// DatabaseURL is a Postgres connection URL; all three need it.
	DatabaseURL string
	// DatabaseConnections bounds the pool of connections to Postgres.
	DatabaseConnections int
	// ConnectTimeout bounds each attempt to connect to Postgres.
	ConnectTimeout time.Duration
	// StatementTimeout bounds each statement of Serve; Migrate and Seed have none.
	StatementTimeout time.Duration
	// DatabaseWait is how long Migrate and Seed wait for the database to come
	// up; and Migrate, then, for another that is migrating.
	DatabaseWait time.Duration
	// Resolver finds the addresses of database and Redis; nil is the system's.
	Resolver *net.Resolver

	// RedisURL is redis:// or rediss://; empty serves without a cache.
	RedisURL string
	// RedisTimeout bounds each call to Redis.
	RedisTimeout time.Duration
	// RedisConnections bounds the pool of connections to Redis.
	RedisConnections int
	// CacheTTL is how long a product stays in Redis, give or take a tenth.
	CacheTTL time.Duration
	// CacheLocalTTL is how long it stays in the process, at most; Redis tells
	// of changes meanwhile. 0 keeps nothing there.
	CacheLocalTTL time.Duration
	// CacheLocalSize bounds what the process keeps, in bytes.
	CacheLocalSize int64
	// CacheNegativeTTL is how long it is remembered that a product isn't there;
	// 0 remembers none.
	CacheNegativeTTL time.Duration

	// Queue is where jobs go: river, which is in Postgres, or sqs.
	Queue string
	// QueueWorkers is how many jobs this process works on at once.
	QueueWorkers int
	// QueueMaxAttempts is how often a job is tried before it is a dead letter.
	QueueMaxAttempts int
	// QueueMaxDepth is how many jobs may wait before orders are refused.
	QueueMaxDepth int
	// SQSQueueURL and SQSDeadLetterURL name the two queues of sqs.
	SQSQueueURL, SQSDeadLetterURL string
	// SQSRegion is their AWS region; empty is the environment's.
	SQSRegion string
	// SQSEndpoint takes the place of AWS's own, for a compatible server.
	SQSEndpoint string

	// OIDCIssuer is the URL of the issuer whose tokens are taken. Empty takes
	// none: what needs a role is then refused to everybody.
	OIDCIssuer string
	// OIDCAudience is what a token must be meant for; one of them.
	OIDCAudience []string
	// OIDCAudienceClaim is the claim that has it.
	OIDCAudienceClaim string
	// OIDCJWKSURL is where the issuer's keys are; empty asks the issuer.
	OIDCJWKSURL string
	// OIDCRolesClaim is the claim that has the caller's roles.
	OIDCRolesClaim string
	// OIDCRoleNames maps values of that claim to viewer, editor or admin; empty
	// takes them by their own names.
	OIDCRoleNames map[string]string
	// OIDCDefaultRole is that of a token which gives none; empty refuses it.
	OIDCDefaultRole string
	// OIDCClockSkew is by how much the issuer's clock may differ.
	OIDCClockSkew time.Duration

	// TrustedProxies are the networks of proxies whose X-Forwarded-For is believed.
	TrustedProxies []string
	// ReadRate and WriteRate are the requests a second that a client may make
	// in the long run, ReadBurst and WriteBurst what it may make at once.
	ReadRate, ReadBurst, WriteRate, WriteBurst int
	// AddressRate and AddressBurst bound a network address, before its token is
	// looked at.
	AddressRate, AddressBurst int
	// MaxConcurrency is the most requests that are worked on at once in each lane; the
	// limit in force adapts below it.
	MaxConcurrency int
	// ShedTarget is how long work may take before less is done at once, and what
	// has no room is refused. Requests wait for half of it, at most, for their turn.
	ShedTarget time.Duration

	// FlagsFile is the file of feature flags, watched for changes; empty takes
	// FlagsDefault.
	FlagsFile string
	// FlagsDefault is what a file of feature flags would hold.
	FlagsDefault []byte

	// Objectives are what the service tells that it is held to; it may be none.
	Objectives []objectives.Objective

	// FaultErrorPercent, FaultLatency, FaultLatencyJitter and FaultErrorStatus
	// say what to inject on purpose, FaultRoutes where; see package faults.
	FaultErrorPercent, FaultLatencyPercent float64
	FaultLatency, FaultLatencyJitter       time.Duration
	FaultErrorStatus                       int
	// FaultLeak is how many bytes each of those requests keeps for good.
	FaultLeak   int
	FaultRoutes []string

	// LogLevel is debug, info, warn or error.
	LogLevel string
	// LogOutput takes the log, one JSON object a line.
	LogOutput io.Writer
	// OTLPEndpoint is where traces go, a URL; empty sends none.
	OTLPEndpoint string
	// OTLPProtocol is http or grpc.
	OTLPProtocol string
	// TraceRatio is the share of traces that are kept where the caller doesn't
	// say; those with an error are kept always.
	TraceRatio float64
	// DeploymentEnvironment says where this runs, in traces: staging, production.
	DeploymentEnvironment string

	// RequestTimeout bounds the work on one request.
	RequestTimeout time.Duration
	// ReadinessDelay is how long Serve goes on as before, but not ready, once
	// it is asked to stop: load balancers take that long to hear of it.
	ReadinessDelay time.Duration
	// ShutdownTimeout is how long requests, and then jobs, may take to finish.
	ShutdownTimeout time.Duration

	// SeedCount is how many products Seed makes sure of.
	SeedCount int

	// Build says what /version answers.
	Build Build

	// Started, if set, is told the addresses once Serve listens: of use with port 0.
	Started func(Addresses)
}

// Addresses are where Serve listens; nil where it doesn't.
type Addresses struct{ HTTP, GRPC, Private net.Addr }

// Build says which build this is.
type Build struct {
	Version string
	Commit  string
	Date    string // RFC 3339
}

// Defaults are the options that suit most; the URLs are the caller's.
func Defaults() Options {
	return Options{
		Role:           RoleAll,
		Address:        "127.0.0.1:8080",
		GRPCAddress:    "127.0.0.1:9090",
		PrivateAddress: "127.0.0.1:6060",
		GRPCReflection: true,

		DatabaseConnections: 10,
		ConnectTimeout:      3 * time.Second,
		StatementTimeout:    3 * time.Second,
		DatabaseWait:        time.Minute,

		RedisTimeout:     250 * time.Millisecond,
		RedisConnections: 20,
		CacheTTL:         time.Minute,
		CacheLocalTTL:    2 * time.Second,
		CacheLocalSize:   8 << 20,
		CacheNegativeTTL: 3 * time.Second,

		Queue:            "river",
		QueueWorkers:     8,
		QueueMaxAttempts: 8,
		QueueMaxDepth:    10_000,

		OIDCAudience:      []string{"pocctl"},
		OIDCAudienceClaim: "aud",
		OIDCRolesClaim:    "roles",
		OIDCClockSkew:     30 * time.Second,

		ReadRate: 100, ReadBurst: 200, WriteRate: 20, WriteBurst: 50,
		AddressRate: 300, AddressBurst: 600,
		MaxConcurrency: 512, ShedTarget: 200 * time.Millisecond,

		FaultErrorStatus: faults.DefaultErrorStatus,

		LogLevel:     "info",
		LogOutput:    os.Stderr,
		OTLPProtocol: "http",
		TraceRatio:   0.1,

		RequestTimeout:  5 * time.Second,
		ReadinessDelay:  5 * time.Second,
		ShutdownTimeout: 20 * time.Second,
		SeedCount:       200,
		Build:           Build{Version: "dev"},
	}
}

func (o Options) store() store.Options {
	return store.Options{
		URL:            o.DatabaseURL,
		Resolver:       o.Resolver,
		MaxConnections: int32(o.DatabaseConnections),
		ConnectTimeout: o.ConnectTimeout,
	}
}

// logger is that of the commands that run once; flush sends off the last lines.
func (o Options) logger() (logger *zap.Logger, flush func()) {
	logger, flush, err := telemetry.NewLogger(o.LogOutput, o.LogLevel)
	if err != nil {
		return zap.NewNop(), func() {} // Validate has refused it
	}
	return logger, flush
}
