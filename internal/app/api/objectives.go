package api

import (
	"context"
	"net/http"
	"time"

	"github.com/pocctl/pocctl/internal/app/objectives"
)

const tagObjectives = "Objectives"

func (s *server) objectiveOperations() {
	register(s, operation{
		name: "listObjectives", method: http.MethodGet, path: "/api/v1/objectives", tag: tagObjectives, success: http.StatusOK,
		summary: "List service level objectives",
		detail:  "Each with how the process that answers has done by it since it began. Other replicas have seen other requests.",
	}, s.listObjectives)
}

type objective struct {
	Name        string         `json:"name" example:"latency-p95"`
	Description string         `json:"description"`
	Indicator   string         `json:"indicator" doc:"What is limited: latency, error-rate, availability, cache-hit, or what only the platform measures" example:"latency"`
	Quantile    float64        `json:"quantile,omitzero" doc:"Of latency alone: the share of requests that have to keep the limit" example:"0.95"`
	Target      string         `json:"target" doc:"The limit as it was written" example:"<300ms"`
	Limit       objectiveLimit `json:"limit"`
	Source      string         `json:"source" doc:"What the platform measures it by: load, metrics or deployments" example:"load"`
	Measured    *measured      `json:"measured,omitempty" doc:"Missing if the service doesn't measure it, or nothing was asked yet"`
}

type objectiveLimit struct {
	Value float64 `json:"value" example:"300"`
	Unit  string  `json:"unit" enum:"ms,%"`
}

type measured struct {
	Since  time.Time `json:"since" doc:"When this process began"`
	Events uint64    `json:"events" doc:"Requests of this API; of cache-hit, reads of the cache"`
	Bad    uint64    `json:"bad" doc:"Those that count against the objective"`
	Ratio  float64   `json:"ratio" minimum:"0" maximum:"1" doc:"Bad of events"`
	Met    bool      `json:"met" doc:"By all that were counted, however few"`
}

type objectivesBody struct {
	Body struct {
		Items []objective `json:"items" nullable:"false"`
	}
}

func (s *server) listObjectives(ctx context.Context, _ *struct{}) (*objectivesBody, error) {
	found, err := s.Objectives.List(ctx)
	if err != nil {
		return nil, err
	}
	var output objectivesBody
	output.Body.Items = make([]objective, len(found))
	for i, state := range found {
		output.Body.Items[i] = presentObjective(state)
	}
	return &output, nil
}

func presentObjective(state objectives.State) objective {
	return objective{
		Name: state.Name, Description: state.Description, Indicator: state.Indicator, Quantile: state.Quantile,
		Target: state.Target, Limit: objectiveLimit{state.Limit.Value, state.Limit.Unit}, Source: state.Source,
		Measured: (*measured)(state.Measured),
	}
}
