// Package api serves the few AWS APIs that pocctl asks itself, over the account
// that the AWS double pretends to have: what Terraform made there is found here.
// One server has all services, told apart by the scope of a request's signature,
// so that AWS_ENDPOINT_URL is enough. Signatures are not verified.
package api

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
)

// Server is the APIs of one account.
type Server struct {
	URL string

	account    *cloud.Account
	operations map[string]operation // by service and action, "ec2:DescribeVpcs"

	mutex   sync.Mutex
	calls   []string
	storage sync.Mutex // conditional writes are one at a time
}

// operation answers a call: a value for the service's protocol, or a *failure.
type operation func(*call) (any, error)

// call is one request.
type call struct {
	*http.Request
	server  *Server
	account *cloud.Account
	control cloud.Control
	service string // as a signature has it, "elasticloadbalancing"
	action  string // "DescribeVpcs"
	region  string
	form    url.Values
	body    []byte
}

// failure is an error that AWS answers with.
type failure struct {
	status  int
	code    string
	message string
}

func (f *failure) Error() string { return f.code + ": " + f.message }

// Serve serves an account until the test ends.
func Serve(t testing.TB, account *cloud.Account) *Server {
	t.Helper()
	server := New(account)
	listening := httptest.NewServer(server)
	t.Cleanup(listening.Close)
	server.URL = listening.URL
	return server
}

// New is a server that the caller lets listen.
func New(account *cloud.Account) *Server {
	server := &Server{account: account, operations: map[string]operation{}}
	for _, some := range []map[string]operation{
		identity(), compute(), clusters(), databases(), balancers(), domains(), quotas(), prices(), tagging(), storage(),
	} {
		for name, does := range some {
			server.operations[name] = does
		}
	}
	return server
}

// AccessKey and SecretKey are the credentials of the account's only user.
const (
	AccessKey = "AKIADOUBLE"
	SecretKey = "double"
)

// Environment is what the SDK and Terraform need in their environment to call
// this server, with credentials that never were anybody's.
func (s *Server) Environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + s.URL,
		"AWS_ACCESS_KEY_ID=" + AccessKey,
		"AWS_SECRET_ACCESS_KEY=" + SecretKey,
		"AWS_REGION=eu-west-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"AWS_CONFIG_FILE=/dev/null",
		"AWS_SHARED_CREDENTIALS_FILE=/dev/null",
	}
}

// Calls are the operations that were asked for, in order: "ec2:DescribeVpcs".
func (s *Server) Calls() []string {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return slices.Clone(s.calls)
}

// scope is the part of a signature that names the region and the service.
var scope = regexp.MustCompile(`Credential=[^/]+/\d{8}/([^/]+)/([^/]+)/aws4_request`)

// ServeHTTP answers one request.
func (s *Server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	call, err := s.read(request)
	if err != nil {
		http.Error(writer, err.Error(), http.StatusBadRequest)
		return
	}
	s.mutex.Lock()
	s.calls = append(s.calls, call.service+":"+call.action)
	s.mutex.Unlock()

	answer, err := s.answer(call)
	protocol := protocols(call)
	writer.Header().Set("X-Amzn-Requestid", uuid.NewString())
	if err != nil {
		problem, known := err.(*failure) //nolint:errorlint // never wrapped
		if !known {
			problem = &failure{status: http.StatusInternalServerError, code: "InternalFailure", message: err.Error()}
		}
		protocol.fail(writer, call, problem)
		return
	}
	protocol.succeed(writer, call, answer)
}

// read finds out what is asked for.
func (s *Server) read(request *http.Request) (*call, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	control, err := s.account.Control()
	if err != nil {
		return nil, err
	}
	found := scope.FindStringSubmatch(request.Header.Get("Authorization"))
	if found == nil {
		return nil, fmt.Errorf("%s %s is not signed", request.Method, request.URL)
	}
	asked := &call{
		Request: request, server: s, account: s.account, control: control,
		region: found[1], service: found[2], body: body,
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	switch {
	case asked.service == "s3":
		asked.action = storageAction(request)
	case asked.service == "eks":
		asked.action = clusterAction(request)
	case asked.service == "route53":
		asked.action = domainAction(request)
	case binary(request):
		asked.action = request.URL.Path[strings.LastIndex(request.URL.Path, "/")+1:]
		if asked.body, err = toJSON(body); err != nil {
			return nil, err
		}
	case request.Header.Get("X-Amz-Target") != "":
		_, asked.action, _ = strings.Cut(request.Header.Get("X-Amz-Target"), ".")
	default:
		if asked.form, err = url.ParseQuery(string(body)); err != nil {
			return nil, err
		}
		asked.action = asked.form.Get("Action")
	}
	return asked, nil
}

// answer does what is asked for, unless the caller may not or a fault is due.
func (s *Server) answer(asked *call) (any, error) {
	if problem := asked.credentials(); problem != nil {
		return nil, problem
	}
	name := asked.service + ":" + asked.action
	fault, err := s.account.Fault(asked.control, name, "", nil, false)
	if err != nil {
		return nil, err
	}
	if fault != nil {
		status := fault.Status
		if status == 0 {
			status = http.StatusBadRequest
		}
		return nil, &failure{status: status, code: fault.Code, message: fault.Message}
	}
	if slices.Contains(asked.control.Denied, name) {
		return nil, asked.denied(name)
	}
	does, known := s.operations[name]
	if !known {
		return nil, &failure{status: http.StatusBadRequest, code: "InvalidAction", message: "the AWS double has no " + name}
	}
	return does(asked)
}

// credentials are as the control file says; services differ in the code.
func (c *call) credentials() error {
	var code, message string
	switch c.control.Credentials {
	case "expired":
		code, message = "ExpiredToken", "The security token included in the request is expired"
		switch {
		case c.service == "ec2":
			code, message = "RequestExpired", "Request has expired."
		case c.modern():
			code = "ExpiredTokenException"
		}
	case "invalid":
		code, message = "InvalidClientTokenId", "The security token included in the request is invalid."
		switch {
		case c.service == "ec2":
			code, message = "AuthFailure", "AWS was not able to validate the provided access credentials"
		case c.service == "s3":
			code, message = "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."
		case c.modern():
			code = "UnrecognizedClientException"
		}
	default:
		return nil
	}
	return &failure{status: http.StatusForbidden, code: code, message: message}
}

// modern tells a service whose errors have names that end with Exception.
func (c *call) modern() bool {
	return c.Header.Get("X-Amz-Target") != "" || binary(c.Request) || c.service == "eks"
}

func (c *call) denied(action string) error {
	code := "AccessDenied"
	switch {
	case c.service == "ec2":
		code = "UnauthorizedOperation"
	case c.modern():
		code = "AccessDeniedException"
	}
	return &failure{status: http.StatusForbidden, code: code, message: fmt.Sprintf(
		"User: %s is not authorized to perform: %s because no identity-based policy allows the %s action", c.caller(), action, action)}
}

// caller is the ARN of who calls.
func (c *call) caller() string { return "arn:aws:iam::" + c.control.Account + ":" + c.control.User }

// list gives the account's resources of a type.
func (c *call) list(kind string) ([]cloud.Resource, error) { return c.account.List(kind) }
