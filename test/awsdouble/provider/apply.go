package provider

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// change is one resource's apply under way.
type change struct {
	kind      string
	block     schema.Block
	behaviour behaviour
	control   cloud.Control
	operation string // create, update or delete
	planned   map[string]any
	before    map[string]any
}

// ApplyResourceChange makes, changes or deletes a resource.
func (s *Server) ApplyResourceChange(ctx context.Context, request *tfprotov5.ApplyResourceChangeRequest) (*tfprotov5.ApplyResourceChangeResponse, error) {
	block, err := s.schema.Resource(request.TypeName)
	if err != nil {
		return nil, err
	}
	kind := block.Type()
	planned, err := fromProto(request.PlannedState, kind)
	if err != nil {
		return nil, err
	}
	before, err := fromProto(request.PriorState, kind)
	if err != nil {
		return nil, err
	}
	control, err := s.account.Control()
	if err != nil {
		return nil, err
	}
	work := change{
		kind: request.TypeName, block: block, behaviour: s.of(request.TypeName), control: control,
		operation: "update", planned: object(planned), before: object(before),
	}
	switch {
	case before == nil:
		work.operation = "create"
	case planned == nil:
		work.operation = "delete"
	}

	after, failure, err := s.apply(ctx, work)
	if err != nil {
		return nil, err
	}
	answer := &tfprotov5.ApplyResourceChangeResponse{UnsafeToUseLegacyTypeSystem: true} //nolint:staticcheck // as the real provider
	if failure != nil {
		answer.Diagnostics = []*tfprotov5.Diagnostic{failure}
	}
	var value any
	if after != nil {
		value = after
	}
	answer.NewState, err = toProto(value, kind)
	return answer, err
}

// apply gives what the resource is afterwards, nil if it is not there; and what
// went wrong.
func (s *Server) apply(ctx context.Context, work change) (map[string]any, *tfprotov5.Diagnostic, error) {
	attributes := work.planned
	if work.operation == "delete" {
		attributes = work.before
	}
	fault, err := s.account.Fault(work.control, work.operation, work.kind, attributes, false)
	if err != nil {
		return nil, nil, err
	}
	if fault == nil {
		fault = s.denied(work)
	}
	if fault != nil {
		return work.before, s.failure(verb(work.operation), work.kind, *fault), nil
	}
	switch work.operation {
	case "create":
		return s.create(ctx, work)
	case "update":
		return s.update(ctx, work)
	default:
		return s.remove(ctx, work)
	}
}

func (s *Server) create(ctx context.Context, work change) (map[string]any, *tfprotov5.Diagnostic, error) {
	resource, problem, err := s.claim(work)
	if err != nil || problem != nil {
		return nil, problem, err
	}
	// It is there from now on, whatever becomes of this process.
	if failure, err := s.settle(ctx, work, resource); err != nil || failure != nil {
		return resource.Attributes, failure, err
	}
	return resource.Attributes, nil, nil
}

