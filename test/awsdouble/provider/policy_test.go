package provider

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestPolicyDocument renders the example of the provider's documentation, and
// what sources and overrides make of others.
func TestPolicyDocument(t *testing.T) {
	t.Parallel()
	buckets := fields{"sid": "1", "actions": []any{"s3:GetBucketLocation", "s3:ListAllMyBuckets"}, "resources": []any{"arn:aws:s3:::*"}}
	home := fields{
		"actions": []any{"s3:ListBucket"}, "resources": []any{"arn:aws:s3:::bucket"},
		"condition": []any{fields{"test": "StringLike", "variable": "s3:prefix", "values": []any{"", "home/", "home/&{aws:username}/"}}},
	}
	assume := fields{
		"sid": "assume", "effect": "Deny", "actions": []any{"sts:AssumeRole"},
		"principals": []any{
			fields{"type": "Service", "identifiers": []any{"eks.amazonaws.com"}},
			fields{"type": "AWS", "identifiers": []any{"arn:1", "arn:2"}},
		},
	}
	for name, test := range map[string]struct {
		config fields
		want   string
		fails  string
	}{
		"documented": {
			config: fields{"statement": []any{buckets, home}},
			want: `{"Version":"2012-10-17","Statement":[{"Sid":"1","Effect":"Allow","Action":["s3:ListAllMyBuckets","s3:GetBucketLocation"],"Resource":"arn:aws:s3:::*"},` +
				`{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::bucket","Condition":{"StringLike":{"s3:prefix":["","home/","home/${aws:username}/"]}}}]}`,
		},
		"principals": {
			config: fields{"statement": []any{assume}},
			want:   `{"Version":"2012-10-17","Statement":[{"Sid":"assume","Effect":"Deny","Action":"sts:AssumeRole","Principal":{"AWS":["arn:2","arn:1"],"Service":"eks.amazonaws.com"}}]}`,
		},
		"everybody": {
			config: fields{"statement": []any{fields{"actions": []any{"s3:*"}, "resources": []any{"*"}, "principals": []any{fields{"type": "*", "identifiers": []any{"*"}}}}}},
			want:   `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Principal":"*"}]}`,
		},
		"empty": {config: fields{}, want: `{"Version":"2012-10-17"}`},
		"source and override": {
			config: fields{
				"statement":                 []any{fields{"sid": "2", "actions": []any{"a:B"}, "resources": []any{"*"}}},
				"source_policy_documents":   []any{`{"Version":"2012-10-17","Statement":[{"Sid":"1","Effect":"Allow","Action":"a:A","Resource":"*"}]}`},
				"override_policy_documents": []any{`{"Version":"2012-10-17","Statement":[{"Sid":"1","Effect":"Deny","Action":"a:A","Resource":"*"}]}`},
			},
			want: `{"Version":"2012-10-17","Statement":[{"Sid":"1","Effect":"Deny","Action":"a:A","Resource":"*"},{"Sid":"2","Effect":"Allow","Action":"a:B","Resource":"*"}]}`,
		},
		"one Sid twice": {config: fields{"statement": []any{buckets, buckets}}, fails: "duplicate Sid (1)"},
		"no JSON":       {config: fields{"source_policy_documents": []any{"{"}}, fails: "policy document is no JSON"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			values := copied(test.config)
			err := policyDocument(values)
			if test.fails != "" {
				if err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("it fails with %v, want %s", err, test.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, values["minified_json"]); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// FuzzPolicyDocument merges any text: it is refused, or JSON comes out.
func FuzzPolicyDocument(f *testing.F) {
	f.Add(`{"Version":"2012-10-17","Statement":[{"Sid":"1","Effect":"Allow","Action":["a:A"],"Resource":"*","Condition":{"Bool":{"x":"true"}}}]}`)
	f.Add(`{"Statement":{"Effect":"Allow"}}`)
	f.Add(`null`)
	f.Fuzz(func(t *testing.T, text string) {
		values := fields{"source_policy_documents": []any{text}, "override_policy_documents": []any{text}}
		if err := policyDocument(values); err != nil {
			return
		}
		if made, _ := values["json"].(string); !json.Valid([]byte(made)) {
			t.Errorf("%q becomes %q", text, made)
		}
	})
}
