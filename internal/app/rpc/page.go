package rpc

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/pocctl/pocctl/internal/app/catalog"
)

// tokenForm numbers what page tokens hold. A form that changes takes another.
const tokenForm = 1

// pageToken is what a page token holds. It is opaque to clients.
type pageToken[T any] struct {
	Form int `json:"f"`
	// Question is a hash of the request: a place in the answer to one question
	// means nothing in that to another.
	Question uint32 `json:"q"`
	At       T      `json:"a"`
}

// paged is a request for one page of something.
type paged interface {
	proto.Message
	GetPageSize() int32
	GetPageToken() string
}

// nextToken gives the token of the page that begins after at.
func nextToken[T any](request paged, at T) (string, error) {
	asked, err := questionOf(request)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(pageToken[T]{tokenForm, asked, at})
	return base64.RawURLEncoding.EncodeToString(text), err
}

// placeOf reads the request's page token: one that nextToken gave for the same
// question. The first page has none, and no place.
func placeOf[T any](request paged) (*T, error) {
	if request.GetPageToken() == "" {
		return nil, nil
	}
	asked, err := questionOf(request)
	if err != nil {
		return nil, err
	}
	var token pageToken[T]
	text, err := base64.RawURLEncoding.Strict().DecodeString(request.GetPageToken())
	if err != nil || decodeStrictly(text, &token) != nil || token.Form != tokenForm || token.Question != asked {
		return nil, badParameter("page_token", "must be the next_page_token of an answer to the same question")
	}
	return &token.At, nil
}

func decodeStrictly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return err
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("there is something after it")
	}
	return nil
}

// questionOf hashes all of a request but its page.
func questionOf(request paged) (uint32, error) {
	question := proto.Clone(request).ProtoReflect()
	for _, name := range []protoreflect.Name{"page_size", "page_token"} {
		question.Clear(question.Descriptor().Fields().ByName(name))
	}
	text, err := proto.MarshalOptions{Deterministic: true}.Marshal(question.Interface())
	if err != nil {
		return 0, err
	}
	hash := fnv.New32a()
	_, _ = hash.Write([]byte(question.Descriptor().FullName())) // never fails
	_, _ = hash.Write(text)
	return hash.Sum32(), nil
}

// pageSize gives the request's, or the usual one.
func pageSize(request paged) int {
	if size := request.GetPageSize(); size != 0 {
		return int(size)
	}
	return catalog.DefaultPage
}
