package rpc_test

import (
	"context"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/testing/protocmp"
	"google.golang.org/protobuf/types/known/durationpb"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/catalog"
	"github.com/pocctl/pocctl/internal/app/faults"
	"github.com/pocctl/pocctl/internal/app/queue"
	"github.com/pocctl/pocctl/internal/app/rpc"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

// letters are dead letters in memory. Package queue tests the real ones.
type letters struct {
	mutex    sync.Mutex
	all      []queue.DeadLetter
	requeued []string
}

func (l *letters) ListDeadLetters(_ context.Context, limit int) ([]queue.DeadLetter, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return slices.Clone(l.all[:min(limit, len(l.all))]), nil
}

func (l *letters) Requeue(_ context.Context, id string) error {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	i := slices.IndexFunc(l.all, func(letter queue.DeadLetter) bool { return letter.ID == id })
	if i < 0 {
		return queue.ErrNoDeadLetter
	}
	l.all = slices.Delete(l.all, i, i+1)
	l.requeued = append(l.requeued, id)
	return nil
}

func (s *service) flag(key string) *pocctlv1.Flag {
	s.t.Helper()
	for _, flag := range must(s.manage.ListFlags(s.admin(), &pocctlv1.ListFlagsRequest{}))(s.t).GetFlags() {
		if flag.GetKey() == key {
			return flag
		}
	}
	s.t.Fatalf("there is no flag %s", key)
	return nil
}

// trail gives the audit log, oldest first: action, target and outcome.
func (s *service) trail() []string {
	s.t.Helper()
	var lines []string
	for _, entry := range must(s.manage.ListAudit(s.admin(), &pocctlv1.ListAuditRequest{PageSize: 100}))(s.t).GetEntries() {
		outcome := strings.ToLower(strings.TrimPrefix(entry.GetOutcome().String(), "AUDIT_OUTCOME_"))
		lines = append(lines, entry.GetAction()+" "+entry.GetTarget()+" "+outcome)
	}
	slices.Reverse(lines)
	return lines
}

func TestFlagsAreOverriddenAndLetGo(t *testing.T) {
	s := full(t)
	before := s.flag("product-cache")
	want := &pocctlv1.Flag{
		Key: "product-cache", Description: before.GetDescription(), Type: pocctlv1.FlagType_FLAG_TYPE_BOOLEAN,
		Variants:       map[string]*structpb.Value{"on": structpb.NewBoolValue(true), "off": structpb.NewBoolValue(false)},
		DefaultVariant: "on", Enabled: true, Variant: "on", Value: structpb.NewBoolValue(true),
		Source: pocctlv1.FlagSource_FLAG_SOURCE_FILE, Reason: "STATIC",
	}
	if diff := cmp.Diff(want, before, protocmp.Transform()); diff != "" {
		t.Errorf("the flag (-want +got):\n%s", diff)
	}

	set := must(s.manage.SetFlagOverride(s.as("admin", "x-request-id", "because"), &pocctlv1.SetFlagOverrideRequest{
		Key: "product-cache", Value: structpb.NewBoolValue(false), Reason: "Redis is moved", Ttl: durationpb.New(time.Hour),
	}))(t).GetFlag()
	override := set.GetOverride()
	if set.GetValue().GetBoolValue() || set.GetVariant() != "off" || set.GetSource() != pocctlv1.FlagSource_FLAG_SOURCE_OVERRIDE ||
		override.GetReason() != "Redis is moved" || override.GetSetBy() != "subject-of-admin" || override.GetVariant() != "off" {
		t.Errorf("overridden: %v", set)
	}
	if left := override.GetExpiresAt().AsTime().Sub(override.GetSetAt().AsTime()); left < 59*time.Minute || left > 61*time.Minute {
		t.Errorf("it lasts %s, want an hour", left)
	}
	if diff := cmp.Diff(set, s.flag("product-cache"), protocmp.Transform()); diff != "" {
		t.Errorf("listed (-set +listed):\n%s", diff)
	}
	for range 2 { // there need not be one
		must(s.manage.ClearFlagOverride(s.admin(), &pocctlv1.ClearFlagOverrideRequest{Key: "product-cache"}))(t)
	}
	if diff := cmp.Diff(before, s.flag("product-cache"), protocmp.Transform()); diff != "" {
		t.Errorf("let go (-before +after):\n%s", diff)
	}

	written := must(s.manage.ListAudit(s.admin(), &pocctlv1.ListAuditRequest{Action: "setFlagOverride"}))(t).GetEntries()
	entry := &pocctlv1.AuditEntry{
		Actor: "subject-of-admin", Role: pocctlv1.Role_ROLE_ADMIN, Client: "tests", Action: "setFlagOverride",
		Target: "product-cache", RequestId: "because", Address: "127.0.0.1", Outcome: pocctlv1.AuditOutcome_AUDIT_OUTCOME_DONE,
	}
	if len(written) != 2 {
		t.Fatalf("%d entries, want that it is attempted and done: %v", len(written), written)
	}
	if diff := cmp.Diff(entry, written[0], protocmp.Transform(), protocmp.IgnoreFields(entry, "id", "at", "detail")); diff != "" {
		t.Errorf("the newest entry (-want +got):\n%s", diff)
	}
	if detail := written[0].GetDetail().AsMap(); detail["reason"] != "Redis is moved" || detail["value"] != false || detail["seconds"] != 3600.0 {
		t.Errorf("its detail is %v", detail)
	}
	if at := written[0].GetAt().AsTime(); time.Since(at).Abs() > time.Minute || written[0].GetId() <= written[1].GetId() {
		t.Errorf("written at %s, as %d after %d", at, written[0].GetId(), written[1].GetId())
	}
}

func TestFlagsMayBeObjectsWithRules(t *testing.T) {
	s := full(t)
	search := s.flag("experimental-search")
	if rules := search.GetRules(); len(rules) == 0 || rules[0].GetVariant() != "on" || rules[0].GetRoles()[0] != "admin" {
		t.Errorf("the rules are %v", rules)
	}
	slow := must(structpb.NewValue(map[string]any{"latency_ms": 7.0}))(t)
	set := must(s.manage.SetFlagOverride(s.admin(), &pocctlv1.SetFlagOverrideRequest{
		Key: "fault-injection", Value: slow, Reason: "a drill",
	}))(t).GetFlag()
	if set.GetVariant() != "custom" || set.GetValue().GetStructValue().AsMap()["latency_ms"] != 7.0 ||
		set.GetType() != pocctlv1.FlagType_FLAG_TYPE_OBJECT || set.GetOverride().GetExpiresAt() != nil {
		t.Errorf("overridden: %v", set)
	}
	named := must(s.manage.SetFlagOverride(s.admin(), &pocctlv1.SetFlagOverrideRequest{
		Key: "fault-injection", Value: structpb.NewStringValue("off"), Reason: "it is over",
	}))(t).GetFlag()
	if named.GetVariant() != "off" {
		t.Errorf("overridden by name: %v", named)
	}
}

func TestDeadLettersAreListedAndRequeued(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	dead := &letters{}
	for _, id := range []string{"7", "8", "9"} {
		dead.all = append(dead.all, queue.DeadLetter{ID: id, Kind: "reserve", OrderID: someID, Attempts: 8, Error: "no such product", FailedAt: at})
	}
	s := start(t, func(o *rpc.Options) {
		over(t, o, postgres.URL(t, postgres.Database(t)))
		o.DeadLetters = dead
	})
	got := must(s.manage.ListDeadLetters(s.admin(), &pocctlv1.ListDeadLettersRequest{PageSize: 2}))(t).GetDeadLetters()
	want := &pocctlv1.DeadLetter{
		Id: "7", Kind: "reserve", OrderId: someID, Attempts: 8, Error: "no such product", FailedAt: timestamppb.New(at),
	}
	if len(got) != 2 {
		t.Fatalf("%d dead letters, want 2", len(got))
	}
	if diff := cmp.Diff(want, got[0], protocmp.Transform()); diff != "" {
		t.Errorf("the first (-want +got):\n%s", diff)
	}
	must(s.manage.RequeueDeadLetter(s.admin(), &pocctlv1.RequeueDeadLetterRequest{Id: "8"}))(t)
	_, err := s.manage.RequeueDeadLetter(s.admin(), &pocctlv1.RequeueDeadLetterRequest{Id: "8"})
	refused(t, err, codes.NotFound, "dead-letter-not-found")
	if diff := cmp.Diff([]string{"8"}, dead.requeued); diff != "" {
		t.Errorf("requeued (-want +got):\n%s", diff)
	}
	trail := []string{
		"requeueDeadLetter 8 attempted", "requeueDeadLetter 8 done",
		"requeueDeadLetter 8 attempted", "requeueDeadLetter 8 failed",
	}
	if diff := cmp.Diff(trail, s.trail()); diff != "" {
		t.Errorf("the audit log (-want +got):\n%s", diff)
	}
	if all := must(s.manage.ListDeadLetters(s.admin(), &pocctlv1.ListDeadLettersRequest{}))(t).GetDeadLetters(); len(all) != 2 {
		t.Errorf("%d are left, want 2", len(all))
	}
}

func TestTheAuditLogGoesPageByPage(t *testing.T) {
	s := full(t)
	for _, key := range []string{"product-cache", "rate-limiting", "product-cache"} {
		must(s.manage.ClearFlagOverride(s.admin(), &pocctlv1.ClearFlagOverrideRequest{Key: key}))(t)
	}
	request := &pocctlv1.ListAuditRequest{PageSize: 1, Target: "product-cache", Outcome: pocctlv1.AuditOutcome_AUDIT_OUTCOME_DONE}
	var ids []int64
	for {
		page := must(s.manage.ListAudit(s.admin(), request))(t)
		for _, entry := range page.GetEntries() {
			ids = append(ids, entry.GetId())
		}
		if page.GetNextPageToken() == "" {
			break
		}
		request.PageToken = page.GetNextPageToken()
	}
	if len(ids) != 2 || ids[0] <= ids[1] {
		t.Errorf("the entries are %d, want two, newest first", ids)
	}
	for actor, want := range map[string]int{"subject-of-admin": 6, "nobody": 0} {
		if got := must(s.manage.ListAudit(s.admin(), &pocctlv1.ListAuditRequest{Actor: actor}))(t).GetEntries(); len(got) != want {
			t.Errorf("%d entries of %s, want %d", len(got), actor, want)
		}
	}
}

func TestWhatAdministrationRefuses(t *testing.T) {
	s := full(t)
	on := structpb.NewBoolValue(true)
	set := func(request *pocctlv1.SetFlagOverrideRequest) func() error {
		return func() error {
			_, err := s.manage.SetFlagOverride(s.admin(), request)
			return err
		}
	}
	clear := func(key string) func() error {
		return func() error {
			_, err := s.manage.ClearFlagOverride(s.admin(), &pocctlv1.ClearFlagOverrideRequest{Key: key})
			return err
		}
	}
	list := func(size int32) func() error {
		return func() error {
			_, err := s.manage.ListDeadLetters(s.admin(), &pocctlv1.ListDeadLettersRequest{PageSize: size})
			return err
		}
	}
	audit := func(request *pocctlv1.ListAuditRequest) func() error {
		return func() error {
			_, err := s.manage.ListAudit(s.admin(), request)
			return err
		}
	}
	requeue := func() error {
		_, err := s.manage.RequeueDeadLetter(s.admin(), &pocctlv1.RequeueDeadLetterRequest{})
		return err
	}
	const key, invalid, parameter = "product-cache", "invalid-value", "invalid-parameter"
	tests := map[string]struct {
		call   func() error
		code   codes.Code
		reason string
		fields []string
	}{
		"no such flag":         {set(&pocctlv1.SetFlagOverrideRequest{Key: "colour", Value: on, Reason: "x"}), codes.NotFound, "flag-not-found", nil},
		"no flag":              {set(&pocctlv1.SetFlagOverrideRequest{Value: on, Reason: "x"}), codes.NotFound, "flag-not-found", nil},
		"no value":             {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Reason: "x"}), codes.InvalidArgument, invalid, []string{"value"}},
		"an empty value":       {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: &structpb.Value{}, Reason: "x"}), codes.InvalidArgument, invalid, []string{"value"}},
		"not a number":         {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: structpb.NewNumberValue(math.NaN()), Reason: "x"}), codes.InvalidArgument, invalid, []string{"value"}},
		"another type":         {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: structpb.NewNumberValue(7), Reason: "x"}), codes.InvalidArgument, invalid, []string{"value"}},
		"no reason":            {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: on}), codes.InvalidArgument, invalid, []string{"reason"}},
		"no time at all":       {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: on, Reason: "x", Ttl: &durationpb.Duration{}}), codes.InvalidArgument, invalid, []string{"ttl"}},
		"an odd time":          {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: on, Reason: "x", Ttl: &durationpb.Duration{Seconds: 1, Nanos: -1}}), codes.InvalidArgument, invalid, []string{"ttl"}},
		"too short a time":     {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: on, Reason: "x", Ttl: &durationpb.Duration{Nanos: 1}}), codes.InvalidArgument, invalid, []string{"ttl"}},
		"too long a time":      {set(&pocctlv1.SetFlagOverrideRequest{Key: key, Value: on, Reason: "x", Ttl: &durationpb.Duration{Seconds: 1e10}}), codes.InvalidArgument, invalid, []string{"ttl"}},
		"clear no such flag":   {clear("colour"), codes.NotFound, "flag-not-found", nil},
		"too many letters":     {list(101), codes.InvalidArgument, parameter, []string{"page_size"}},
		"fewer than none":      {list(-1), codes.InvalidArgument, parameter, []string{"page_size"}},
		"requeue nothing":      {requeue, codes.InvalidArgument, parameter, []string{"id"}},
		"too many entries":     {audit(&pocctlv1.ListAuditRequest{PageSize: 101}), codes.InvalidArgument, parameter, []string{"page_size"}},
		"an odd outcome":       {audit(&pocctlv1.ListAuditRequest{Outcome: 77}), codes.InvalidArgument, parameter, []string{"outcome"}},
		"an odd page of audit": {audit(&pocctlv1.ListAuditRequest{PageToken: "x"}), codes.InvalidArgument, parameter, []string{"page_token"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { refused(t, test.call(), test.code, test.reason, test.fields...) })
	}
	if override := s.flag(key).GetOverride(); override != nil {
		t.Errorf("something was set: %v", override)
	}
}

