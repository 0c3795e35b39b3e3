package api

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"maps"
	"net/http"
	"reflect"
	"slices"

	"github.com/fxamacker/cbor/v2"
	"github.com/google/uuid"
)

// protocol is how a service writes its answers.
type protocol interface {
	succeed(http.ResponseWriter, *call, any)
	fail(http.ResponseWriter, *call, *failure)
}

func protocols(asked *call) protocol {
	if binary(asked.Request) {
		return compactBinary{}
	}
	switch asked.service {
	case "ec2":
		return compact{}
	case "sts", "iam", "rds", "elasticloadbalancing", "elasticache":
		return query{}
	case "route53", "s3":
		return rest{}
	default:
		return jsonProtocol{}
	}
}

// reply is an answer that has more than a body.
type reply struct {
	status int
	header http.Header
	root   string // the XML's root
	value  any
	raw    []byte // instead of a value
}

// list is a list in XML whose elements have a name of their own.
type list struct {
	name string
	of   []any
}

// compact is EC2's XML: the answer right below the root, lists of item.
type compact struct{}

func (compact) succeed(writer http.ResponseWriter, asked *call, answer any) {
	fields := map[string]any{"requestId": uuid.NewString()}
	maps.Copy(fields, object(answer))
	writeXML(writer, http.StatusOK, asked.action+"Response", fields, "item")
}

func (compact) fail(writer http.ResponseWriter, _ *call, problem *failure) {
	writeXML(writer, problem.status, "Response", map[string]any{
		"Errors":    map[string]any{"Error": map[string]any{"Code": problem.code, "Message": problem.message}},
		"RequestID": uuid.NewString(),
	}, "item")
}

// query is the XML of older services: a result below the root, lists of member.
type query struct{}

func (query) succeed(writer http.ResponseWriter, asked *call, answer any) {
	writeXML(writer, http.StatusOK, asked.action+"Response", map[string]any{
		asked.action + "Result": answer,
		"ResponseMetadata":      map[string]any{"RequestId": uuid.NewString()},
	}, "member")
}

func (query) fail(writer http.ResponseWriter, _ *call, problem *failure) {
	writeXML(writer, problem.status, "ErrorResponse", map[string]any{
		"Error":     map[string]any{"Type": "Sender", "Code": problem.code, "Message": problem.message},
		"RequestId": uuid.NewString(),
	}, "member")
}

// rest is XML whose operation is in the path: Route 53 and S3.
type rest struct{}

func (rest) succeed(writer http.ResponseWriter, asked *call, answer any) {
	made, ok := answer.(reply)
	if !ok {
		made = reply{root: asked.action + "Response", value: answer}
	}
	if made.status == 0 {
		made.status = http.StatusOK
	}
	maps.Copy(writer.Header(), made.header)
	if made.root != "" {
		writeXML(writer, made.status, made.root, made.value, "member")
		return
	}
	writer.WriteHeader(made.status)
	if asked.Method != http.MethodHead {
		_, _ = writer.Write(made.raw) // the client has gone
	}
}

func (rest) fail(writer http.ResponseWriter, asked *call, problem *failure) {
	fields := map[string]any{"Code": problem.code, "Message": problem.message}
	switch {
	case asked.Method == http.MethodHead:
		writer.WriteHeader(problem.status)
	case asked.service == "s3":
		writeXML(writer, problem.status, "Error", fields, "member")
	default:
		fields["Type"] = "Sender"
		writeXML(writer, problem.status, "ErrorResponse", map[string]any{"Error": fields, "RequestId": uuid.NewString()}, "member")
	}
}

// jsonProtocol is the newer services'.
type jsonProtocol struct{}

func (jsonProtocol) succeed(writer http.ResponseWriter, _ *call, answer any) {
	writer.Header().Set("Content-Type", "application/x-amz-json-1.1")
	_ = json.NewEncoder(writer).Encode(answer) // the client has gone
}

func (jsonProtocol) fail(writer http.ResponseWriter, _ *call, problem *failure) {
	writer.Header().Set("Content-Type", "application/x-amz-json-1.1")
	writer.Header().Set("X-Amzn-Errortype", problem.code)
	writer.WriteHeader(problem.status)
	_ = json.NewEncoder(writer).Encode(map[string]any{"__type": problem.code, "message": problem.message}) // the client has gone
}

// compactBinary is JSON's successor, which the SDK speaks with ever more services.
type compactBinary struct{}

// binary tells a request in that protocol.
func binary(request *http.Request) bool {
	return request.Header.Get("Smithy-Protocol") == "rpc-v2-cbor"
}

func (compactBinary) succeed(writer http.ResponseWriter, _ *call, answer any) {
	writeBinary(writer, http.StatusOK, answer)
}

func (compactBinary) fail(writer http.ResponseWriter, _ *call, problem *failure) {
	writeBinary(writer, problem.status, map[string]any{"__type": problem.code, "message": problem.message})
}

func writeBinary(writer http.ResponseWriter, status int, answer any) {
	text, err := cbor.Marshal(answer)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusInternalServerError)
		return
	}
	writer.Header().Set("Smithy-Protocol", "rpc-v2-cbor")
	writer.Header().Set("Content-Type", "application/cbor")
	writer.WriteHeader(status)
	_, _ = writer.Write(text) // the client has gone
}

// toJSON turns what is asked for into the form of the other protocol.
func toJSON(body []byte) ([]byte, error) {
	if len(body) == 0 {
		return []byte("{}"), nil
	}
	mode, err := cbor.DecOptions{DefaultMapType: reflect.TypeFor[map[string]any]()}.DecMode()
	if err != nil {
		return nil, err
	}
	var value any
	if err := mode.Unmarshal(body, &value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

func writeXML(writer http.ResponseWriter, status int, root string, value any, item string) {
	text := document{item: item}
	text.WriteString(xml.Header)
	text.element(root, value)
	writer.Header().Set("Content-Type", "text/xml")
	writer.WriteHeader(status)
	_, _ = writer.Write(text.Bytes()) // the client has gone
}

// document is XML that is being written.
type document struct {
	bytes.Buffer

	item string // the elements' name in lists that have none of their own
}

// element writes a value as an element: fields and items as elements in it.
func (d *document) element(name string, value any) {
	if value == nil {
		return
	}
	d.WriteString("<" + name + ">")
	switch value := value.(type) {
	case map[string]any:
		for _, field := range slices.Sorted(maps.Keys(value)) {
			d.element(field, value[field])
		}
	case []any:
		for _, each := range value {
			d.element(d.item, each)
		}
	case list:
		for _, each := range value.of {
			d.element(value.name, each)
		}
	default:
		_ = xml.EscapeText(d, []byte(fmt.Sprint(value))) // a buffer takes all
	}
	d.WriteString("</" + name + ">")
}

func object(value any) map[string]any {
	fields, _ := value.(map[string]any)
	return fields
}
