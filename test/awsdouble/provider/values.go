package provider

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/terraform-plugin-go/tftypes"

	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// maker makes the values that a provider computes. It is seeded by what is
// asked for, so that the same resource gets the same identifier in every run.
type maker struct {
	account, region string
	user            string // the caller's path in IAM
	kind            string // "aws_vpc"
	seed            string
	drawn           int
	values          map[string]any // of the resource, as far as they are known
	now             time.Time
}

// placeholder is what a template has in braces: account, user, region,
// partition, now, uuid, hexN, digitsN, upperN, or an attribute's path: {name},
// {vpc_config.0.vpc_id}, or the first of several that is set: {name|id}.
var placeholder = regexp.MustCompile(`\{([a-z0-9_.|]+)\}`)

var drawing = regexp.MustCompile(`^(hex|digits|upper|lower)(\d+)$`)

// drawn tells a template that gives another value at another attempt.
var drawn = regexp.MustCompile(`\{(uuid|(hex|digits|upper|lower)\d+)\}`)

// expand fills a template's placeholders; false if one is not known yet.
func (m *maker) expand(template any) (any, bool) {
	switch template := template.(type) {
	case string:
		known := true
		text := placeholder.ReplaceAllStringFunc(template, func(found string) string {
			value, ok := m.lookup(strings.Trim(found, "{}"))
			known = known && ok
			return value
		})
		return text, known
	case []any:
		list := make([]any, len(template))
		for i, element := range template {
			var known bool
			if list[i], known = m.expand(element); !known {
				return nil, false
			}
		}
		return list, true
	case map[string]any:
		fields := make(map[string]any, len(template))
		for name, element := range template {
			var known bool
			if fields[name], known = m.expand(element); !known {
				return nil, false
			}
		}
		return fields, true
	default:
		return normal(template), true
	}
}

func (m *maker) lookup(name string) (string, bool) {
	switch name {
	case "account":
		return m.account, true
	case "region":
		if region, ok := m.values["region"].(string); ok {
			return region, true
		}
		return m.region, true
	case "partition":
		return "aws", true
	case "user":
		return m.user, true
	case "now":
		return m.now.Format(time.RFC3339), true
	case "uuid":
		all := m.draw("0123456789abcdef", 32)
		return all[:8] + "-" + all[8:12] + "-" + all[12:16] + "-" + all[16:20] + "-" + all[20:], true
	}
	if parts := drawing.FindStringSubmatch(name); parts != nil {
		length, _ := strconv.Atoi(parts[2]) // the pattern has digits alone
		return m.draw(map[string]string{
			"hex": "0123456789abcdef", "digits": "0123456789", "upper": "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
			"lower": "abcdefghijklmnopqrstuvwxyz0123456789",
		}[parts[1]], length), true
	}
	for path := range strings.SplitSeq(name, "|") {
		switch value := at(m.values, path).(type) {
		case nil:
		case unknown:
			return "", false
		default:
			if text := fmt.Sprint(value); text != "" {
				return text, true
			}
		}
	}
	return "", true
}

// draw takes so many characters of an alphabet.
func (m *maker) draw(alphabet string, length int) string {
	var text strings.Builder
	for text.Len() < length {
		sum := sha256.Sum256([]byte(m.seed + "/" + strconv.Itoa(m.drawn)))
		m.drawn++
		for _, octet := range sum[:] {
			if text.Len() < length {
				text.WriteByte(alphabet[int(octet)%len(alphabet)])
			}
		}
	}
	return text.String()
}

