package rpc

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/pocctl/pocctl/internal/app/auth"
	"github.com/pocctl/pocctl/internal/app/flags"
	"github.com/pocctl/pocctl/internal/app/rpc/pocctlv1"
)

func (s *adminService) ListFlags(ctx context.Context, _ *pocctlv1.ListFlagsRequest) (*pocctlv1.ListFlagsResponse, error) {
	response := &pocctlv1.ListFlagsResponse{}
	for _, state := range s.Flags.List(ctx) {
		flag, err := flagOf(state)
		if err != nil {
			return nil, err
		}
		response.Flags = append(response.Flags, flag)
	}
	return response, nil
}

func (s *adminService) SetFlagOverride(ctx context.Context, request *pocctlv1.SetFlagOverrideRequest) (*pocctlv1.SetFlagOverrideResponse, error) {
	value, err := valueOf(request.GetValue())
	if err != nil {
		return nil, err
	}
	ttl, err := ttlOf(request)
	if err != nil {
		return nil, err
	}
	response := &pocctlv1.SetFlagOverrideResponse{}
	detail := map[string]any{"value": request.GetValue().AsInterface(), "reason": request.GetReason(), "seconds": ttl.Seconds()}
	err = s.audited(ctx, request.GetKey(), detail, func(ctx context.Context) error {
		state, err := s.Flags.SetOverride(ctx, request.GetKey(), value, request.GetReason(), auth.FromContext(ctx).Subject, ttl)
		if err != nil {
			return err
		}
		response.Flag, err = flagOf(state)
		return err
	})
	if err != nil {
		return nil, err
	}
	return response, nil
}

func (s *adminService) ClearFlagOverride(ctx context.Context, request *pocctlv1.ClearFlagOverrideRequest) (*pocctlv1.ClearFlagOverrideResponse, error) {
	err := s.audited(ctx, request.GetKey(), nil, func(ctx context.Context) error {
		return s.Flags.ClearOverride(ctx, request.GetKey())
	})
	if err != nil {
		return nil, err
	}
	return &pocctlv1.ClearFlagOverrideResponse{}, nil
}

// valueOf gives a value as JSON: a number that JSON doesn't have is refused.
func valueOf(given *structpb.Value) (json.RawMessage, error) {
	if given.GetKind() == nil {
		return nil, invalidField("value", "is missing")
	}
	text, err := given.MarshalJSON()
	if err != nil {
		return nil, invalidField("value", "must be what JSON can hold")
	}
	return text, nil
}

// ttlOf is 0 for no end. A duration that is given has to be more than that, or
// a client's zero would last forever.
func ttlOf(request *pocctlv1.SetFlagOverrideRequest) (time.Duration, error) {
	given := request.GetTtl()
	switch {
	case given == nil:
		return 0, nil
	case given.CheckValid() != nil || given.AsDuration() <= 0:
		return 0, invalidField("ttl", fmt.Sprintf("must be from %s to %s, or left out for no end", flags.MinTTL, flags.MaxTTL))
	}
	return given.AsDuration(), nil
}

func flagOf(state flags.State) (*pocctlv1.Flag, error) {
	value, err := structpb.NewValue(state.Value)
	if err != nil {
		return nil, fmt.Errorf("write the value of the flag %s: %w", state.Key, err)
	}
	flag := &pocctlv1.Flag{
		Key: state.Key, Description: state.Description, Type: flagTypeOf(state.Type),
		Variants: map[string]*structpb.Value{}, DefaultVariant: state.Default, Enabled: state.Enabled,
		Variant: state.Variant, Value: value, Source: flagSourceOf(state.Source), Reason: state.Reason,
		Override: overrideOf(state.Override), OverrideProblem: state.Ignored,
	}
	for name, variant := range state.Variants {
		if flag.Variants[name], err = structpb.NewValue(variant); err != nil {
			return nil, fmt.Errorf("write the variant %s of the flag %s: %w", name, state.Key, err)
		}
	}
	for _, rule := range state.Rules {
		flag.Rules = append(flag.Rules, &pocctlv1.FlagRule{
			Roles: rule.Roles, Subjects: rule.Subjects, Percent: rule.Percent, PercentBy: string(rule.By), Variant: rule.Variant,
		})
	}
	return flag, nil
}

func overrideOf(override *flags.Override) *pocctlv1.FlagOverride {
	if override == nil {
		return nil
	}
	given := &pocctlv1.FlagOverride{
		Variant: override.Variant, Reason: override.Reason, SetBy: override.By, SetAt: timestamppb.New(override.At),
	}
	if !override.Expires.IsZero() {
		given.ExpiresAt = timestamppb.New(override.Expires)
	}
	return given
}

func flagTypeOf(kind flags.Type) pocctlv1.FlagType {
	switch kind {
	case flags.Boolean:
		return pocctlv1.FlagType_FLAG_TYPE_BOOLEAN
	case flags.String:
		return pocctlv1.FlagType_FLAG_TYPE_STRING
	case flags.Number:
		return pocctlv1.FlagType_FLAG_TYPE_NUMBER
	case flags.Object:
		return pocctlv1.FlagType_FLAG_TYPE_OBJECT
	}
	return pocctlv1.FlagType_FLAG_TYPE_UNSPECIFIED
}

func flagSourceOf(source flags.Source) pocctlv1.FlagSource {
	switch source {
	case flags.FromFile:
		return pocctlv1.FlagSource_FLAG_SOURCE_FILE
	case flags.FromOverride:
		return pocctlv1.FlagSource_FLAG_SOURCE_OVERRIDE
	}
	return pocctlv1.FlagSource_FLAG_SOURCE_UNSPECIFIED
}
