package stack

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"path"
	"strings"
	"time"

	"k8s.io/client-go/rest"

	"github.com/pocctl/pocctl/internal/config"
)

// reach gives the URL by which this process asks the endpoint of that name; "" for one
// that is not there. A Service inside the cluster is reached through its API server.
func (s *Stack) reach(name string) (string, error) {
	address := s.options.Environment.Endpoints[name]
	inside, is := strings.CutPrefix(address, config.ClusterURL)
	if !is {
		return strings.ReplaceAll(address, config.IngressURL, s.platform.endpoint()), nil
	}
	client, err := s.Deployer()
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if there, is := s.passages[name]; is {
		return there, nil
	}
	opened, err := passage(client.Config(), inside)
	if err != nil {
		return "", fmt.Errorf("reach %s in the cluster: %w", name, err)
	}
	if s.passages == nil {
		s.passages = map[string]string{}
	}
	s.passages[name] = opened
	return opened, nil
}

// passage listens on loopback, for as long as this process lives, and passes requests on
// to a Service: inside is "/NAMESPACE/SERVICE:PORT", and a path if its root is elsewhere.
// Only what reads, Prometheus' questions by POST, and Alertmanager's silences come
// through, and no other path.
func passage(cluster *rest.Config, inside string) (string, error) {
	parts := strings.SplitN(strings.TrimPrefix(inside, "/"), "/", 3)
	if len(parts) < 2 {
		return "", errors.New("a namespace and a service are wanted")
	}
	host, _, err := rest.DefaultServerUrlFor(cluster)
	if err != nil {
		return "", err
	}
	transport, err := rest.TransportFor(cluster)
	if err != nil {
		return "", err
	}
	root := path.Join("/api/v1/namespaces", parts[0], "services", parts[1], "proxy")
	if len(parts) == 3 {
		root = path.Join(root, parts[2])
	}
	proxy := &httputil.ReverseProxy{Transport: transport, Rewrite: func(request *httputil.ProxyRequest) {
		asked := path.Clean("/" + request.In.URL.Path)
		request.Out.URL = &url.URL{Scheme: host.Scheme, Host: host.Host, Path: path.Join(host.Path, root, asked), RawQuery: request.In.URL.RawQuery}
		request.Out.Host = host.Host
	}}
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // it lives as long as the process
	if err != nil {
		return "", err
	}
	server := &http.Server{ReadHeaderTimeout: 10 * time.Second, Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodPost && r.Method != http.MethodDelete {
			http.Error(w, "only GET, POST and DELETE come through", http.StatusMethodNotAllowed)
			return
		}
		proxy.ServeHTTP(w, r)
	})}
	go func() { _ = server.Serve(listener) }() // it ends with the process
	return "http://" + listener.Addr().String(), nil
}
