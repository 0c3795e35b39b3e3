package fault

// Exit codes of the process, as the contract lists them.
const (
	ExitDone         = 0   // done, all verdicts good
	ExitFailed       = 1   // something failed
	ExitUsage        = 2   // bad flag, argument or configuration; nothing was touched
	ExitViolated     = 3   // a service level objective was violated
	ExitInsufficient = 4   // not enough data for a verdict
	ExitRolledBack   = 5   // the canary was rolled back
	ExitVoid         = 6   // the load generator could not hold the rate
	ExitLeftovers    = 7   // down left something behind
	ExitDrifted      = 8   // plan --drift found what something else has changed
	ExitInterrupted  = 130 // interrupted; the run can be taken up
)

// The codes. Their messages stand in the catalogue below, in the same order.
const (
	Internal            Code = "internal"
	Usage               Code = "usage"
	Interrupted         Code = "interrupted"
	EnvironmentUnknown  Code = "environment-unknown"
	ConfigUnreadable    Code = "config-unreadable"
	ConfigInvalid       Code = "config-invalid"
	EnvironmentHeld     Code = "environment-held"
	StepTimeout         Code = "step-timeout"
	StateDirUnwritable  Code = "state-dir-unwritable"
	StateDirFull        Code = "state-dir-full"
	PlatformUnsupported Code = "platform-unsupported"
	PortBusy            Code = "port-busy"
	ObjectiveViolated   Code = "objective-violated"
	DataInsufficient    Code = "data-insufficient"
	RateNotHeld         Code = "rate-not-held"
	MeasurementVoid     Code = "measurement-void"
	LeftBehind          Code = "left-behind"
	ImageUnknown        Code = "image-unknown"
	ClusterUnreachable  Code = "cluster-unreachable"
	ChartInvalid        Code = "chart-invalid"
	ValuesInvalid       Code = "values-invalid"
	ReleaseUnknown      Code = "release-unknown"
	RevisionUnknown     Code = "revision-unknown"
	ResourceRefused     Code = "resource-refused"
	RolloutFailed       Code = "rollout-failed"
	RolloutTimeout      Code = "rollout-timeout"
	LoadNotPrepared     Code = "load-not-prepared"
	SmokeFailed         Code = "smoke-failed"
	ProbeFailed         Code = "probe-failed"
	ClusterFailed       Code = "cluster-failed"
	KindUnsupported     Code = "kind-unsupported"
	CommandFailed       Code = "command-failed"
	BuildIncomplete     Code = "build-incomplete"
	NotUp               Code = "environment-not-up"
	NoReport            Code = "no-report"
	RunUnknown          Code = "run-unknown"
	PodUnknown          Code = "pod-unknown"
	PostgresMissing     Code = "postgres-missing"
	PostgresVersion     Code = "postgres-version"
	ProgramUnusable     Code = "program-unusable"
	ClusterGone         Code = "cluster-gone"
	AuthMissing         Code = "auth-missing"
	SecretMissing       Code = "secret-missing"
	CanaryRolledBack    Code = "canary-rolled-back"
	CanaryUnmeasured    Code = "canary-unmeasured"
	MetricsAway         Code = "metrics-away"
	CanaryNone          Code = "canary-none"
	CanaryUnderWay      Code = "canary-under-way"
	CanaryUnset         Code = "canary-unset"
	CanaryUnjudged      Code = "canary-unjudged"
	IssuerUnreachable   Code = "issuer-unreachable"
	ClientRefused       Code = "client-refused"
	PrometheusAway      Code = "prometheus-away"
	DashboardsBroken    Code = "dashboards-broken"
	InboxAway           Code = "inbox-away"
	AlertsUnproved      Code = "alerts-unproved"
	DrillForbidden      Code = "drill-forbidden"
	TerraformMissing    Code = "terraform-missing"
	TerraformOld        Code = "terraform-old"
	TerraformFailed     Code = "terraform-failed"
	ProviderUnavailable Code = "provider-unavailable"
	StateLocked         Code = "state-locked"
	ApplyFailed         Code = "apply-failed"
	CredentialsMissing  Code = "credentials-missing"
	CredentialsRefused  Code = "credentials-refused"
	AccountWrong        Code = "account-wrong"
	PermissionMissing   Code = "permission-missing"
	QuotaShort          Code = "quota-short"
	ZoneUndelegated     Code = "zone-undelegated"
	FirewallTight       Code = "firewall-tight"
	BackendForeign      Code = "backend-foreign"
	AWSFailed           Code = "aws-failed"
	Drifted             Code = "drifted"
	NotConfirmed        Code = "not-confirmed"
	Protected           Code = "protected"
	RootUnknown         Code = "root-unknown"
	VersionUnsupported  Code = "version-unsupported"
	ChartUnavailable    Code = "chart-unavailable"
	ChartAltered        Code = "chart-altered"
	OutputUnknown       Code = "output-unknown"
	ClusterSilent       Code = "cluster-silent"
)

