package otlptest

import commonpb "go.opentelemetry.io/proto/otlp/common/v1"

// Value gives a value of OTLP as Go has it: string, bool, int64, float64, []byte,
// []any or map[string]any; nil for none.
func Value(value *commonpb.AnyValue) any {
	switch v := value.GetValue().(type) {
	case *commonpb.AnyValue_StringValue:
		return v.StringValue
	case *commonpb.AnyValue_BoolValue:
		return v.BoolValue
	case *commonpb.AnyValue_IntValue:
		return v.IntValue
	case *commonpb.AnyValue_DoubleValue:
		return v.DoubleValue
	case *commonpb.AnyValue_BytesValue:
		return v.BytesValue
	case *commonpb.AnyValue_ArrayValue:
		values := []any{}
		for _, one := range v.ArrayValue.GetValues() {
			values = append(values, Value(one))
		}
		return values
	case *commonpb.AnyValue_KvlistValue:
		values := map[string]any{}
		for _, one := range v.KvlistValue.GetValues() {
			values[one.GetKey()] = Value(one.GetValue())
		}
		return values
	}
	return nil
}
