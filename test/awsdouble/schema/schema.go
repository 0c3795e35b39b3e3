// Package schema reads the schema of the AWS provider, which tools/awsschema
// takes out of an npm package, and turns it into what Terraform is told.
package schema

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tftypes"
)

// Schema is the provider's, decoded type by type as it is asked for: there are
// two thousand, and a run of Terraform uses thirty.
type Schema struct {
	Version   string                     `json:"version"`   // of the provider it was taken from, "6.25.0"
	Provider  json.RawMessage            `json:"provider"`  // Block of the provider's own configuration
	Resources map[string]json.RawMessage `json:"resources"` // Block by type, "aws_vpc"
	Data      map[string]json.RawMessage `json:"data"`      // Block of a data source by type

	read sync.Map // Block by the part and type
}

// Block is a set of arguments: of a type, or of a block within it.
type Block struct {
	Attributes map[string]Attribute `json:"attributes"`
	Blocks     map[string]Nested    `json:"blocks"`
}

// Attribute is one argument. It is written as ["string", "oc"]: its type in
// Terraform's JSON form, and the letters r, o and c for required, optional and
// computed.
type Attribute struct {
	Type                         tftypes.Type
	Required, Optional, Computed bool
}

// Nested is a block within a block.
type Nested struct {
	Block
	Nesting string `json:"nesting"` // list, set, map or single
	Min     int64  `json:"min"`
	Max     int64  `json:"max"` // 0 for any number
}

// UnmarshalJSON reads an attribute's pair.
func (a *Attribute) UnmarshalJSON(text []byte) error {
	var pair [2]json.RawMessage
	if err := json.Unmarshal(text, &pair); err != nil {
		return err
	}
	kind, err := parse(pair[0])
	if err != nil {
		return err
	}
	var flags string
	if err := json.Unmarshal(pair[1], &flags); err != nil {
		return err
	}
	*a = Attribute{
		Type:     kind,
		Required: strings.Contains(flags, "r"),
		Optional: strings.Contains(flags, "o"),
		Computed: strings.Contains(flags, "c"),
	}
	return nil
}

// parse reads a type. Nearly all are of these few, and there are 50,000.
func parse(text json.RawMessage) (tftypes.Type, error) {
	switch string(text) {
	case `"string"`:
		return tftypes.String, nil
	case `"number"`:
		return tftypes.Number, nil
	case `"bool"`:
		return tftypes.Bool, nil
	case `["list","string"]`:
		return tftypes.List{ElementType: tftypes.String}, nil
	case `["set","string"]`:
		return tftypes.Set{ElementType: tftypes.String}, nil
	case `["map","string"]`:
		return tftypes.Map{ElementType: tftypes.String}, nil
	}
	return tftypes.ParseJSONType(text) //nolint:staticcheck // the one reader of that form
}

// Read reads a schema from the file that tools/awsschema wrote.
func Read(path string) (*Schema, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the provider's schema: %w", err)
	}
	var schema Schema
	if err := json.Unmarshal(text, &schema); err != nil {
		return nil, fmt.Errorf("read the provider's schema %s: %w", path, err)
	}
	return &schema, nil
}

// Write writes a schema of some types alone: Terraform reads all that it is told
// of at every start, which takes half a second of the whole.
func (s *Schema) Write(path string, types []string) error {
	some := map[string]any{"version": s.Version, "provider": s.Provider}
	for part, all := range map[string]map[string]json.RawMessage{"resources": s.Resources, "data": s.Data} {
		kept := map[string]json.RawMessage{}
		for _, kind := range types {
			if block, known := all[kind]; known {
				kept[kind] = block
			}
		}
		some[part] = kept
	}
	text, err := json.Marshal(some)
	if err != nil {
		return err
	}
	return os.WriteFile(path, text, 0o600)
}

// Resource is the block of a type of resource.
func (s *Schema) Resource(kind string) (Block, error) { return s.block("resource ", kind, s.Resources) }