// unwritten is an audit log that fails from the nth entry on.
type unwritten struct {
	auth.Auditor
	after int
}

func (u *unwritten) Record(ctx context.Context, entry auth.Entry) error {
	if u.after--; u.after < 0 {
		return errWith{catalog.ErrUnavailable, auth.ErrAuditUnavailable}
	}
	return u.Auditor.Record(ctx, entry)
}

type errWith [2]error

func (e errWith) Error() string   { return e[1].Error() }
func (e errWith) Unwrap() []error { return e[:] }

func TestWhatCannotBeWrittenDownIsNotDone(t *testing.T) {
	log := &unwritten{}
	s := start(t, func(o *rpc.Options) {
		over(t, o, postgres.URL(t, postgres.Database(t)))
		log.Auditor, o.Auditor = o.Auditor, log
	})
	request := &pocctlv1.SetFlagOverrideRequest{Key: "product-cache", Value: structpb.NewBoolValue(false), Reason: "x"}
	_, err := s.manage.SetFlagOverride(s.admin(), request)
	refused(t, err, codes.Unavailable, "audit-unavailable")
	if override := s.flag("product-cache").GetOverride(); override != nil {
		t.Errorf("it was set, and nobody knows: %v", override)
	}
	// What is done, but isn't known to be, isn't acknowledged.
	log.after = 1
	_, err = s.manage.SetFlagOverride(s.admin(), request)
	refused(t, err, codes.Unavailable, "audit-unavailable")
	if diff := cmp.Diff([]string{"setFlagOverride product-cache attempted"}, s.trail()); diff != "" {
		t.Errorf("the audit log (-want +got):\n%s", diff)
	}
}