type entry struct {
	exit    int
	message string
	fix     string
}

var catalogue = map[Code]entry{
	Internal:            {ExitFailed, "unexpected failure: {detail}", "run the command again with --log-level debug; if it stays, report it with that output"},
	Usage:               {ExitUsage, "{detail}", "see `{command} --help`"},
	Interrupted:         {ExitInterrupted, "interrupted during {step}", "run the same command again: it goes on where it stopped"},
	EnvironmentUnknown:  {ExitUsage, "there is no environment named {name}", "use one of {known}, or give the path of an environment file"},
	ConfigUnreadable:    {ExitUsage, "read {path}", "check that the file exists and that you may read it"},
	ConfigInvalid:       {ExitUsage, "{path}: {detail}", "{fix}"},
	EnvironmentHeld:     {ExitFailed, "environment {env} is held by {holder}", "wait until it ends, or stop that process"},
	StepTimeout:         {ExitFailed, "{step} did not end within {deadline}; it was waiting for {waiting}", "{fix}"},
	StateDirUnwritable:  {ExitUsage, "the state directory {path} is not writable", "make it writable, or choose another with --state-dir"},
	StateDirFull:        {ExitUsage, "the state directory {path} has {free} free; {needed} are needed", "free some space, or choose another with --state-dir"},
	PlatformUnsupported: {ExitUsage, "the local environment does not run here: {detail}", "use --env kind, which needs Docker"},
	PortBusy:            {ExitFailed, "port {port} is in use", "stop what listens there, or choose another port"},
	ObjectiveViolated:   {ExitViolated, "{objectives} not met", "look at the report: pocctl report"},
	DataInsufficient:    {ExitInsufficient, "not enough data for a verdict on {objectives}: {samples} samples, {needed} needed", "run longer: --duration {duration}"},
	RateNotHeld:         {ExitVoid, "the load generator could not hold {rate} requests a second: {detail}", "lower --rate, or run it from a machine with free cores"},
	MeasurementVoid:     {ExitVoid, "the load and the service's own metrics disagree on {objectives}: {detail}", "see what stands between: pocctl report; docs/verification.md says what may differ"},
	LeftBehind:          {ExitLeftovers, "down left something behind: {leftovers}", "remove it by hand, or run pocctl down again"},
	ImageUnknown:        {ExitFailed, "image {image} is not known here; known are {known}", "map it to a program of this machine in the environment's file, for example  images: {{name}: {program: /path/to/program}}"},
	ClusterUnreachable:  {ExitFailed, "the Kubernetes API at {server} does not answer", "check that the environment is up: pocctl status"},
	ChartInvalid:        {ExitUsage, "chart {chart}: {detail}", "correct the chart; `helm lint` shows more"},
	ValuesInvalid:       {ExitUsage, "values of release {release}: {detail}", "correct them in the environment's file; the chart's README.md lists its values"},
	ReleaseUnknown:      {ExitFailed, "there is no release {release} in namespace {namespace}", "deploy it first: pocctl deploy"},
	RevisionUnknown:     {ExitFailed, "release {release} has no such revision to go back to; it has {known}", "name one of those revisions"},
	ResourceRefused:     {ExitFailed, "{action}: Kubernetes refused it", "correct the chart or its values, then run the command again"},
	RolloutFailed:       {ExitFailed, "{release}: {resource} {outcome}: {detail}", "look further with: {next}"},
	RolloutTimeout:      {ExitFailed, "{release} was not ready after {waited}: {detail}", "look further with: {next}"},
	LoadNotPrepared:     {ExitFailed, "prepare the load: {request}: {detail}", "check that the service works: pocctl smoke"},
	SmokeFailed:         {ExitFailed, "smoke check {check}: expected {expected}, got {got}", "look further with: {next}"},
	ProbeFailed:         {ExitFailed, "{url} is not well", "see what it answers: curl -i {url}"},
	ClusterFailed:       {ExitFailed, "the local cluster does not come up: {component}: {detail}", "read its log: {log}"},
	PostgresMissing:     {ExitFailed, "there is no {wanted}", "install it, for example with `apt-get install {package}`, or name the directory of its programs as postgres.directory in the environment's file"},
	PostgresVersion:     {ExitFailed, "the database in {directory} was made by Postgres {made}, and this machine has {present}", "install Postgres {made} beside it, or remove the data with `pocctl down`"},
	KindUnsupported:     {ExitUsage, "environment {env} is of kind {kind}, which this version cannot provision", "use an environment of kind local"},
	NotUp:               {ExitFailed, "environment {env} is not up", "bring it up: pocctl up"},
	NoReport:            {ExitFailed, "environment {env} has no report yet", "run something first: pocctl up"},
	RunUnknown:          {ExitFailed, "there is no report of run {run}", "list the runs: pocctl report --list"},
	PodUnknown:          {ExitFailed, "nothing called {name} has logs here; there are {known}", "name a release, a pod, or a part of the cluster"},
	BuildIncomplete:     {ExitFailed, "this build of pocctl holds no custom resource definitions", "build it with `make build`"},
	ProgramUnusable:     {ExitUsage, "the program of image {image} cannot be used", "build it, or correct its path under images in the environment's file"},
	CommandFailed:       {ExitFailed, "{command} in pod {pod} ended with exit code {code}", "see what it said above, and the pod's log: pocctl logs {pod}"},
	ClusterGone:         {ExitFailed, "the local cluster of environment {env} ended during the run: its supervisor is gone", "run the same command again: it goes on where it stopped; what the supervisor said is in {log}"},
	AuthMissing:         {ExitUsage, "environment {env} names no issuer of tokens", "name one as auth in the environment's file; docs/environments.md has its keys"},
	SecretMissing:       {ExitFailed, "there is no secret of client {client}: {detail}", "{fix}"},
	CanaryRolledBack:    {ExitRolledBack, "the canary of release {release} was rolled back, and the stable version serves: {detail}", "look at what it did: {next}"},
	CanaryUnmeasured:    {ExitInsufficient, "the canary of release {release} was not promoted, for want of figures: {detail}", "{fix}"},
	MetricsAway:         {ExitFailed, "Prometheus does not tell how the canary of release {release} does, so it was taken back: {detail}", "look at it: {next}"},
	CanaryUnderWay:      {ExitFailed, "a canary of release {release} is under way already", "follow it to its end: pocctl canary; or take it back: pocctl canary abort"},
	CanaryUnset:         {ExitUsage, "environment {env} delivers no release step by step", "name one under canary in its file, for example  canary: {release: backend}"},
	CanaryUnjudged:      {ExitInsufficient, "the controller let the canary of release {release} through before its figures were enough for a verdict: {detail}", "judge what serves now: pocctl verify --slo; or go back: pocctl rollback {release}"},
	CanaryNone:          {ExitFailed, "no canary of release {release} is under way", "start one: pocctl canary"},
	IssuerUnreachable:   {ExitFailed, "the issuer {issuer} gives no token: {request}: {detail}", "see what it answers: curl -i {url}"},
	ClientRefused:       {ExitFailed, "the issuer {issuer} refuses client {client}: {detail}", "check the client and its secret under auth in the environment's file"},
	PrometheusAway:      {ExitFailed, "Prometheus at {url} can't be asked", "see whether it is well: {status}; and what it says: {logs}"},
	DashboardsBroken:    {ExitFailed, "{broken} of {panels} panels are broken\n{list}", "{fix}"},
	InboxAway:           {ExitFailed, "the inbox of alerts at {url} can't be read", "see whether it is well: {status}; and what it says: {logs}"},
	AlertsUnproved:      {ExitFailed, "{wanting} of {drills} alerts are not proved\n{list}", "see what Prometheus makes of them: {rules}; and what Alertmanager says: {logs}"},
	DrillForbidden:      {ExitUsage, "nothing may be broken on purpose in environment {env}", "name an environment for exercises; or allow it in this one's file, which production should not:  alerts: {drill: true}"},
	TerraformMissing:    {ExitFailed, "there is no terraform on PATH, and none could be fetched: {detail}", "install Terraform {wanted} and put it on PATH"},
	TerraformOld:        {ExitFailed, "terraform at {path} is version {version}; {wanted} is needed, and none could be fetched: {detail}", "install Terraform {wanted} and put it first on PATH"},
	TerraformFailed:     {ExitFailed, "terraform {command}: {detail}", "{fix}"},
	ProviderUnavailable: {ExitFailed, "Terraform cannot get its provider: {detail}", "check that its registry can be reached from here, or set up a provider mirror in Terraform's own configuration file"},
	StateLocked:         {ExitFailed, "the state of environment {env} is locked by another run: {holder}", "wait until that run ends; if it is known to be dead, `terraform force-unlock {id}` in {directory} takes its lock away"},
	ApplyFailed:         {ExitFailed, "{count} not made or changed: {detail}", "mend what it says, then run the same command again: what is made stays, and it goes on from there"},
	CredentialsMissing:  {ExitFailed, "there are no AWS credentials: {detail}", "sign in, for example with `aws sso login`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"},
	CredentialsRefused:  {ExitFailed, "AWS does not take these credentials: {detail}", "get fresh ones, for example with `aws sso login`"},
	AccountWrong:        {ExitUsage, "these credentials are of AWS account {actual}, and environment {env} is for {wanted}", "use credentials of account {wanted}, for example by AWS_PROFILE; or correct aws.account in the environment's file"},
	PermissionMissing:   {ExitFailed, "{principal} is not allowed {count} of the actions that are needed: {actions}", "have them allowed, or use another role; docs/aws.md says where the list is"},
	QuotaShort:          {ExitFailed, "AWS quotas are short: {quotas}", "ask for more at Service Quotas in region {region}, or free what is not used"},
	ZoneUndelegated:     {ExitFailed, "the DNS zone {domain} does not answer from the internet: {detail}", "{fix}"},
	FirewallTight:       {ExitUsage, "the firewall {firewall} blocks an address after {limit} requests in five minutes, and this environment's own load sends {needed}", "set aws.variables.edge.requests_per_address in the environment's file to {needed} or more, or lower load.rate and canary.rate"},
	BackendForeign:      {ExitFailed, "the bucket {bucket} for Terraform's state belongs to another account, or this one may not see it", "name another bucket as aws.stateBucket in the environment's file"},
	AWSFailed:           {ExitFailed, "{action}: AWS does not answer as it should: {detail}", "{fix}"},
	Drifted:             {ExitDrifted, "{count} of environment {env} changed outside Terraform", "`pocctl plan{flags}` shows what up would put back; or take the change into the configuration"},
	NotConfirmed:        {ExitUsage, "environment {env} was not taken down: its name was not typed", "type {env} when asked; where nobody can be asked, give --yes"},
	Protected:           {ExitUsage, "environment {env} is protected", "give --force as well, if it is really meant to go"},
	RootUnknown:         {ExitUsage, "environment {env} names the root module {root}, which is not in modules/roots", "name one as aws.root in its file: staging or prod"},
	VersionUnsupported:  {ExitFailed, "EKS has no Kubernetes {version}", "set the cluster's version to one of {known}"},
	ChartUnavailable:    {ExitFailed, "chart {chart} {version} cannot be fetched from {repository}: {detail}", "check that {repository} can be reached from here, or correct chart, repository and version in the environment's file"},
	ChartAltered:        {ExitFailed, "chart {chart} {version} of {repository} has the digest {digest}, and {wanted} is wanted", "find out who changed it; if the change is meant, write the new digest into the environment's file"},
	ClusterSilent:       {ExitFailed, "the cluster {cluster} does not let pocctl in; its API server answers {where}", "{fix}"},
	OutputUnknown:       {ExitUsage, "release {release} wants the output {output}, which Terraform does not put out", "use one of {known}"},
}