// seeded is a seed of what is asked for.
func seeded(parts ...any) string {
	text, _ := json.Marshal(parts) // values are JSON already
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

// fill gives values to all that is unknown in a resource: of the templates by
// path, then by name and type.
func (m *maker) fill(block schema.Block, templates map[string]any) {
	for progress := true; progress; {
		progress = false
		for path, template := range templates {
			if value, known := m.expand(template); known && fillPath(m.values, strings.Split(path, "."), value) {
				progress = true
			}
		}
	}
	m.fillBlock(block, m.values, "")
}

// fillPath sets what is unknown at a path, in each block of a list on the way.
func fillPath(in any, path []string, value any) bool {
	filled := false
	switch in := in.(type) {
	case []any:
		for _, element := range in {
			filled = fillPath(element, path, value) || filled
		}
	case map[string]any:
		if len(path) > 1 {
			return fillPath(in[path[0]], path[1:], value)
		}
		if _, unknowable := in[path[0]].(unknown); unknowable {
			in[path[0]] = value
			return true
		}
	}
	return filled
}

func (m *maker) fillBlock(block schema.Block, values map[string]any, within string) {
	for name, attribute := range block.Attributes {
		values[name] = m.generic(name, within, attribute.Type, attribute.Optional, values[name])
	}
	for name, nested := range block.Blocks {
		switch value := values[name].(type) {
		case unknown:
			values[name] = []any{}
		case []any:
			for _, element := range value {
				m.fillBlock(nested.Block, object(element), name)
			}
		case map[string]any:
			if nested.Nesting == "single" {
				m.fillBlock(nested.Block, value, name)
			}
		}
	}
}

// generic is a value for what is unknown of a type, the value itself if not.
func (m *maker) generic(name, within string, kind tftypes.Type, optional bool, value any) any {
	if _, unknowable := value.(unknown); !unknowable {
		return value
	}
	element := func(of tftypes.Type) any {
		if _, objects := of.(tftypes.Object); !objects || optional {
			return []any{} // what could be configured and isn't has nothing in it
		}
		return []any{m.generic(name, within, of, false, unknown{})}
	}
	switch kind := kind.(type) {
	case tftypes.List:
		return element(kind.ElementType)
	case tftypes.Set:
		return element(kind.ElementType)
	case tftypes.Map:
		return map[string]any{}
	case tftypes.Object:
		fields := map[string]any{}
		for field, of := range kind.AttributeTypes {
			fields[field] = m.generic(field, name, of, false, unknown{})
		}
		return fields
	}
	switch {
	case kind.Is(tftypes.Bool):
		return false
	case kind.Is(tftypes.Number):
		return json.Number("0")
	}
	return m.text(name)
}

// text is a plausible value for a computed string, by its name.
func (m *maker) text(name string) string {
	template := ""
	short := strings.TrimPrefix(m.kind, "aws_")
	service, rest, _ := strings.Cut(short, "_")
	switch {
	case name == "id":
		template = "{name|bucket|identifier}"
	case name == "arn" || name == "id_arn":
		template = "arn:{partition}:" + service + ":{region}:{account}:" + strings.ReplaceAll(rest, "_", "-") + "/{name|id}"
	case strings.HasSuffix(name, "_arn"):
		template = "arn:{partition}:" + service + ":{region}:{account}:" + strings.TrimSuffix(name, "_arn") + "/{hex8}"
	case name == "owner_id" || strings.HasSuffix(name, "account_id") || name == "owner" || name == "registry_id" || name == "catalog_id":
		template = "{account}"
	case strings.HasSuffix(name, "zone_id"):
		template = "Z{upper13}"
	case strings.HasSuffix(name, "_id"):
		template = strings.TrimSuffix(name, "_id") + "-{hex17}"
	case strings.HasSuffix(name, "dns_name") || strings.HasSuffix(name, "domain_name") || strings.HasSuffix(name, "endpoint") || name == "address":
		template = "{name|id}." + service + ".{region}.amazonaws.com"
	case strings.HasSuffix(name, "url") || strings.HasSuffix(name, "uri"):
		template = "https://" + service + ".{region}.amazonaws.com/{name|id}"
	case strings.HasSuffix(name, "_at") || strings.HasSuffix(name, "date") || strings.HasSuffix(name, "_time") || strings.HasSuffix(name, "_on"):
		template = "{now}"
	case name == "status" || name == "state":
		template = "ACTIVE"
	case name == "name":
		if prefix, ok := m.values["name_prefix"].(string); ok {
			template = prefix + "{digits26}"
		} else {
			template = "terraform-{digits26}"
		}
	case strings.HasSuffix(name, "version"):
		template = "1"
	}
	value, _ := m.expand(template)
	if name == "id" && value == "" {
		value, _ = m.expand(strings.ReplaceAll(short, "_", "-") + "-{hex17}")
	}
	text, _ := value.(string)
	return text
}

// normal gives numbers the form that they have when Terraform sends them.
func normal(value any) any {
	switch value := value.(type) {
	case int:
		return json.Number(big.NewFloat(float64(value)).Text('f', -1))
	case float64:
		return json.Number(big.NewFloat(value).Text('f', -1))
	case []any:
		list := make([]any, len(value))
		for i, element := range value {
			list[i] = normal(element)
		}
		return list
	case map[string]any:
		fields := make(map[string]any, len(value))
		for name, element := range value {
			fields[name] = normal(element)
		}
		return fields
	}
	return value
}