func TestWhoTriesToBeAnAdminIsWrittenDown(t *testing.T) {
	log := &unwritten{}
	s := start(t, func(o *rpc.Options) {
		over(t, o, postgres.URL(t, postgres.Database(t)))
		log.Auditor, log.after, o.Auditor = o.Auditor, 1, log
	})
	try := func(token string) error {
		_, err := s.manage.ListFlags(s.as(token, "x-request-id", "try"), &pocctlv1.ListFlagsRequest{})
		return err
	}
	refused(t, try("editor"), codes.PermissionDenied, "forbidden")
	refused(t, try("editor"), codes.PermissionDenied, "forbidden") // the log is away by now
	refused(t, try(""), codes.Unauthenticated, "unauthenticated")  // nobody to tell of
	_, err := s.catalog.CreateProduct(s.viewer(), &pocctlv1.CreateProductRequest{})
	refused(t, err, codes.PermissionDenied, "forbidden") // it takes no admin
	refusals := must(s.manage.ListAudit(s.admin(), &pocctlv1.ListAuditRequest{}))(t).GetEntries()
	if len(refusals) != 1 {
		t.Fatalf("%d entries, want 1: %v", len(refusals), refusals)
	}
	entry := &pocctlv1.AuditEntry{
		Actor: "subject-of-editor", Role: pocctlv1.Role_ROLE_EDITOR, Client: "tests", Action: "listFlags", RequestId: "try",
		Address: "127.0.0.1", Outcome: pocctlv1.AuditOutcome_AUDIT_OUTCOME_REFUSED,
	}
	if diff := cmp.Diff(entry, refusals[0], protocmp.Transform(), protocmp.IgnoreFields(entry, "id", "at", "detail")); diff != "" {
		t.Errorf("the entry (-want +got):\n%s", diff)
	}
	if warned := s.logs.FilterMessage("a refused attempt isn't in the audit log").All(); len(warned) != 1 {
		t.Errorf("%d warnings of what isn't written down, want 1", len(warned))
	}
}

// panicking are dead letters whose requeueing panics.
type panicking struct{ *letters }

func (panicking) Requeue(context.Context, string) error { panic("oh") }

func TestAPanicOfAnAdminIsWrittenDown(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		over(t, o, postgres.URL(t, postgres.Database(t)))
		o.DeadLetters = panicking{}
	})
	_, err := s.manage.RequeueDeadLetter(s.admin(), &pocctlv1.RequeueDeadLetterRequest{Id: "7"})
	refused(t, err, codes.Internal, "internal")
	if diff := cmp.Diff([]string{"requeueDeadLetter 7 attempted", "requeueDeadLetter 7 failed"}, s.trail()); diff != "" {
		t.Errorf("the audit log (-want +got):\n%s", diff)
	}
}

// Administration goes on while faults are injected, or they could not be taken back.
func TestAdministrationHasNoFaults(t *testing.T) {
	s := start(t, func(o *rpc.Options) {
		over(t, o, postgres.URL(t, postgres.Database(t)))
		o.Admission.Faults = failing(t, faults.Spec{ErrorPercent: 100})
	})
	refused(t, s.get(s.as("")), codes.Internal, "injected-fault")
	s.flag("fault-injection")
}