// DataSource is the block of a type of data source.
func (s *Schema) DataSource(kind string) (Block, error) { return s.block("data ", kind, s.Data) }

// Configuration is the block of the provider itself.
func (s *Schema) Configuration() (Block, error) {
	var block Block
	err := json.Unmarshal(s.Provider, &block)
	return block, err
}

// block is a type's, decoded once.
func (s *Schema) block(part, kind string, of map[string]json.RawMessage) (Block, error) {
	if known, ok := s.read.Load(part + kind); ok {
		return known.(Block), nil //nolint:forcetypeassert // nothing else is put there
	}
	block, err := decode(kind, of)
	if err == nil {
		s.read.Store(part+kind, block)
	}
	return block, err
}

func decode(kind string, of map[string]json.RawMessage) (Block, error) {
	text, known := of[kind]
	if !known {
		return Block{}, fmt.Errorf("the provider has no %s", kind)
	}
	var block Block
	if err := json.Unmarshal(text, &block); err != nil {
		return Block{}, fmt.Errorf("schema of %s: %w", kind, err)
	}
	if rule, has := block.Blocks["rule"]; has && strings.HasPrefix(kind, "aws_wafv2_") {
		rule.Blocks["statement"] = statements(3)
	}
	return block, nil
}

// WriteOnly tells an argument that Terraform keeps in no state and no plan.
func WriteOnly(name string, of Block) bool {
	_, versioned := of.Attributes[name+"_version"]
	return strings.HasSuffix(name, "_wo") && versioned
}

// sensitive are arguments that the provider marks so, by their names.
func sensitive(name string) bool {
	return slices.Contains([]string{
		"password", "master_password", "auth_token", "secret_string", "secret_binary", "secret", "private_key",
		"token", "passwords", "secret_key", "ses_smtp_password_v4", "authorization_token", "password_wo",
		"master_password_wo", "secret_string_wo", "secret_string_wo_version_hash", "value_wo",
	}, name)
}

// Type is the type of a block's value.
func (b Block) Type() tftypes.Object {
	fields := map[string]tftypes.Type{}
	for name, attribute := range b.Attributes {
		fields[name] = attribute.Type
	}
	for name, nested := range b.Blocks {
		fields[name] = nested.Type()
	}
	return tftypes.Object{AttributeTypes: fields}
}

// Type is the type of a nested block's value: a collection, or the one object.
func (n Nested) Type() tftypes.Type {
	switch object := n.Block.Type(); n.Nesting {
	case "set":
		return tftypes.Set{ElementType: object}
	case "map":
		return tftypes.Map{ElementType: object}
	case "list":
		return tftypes.List{ElementType: object}
	default:
		return object
	}
}

// Proto is what Terraform is told of a block.
func (b Block) Proto() *tfprotov5.SchemaBlock {
	proto := &tfprotov5.SchemaBlock{}
	for name, attribute := range b.Attributes {
		proto.Attributes = append(proto.Attributes, &tfprotov5.SchemaAttribute{
			Name: name, Type: attribute.Type,
			Required: attribute.Required, Optional: attribute.Optional, Computed: attribute.Computed,
			Sensitive: sensitive(name), WriteOnly: WriteOnly(name, b),
		})
	}
	for name, nested := range b.Blocks {
		proto.BlockTypes = append(proto.BlockTypes, &tfprotov5.SchemaNestedBlock{
			TypeName: name, Block: nested.Proto(), MinItems: nested.Min, MaxItems: nested.Max,
			Nesting: map[string]tfprotov5.SchemaNestedBlockNestingMode{
				"list":   tfprotov5.SchemaNestedBlockNestingModeList,
				"set":    tfprotov5.SchemaNestedBlockNestingModeSet,
				"map":    tfprotov5.SchemaNestedBlockNestingModeMap,
				"single": tfprotov5.SchemaNestedBlockNestingModeSingle,
			}[nested.Nesting],
		})
	}
	return proto
}
