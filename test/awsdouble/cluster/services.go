package cluster

import (
	"net/http"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"

	"github.com/pocctl/pocctl/test/awsdouble/replicas"
)

// serviceProxy is the API server's way to a Service, which the one behind does not have:
// it goes by EndpointSlices.
type serviceProxy struct{ replicas *replicas.Replicas }

// servicePath has a namespace, a Service, its port and the path there.
var servicePath = regexp.MustCompile(`^/api/v1/namespaces/([^/]+)/services/([^/:]+):([^/:]+)/proxy(/.*)?$`)

// serve answers requests to Services, and says whether this was one.
func (p *serviceProxy) serve(w http.ResponseWriter, r *http.Request) bool {
	found := servicePath.FindStringSubmatch(r.URL.Path)
	if found == nil {
		return false
	}
	ready, err := p.replicas.Ready(found[1], found[2], found[3])
	if err != nil {
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return true
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(request *httputil.ProxyRequest) {
		request.SetURL(&url.URL{Scheme: "http", Host: ready[0]})
		request.Out.URL.Path = "/" + strings.TrimLeft(found[4], "/")
		request.Out.Header.Del("Authorization")
	}}
	proxy.ServeHTTP(w, r)
	return true
}