// claim makes the resource, unless its name is taken or there are too many.
func (s *Server) claim(work change) (cloud.Resource, *tfprotov5.Diagnostic, error) {
	s.making.Lock()
	defer s.making.Unlock()
	others, err := s.account.List(work.kind)
	if err != nil {
		return cloud.Resource{}, nil, err
	}
	if limit, limited := work.control.Quotas[work.kind]; limited && len(others) >= limit {
		code := work.behaviour.Quota
		if code == "" {
			code = "LimitExceededException"
		}
		return cloud.Resource{}, s.failure(verb(work.operation), work.kind, cloud.Fault{
			Code: code, Message: fmt.Sprintf("The maximum number of %s has been reached.", plural(work.kind)),
		}), nil
	}
	lingering, err := s.account.Lingering(work.kind)
	if err != nil {
		return cloud.Resource{}, nil, err
	}
	asked := seeded(work.kind, written(work.planned))
	for attempt := range 10_000 {
		made := s.maker(work.control, work.kind, fmt.Sprintf("%s/%d", asked, attempt), work.planned)
		problem := taken(work, made.values, others)
		if problem == nil && taken(work, made.values, lingering) != nil {
			problem = &cloud.Fault{Code: "InvalidRequestException", Message: fmt.Sprintf(
				"You can't create this %s because a %[1]s with this name is already scheduled for deletion.", noun(work.kind))}
		}
		if problem != nil {
			return cloud.Resource{}, s.failure(verb(work.operation), work.kind, *problem), nil
		}
		templates := maps.Clone(work.behaviour.Values)
		if templates == nil {
			templates = map[string]any{}
		}
		maps.Copy(templates, work.control.Values[work.kind])
		if work.behaviour.ID != "" {
			made.fill(schema.Block{}, without(templates, "{id")) // what the identifier may be made of
			if id, known := made.expand(work.behaviour.ID); known {
				made.values["id"] = id
			}
		}
		made.fill(work.block, templates)
		wait, err := work.control.Wait(work.kind, work.operation, work.behaviour.Create)
		if err != nil {
			return cloud.Resource{}, nil, err
		}
		now := time.Now().UTC()
		resource := cloud.Resource{Type: work.kind, ID: fmt.Sprint(made.values["id"]), Attributes: made.values, Made: now, Ready: now.Add(wait)}
		err = s.account.Add(resource)
		if errors.Is(err, cloud.ErrExists) {
			if work.behaviour.ID == "" && work.planned["name"] == nil || drawn.MatchString(work.behaviour.ID) {
				continue
			}
			code := work.behaviour.Taken
			if code == "" {
				code = "ResourceExistsException"
			}
			return cloud.Resource{}, s.failure(verb(work.operation), work.kind, cloud.Fault{
				Code: code, Message: resource.ID + " already exists", Status: 409,
			}), nil
		}
		return resource, nil, err
	}
	return cloud.Resource{}, nil, fmt.Errorf("no free identifier for %s", work.kind)
}

// taken is the fault of a name that another resource has.
func taken(work change, values map[string]any, others []cloud.Resource) *cloud.Fault {
	for _, name := range work.behaviour.Unique {
		mine, ok := values[name].(string)
		if !ok || mine == "" {
			continue
		}
		for _, other := range others {
			if other.Text(name) == mine {
				return &cloud.Fault{Code: work.behaviour.Taken, Message: fmt.Sprintf("%s %s already exists.", noun(work.kind), mine), Status: 409}
			}
		}
	}
	return nil
}

// without are the templates that do not mention something.
func without(templates map[string]any, mention string) map[string]any {
	rest := map[string]any{}
	for path, template := range templates {
		if path != "id" && !strings.Contains(fmt.Sprint(template), mention) {
			rest[path] = template
		}
	}
	return rest
}

func (s *Server) update(ctx context.Context, work change) (map[string]any, *tfprotov5.Diagnostic, error) {
	made := s.maker(work.control, work.kind, seeded(work.kind, work.before["id"], written(work.planned)), work.planned)
	for _, name := range work.behaviour.Recount {
		made.values[name] = recount(work.before[name])
	}
	made.fill(work.block, work.behaviour.Values)
	resource, there, err := s.account.Get(work.kind, fmt.Sprint(work.before["id"]))
	if err != nil {
		return work.before, nil, err
	}
	if !there {
		return work.before, s.failure(verb(work.operation), work.kind, cloud.Fault{
			Code: "ResourceNotFoundException", Message: fmt.Sprintf("%v not found", work.before["id"]), Status: 404,
		}), nil
	}
	if failure, err := s.settle(ctx, work, resource); err != nil || failure != nil {
		return work.before, failure, err
	}
	resource.Attributes = made.values
	return made.values, nil, s.account.Put(resource)
}

// recount is a number's, or a version's, next.
func recount(value any) any {
	var number int
	if _, err := fmt.Sscan(fmt.Sprint(value), &number); err != nil {
		return unknown{}
	}
	return normal(number + 1)
}

