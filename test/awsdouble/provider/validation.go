package provider

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"maps"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
	"go.yaml.in/yaml/v3"
)

// rules say what values AWS takes; see the file's head.
//
//go:embed validation.yaml
var rules []byte

// ValidateResourceTypeConfig refuses values that AWS does not take. That a
// required argument is there, and of the right type, Terraform has seen to.
func (s *Server) ValidateResourceTypeConfig(_ context.Context, request *tfprotov5.ValidateResourceTypeConfigRequest) (*tfprotov5.ValidateResourceTypeConfigResponse, error) {
	block, err := s.schema.Resource(request.TypeName)
	if err != nil {
		return nil, err
	}
	value, err := fromProto(request.Config, block.Type())
	if err != nil {
		return nil, err
	}
	config := object(value)
	answer := &tfprotov5.ValidateResourceTypeConfigResponse{}
	own := s.rules[request.TypeName]
	for _, path := range slices.Sorted(maps.Keys(own)) {
		for _, bad := range offending(config, strings.Split(path, "."), own[path]) {
			answer.Diagnostics = append(answer.Diagnostics, invalid(path, bad, own[path]))
		}
	}
	for key, value := range object(config["tags"]) {
		if text, ok := value.(string); !taggable(key, 128) || ok && !taggable(text, 256) {
			answer.Diagnostics = append(answer.Diagnostics, invalid("tags", key+"="+fmt.Sprint(value), "letters, spaces, numbers and _.:/=+-@, in 128 and 256 characters"))
		}
	}
	return answer, nil
}

func invalid(path, value, rule string) *tfprotov5.Diagnostic {
	first, _, _ := strings.Cut(path, ".")
	return &tfprotov5.Diagnostic{
		Severity:  tfprotov5.DiagnosticSeverityError,
		Summary:   fmt.Sprintf("invalid value for %s", path),
		Detail:    fmt.Sprintf("%q does not match %s", value, rule),
		Attribute: tftypes.NewAttributePath().WithAttributeName(first),
	}
}

// readRules reads the table.
func readRules() (map[string]map[string]string, error) {
	var all map[string]map[string]string
	if err := yaml.Unmarshal(rules, &all); err != nil {
		return nil, fmt.Errorf("read what values AWS takes: %w", err)
	}
	return all, nil
}

// offending are the known values at a path that a rule refuses.
func offending(value any, path []string, rule string) []string {
	switch value := value.(type) {
	case nil, unknown:
		return nil
	case []any:
		var bad []string
		for _, element := range value {
			bad = append(bad, offending(element, path, rule)...)
		}
		return bad
	case map[string]any:
		if len(path) == 0 {
			return nil
		}
		return offending(value[path[0]], path[1:], rule)
	}
	if text := fmt.Sprint(value); !fits(text, rule) {
		return []string{text}
	}
	return nil
}

func fits(text, rule string) bool {
	if rule == "json" {
		return json.Valid([]byte(text))
	}
	if lengths, ok := strings.CutPrefix(rule, "cidr "); ok {
		prefix, err := netip.ParsePrefix(text)
		if err != nil || prefix != prefix.Masked() {
			return false
		}
		shortest, longest, _ := strings.Cut(lengths, "-")
		least, _ := strconv.Atoi(shortest) // the table has numbers there
		most, _ := strconv.Atoi(longest)
		return prefix.Addr().Is4() && prefix.Bits() >= least && prefix.Bits() <= most
	}
	return regexp.MustCompile(`^(?:` + rule + `)$`).MatchString(text)
}

var tagText = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)

func taggable(text string, most int) bool {
	return len([]rune(text)) <= most && tagText.MatchString(text)
}
