package deploy

import (
	"bytes"
	"encoding/json"

	"github.com/pocctl/pocctl/internal/fault"
)

// normalValues copies values into one form: rendering writes into its map, and
// a release must look the same whoever made the map. Whole numbers stay whole;
// as floating point, a template would show 1000000 as 1e+06.
func (r Release) normalValues() (map[string]any, error) {
	normal := map[string]any{}
	encoded, err := json.Marshal(r.Values)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(encoded))
		decoder.UseNumber()
		err = decoder.Decode(&normal)
	}
	if err != nil {
		return nil, fault.New(fault.ValuesInvalid, "release", r.Name, "detail", err)
	}
	if normal == nil { // of no values at all
		return map[string]any{}, nil
	}
	plain, _ := plainNumbers(normal).(map[string]any)
	return plain, nil
}

func plainNumbers(node any) any {
	switch value := node.(type) {
	case map[string]any:
		for key, child := range value {
			value[key] = plainNumbers(child)
		}
	case []any:
		for i, child := range value {
			value[i] = plainNumbers(child)
		}
	case json.Number:
		if whole, err := value.Int64(); err == nil {
			return whole
		}
		number, _ := value.Float64() // JSON just wrote it
		return number
	}
	return node
}
