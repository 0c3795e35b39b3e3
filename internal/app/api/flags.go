package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/pocctl/pocctl/internal/app/flags"
)

type flagState struct {
	Key         string `json:"key"`
	Description string `json:"description"`
	Type        string `json:"type" enum:"boolean,string,number,object"`
	Enabled     bool   `json:"enabled" doc:"Whether the file's rules are looked at"`
	Value       any    `json:"value" doc:"What it is for whoever no rule matches, now"`
	Variant     string `json:"variant" doc:"That value's name"`
	Source      string `json:"source" enum:"file,override" doc:"Where the value is from"`
	Rules       any    `json:"rules,omitempty" doc:"Who gets something else, in order; an override comes before them"`
	Override    any    `json:"override,omitempty" doc:"What an admin has set"`
	Ignored     string `json:"ignored,omitempty" doc:"Why an override that is set isn't in force"`
}

func presentFlag(f flags.State) flagState {
	shown := flagState{
		Key: f.Key, Description: f.Description, Type: string(f.Type), Enabled: f.Enabled,
		Value: f.Value, Variant: f.Variant, Source: string(f.Source), Ignored: f.Ignored,
	}
	if len(f.Rules) > 0 {
		shown.Rules = f.Rules
	}
	if f.Override != nil {
		shown.Override = f.Override
	}
	return shown
}

type flagsBody struct {
	Body struct {
		Items []flagState `json:"items" nullable:"false"`
	}
}

func (s *server) listFlags(ctx context.Context, _ *struct{}) (*flagsBody, error) {
	found := s.Flags.List(ctx)
	var output flagsBody
	output.Body.Items = make([]flagState, len(found))
	for i, flag := range found {
		output.Body.Items[i] = presentFlag(flag)
	}
	return &output, nil
}

// FlagKey names a flag in the path.
type FlagKey struct {
	Key string `path:"key" maxLength:"100" example:"product-cache"`
}

type setOverrideInput struct {
	FlagKey
	Body struct {
		Value   any    `json:"value" doc:"Of the flag's type, or the name of one of its variants"`
		Reason  string `json:"reason" minLength:"1" maxLength:"500" doc:"Why, for those who wonder" example:"Redis is being moved"`
		Seconds int64  `json:"seconds" required:"false" minimum:"0" maximum:"31536000" doc:"How long; 0 until it is cleared"`
	}
}

type flagBody struct{ Body flagState }

func (s *server) setFlagOverride(ctx context.Context, input *setOverrideInput) (*flagBody, error) {
	value, err := json.Marshal(input.Body.Value)
	if err != nil {
		return nil, newProblem(codeInvalid, "value can't be used").about("value")
	}
	ttl := time.Duration(input.Body.Seconds) * time.Second
	detail := map[string]any{"value": input.Body.Value, "reason": input.Body.Reason, "seconds": input.Body.Seconds}
	var set flags.State
	err = s.audited(ctx, "setFlagOverride", input.Key, detail, func(ctx context.Context) (err error) {
		set, err = s.Flags.SetOverride(ctx, input.Key, value, input.Body.Reason, requestOf(ctx).principal.Subject, ttl)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &flagBody{presentFlag(set)}, nil
}

func (s *server) clearFlagOverride(ctx context.Context, input *FlagKey) (*struct{}, error) {
	return nil, s.audited(ctx, "clearFlagOverride", input.Key, nil, func(ctx context.Context) error {
		return s.Flags.ClearOverride(ctx, input.Key)
	})
}