func (s *Server) remove(ctx context.Context, work change) (map[string]any, *tfprotov5.Diagnostic, error) {
	id := fmt.Sprint(work.before["id"])
	refusal, err := s.refused(work)
	if err != nil {
		return work.before, nil, err
	}
	if refusal != nil {
		return work.before, s.failure(verb(work.operation), work.kind, *refusal), nil
	}
	holder, err := s.holder(work, id)
	if err != nil {
		return work.before, nil, err
	}
	if problem, err := s.settle(ctx, work, cloud.Resource{Type: work.kind, ID: id, Attributes: work.before}); err != nil || problem != nil {
		return work.before, problem, err
	}
	if holder != nil {
		return work.before, s.failure(verb(work.operation), work.kind, cloud.Fault{
			Code: work.behaviour.Held, Message: fmt.Sprintf("The %s '%s' has dependencies and cannot be deleted.", noun(work.kind), id),
		}), nil
	}
	if work.behaviour.lingers(work.before) {
		return nil, nil, s.account.Linger(work.kind, id)
	}
	return nil, nil, s.account.Remove(work.kind, id)
}

// holder is a load balancer, instance or interface that uses what is to be
// deleted: Terraform deletes its own before, so it is somebody else's.
func (s *Server) holder(work change, id string) (*cloud.Resource, error) {
	if work.behaviour.Held == "" {
		return nil, nil //nolint:nilnil // nothing holds it
	}
	for _, kind := range []string{"aws_lb", "aws_elb", "aws_instance", "aws_network_interface"} {
		users, err := s.account.List(kind)
		if err != nil {
			return nil, err
		}
		for _, user := range users {
			if strings.Contains(fmt.Sprint(user.Attributes), id) {
				return &user, nil
			}
		}
	}
	return nil, nil //nolint:nilnil // nothing holds it
}

// settle takes the time that the operation takes, and tells of what fails late.
func (s *Server) settle(ctx context.Context, work change, resource cloud.Resource) (*tfprotov5.Diagnostic, error) {
	usual := map[string]time.Duration{"create": work.behaviour.Create, "update": work.behaviour.Update, "delete": work.behaviour.Delete}[work.operation]
	wait, err := work.control.Wait(work.kind, work.operation, usual)
	if err != nil {
		return nil, err
	}
	if err := s.wait(ctx, work.control, wait); err != nil {
		return &tfprotov5.Diagnostic{
			Severity: tfprotov5.DiagnosticSeverityError,
			Summary:  fmt.Sprintf("waiting for %s (%s) %s: %v", title(work.kind), resource.ID, work.operation, err),
		}, nil
	}
	fault, err := s.account.Fault(work.control, work.operation, work.kind, resource.Attributes, true)
	if err != nil || fault == nil {
		return nil, err
	}
	return s.failure("waiting for", work.kind, *fault), nil
}

// wait waits; an interrupt ends it, unless the control file says otherwise.
func (s *Server) wait(ctx context.Context, control cloud.Control, duration time.Duration) error {
	stopped := s.stopped
	if control.Stop == "finish" {
		stopped = nil
		ctx = context.WithoutCancel(ctx)
	}
	timer := time.NewTimer(duration)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-stopped:
		return context.Canceled
	case <-ctx.Done():
		return ctx.Err()
	}
}

// maker makes values over a copy of a resource's.
func (s *Server) maker(control cloud.Control, kind, seed string, values map[string]any) *maker {
	s.mutex.Lock()
	region := s.configured.region
	s.mutex.Unlock()
	return &maker{
		account: control.Account, user: control.User, region: region, kind: kind, seed: seed,
		values: copied(values), now: time.Now().UTC(),
	}
}

func copied(value map[string]any) map[string]any {
	all := make(map[string]any, len(value))
	for name, element := range value {
		all[name] = duplicate(element)
	}
	return all
}

func duplicate(value any) any {
	switch value := value.(type) {
	case map[string]any:
		return copied(value)
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = duplicate(element)
		}
		return list
	}
	return value
}

func requestID() string { return uuid.NewString() }
