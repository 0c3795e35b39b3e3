package load

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/valyala/fasthttp/fasthttpproxy"
	"golang.org/x/net/http/httpproxy"
)

// dialer opens connections to an address, each within a time.
type dialer func(address string, timeout time.Duration) (net.Conn, error)

// way says how base is reached, and by which proxy: the one that the machine's settings
// (HTTPS_PROXY, HTTP_PROXY, NO_PROXY) want, or empty. Loopback never has one.
func way(base *url.URL, timeout time.Duration) (dialer, string, error) {
	proxy, err := httpproxy.FromEnvironment().ProxyFunc()(base)
	switch {
	case err != nil:
		// What is wrong with it would be told with its password.
		return nil, "", errors.New("HTTPS_PROXY or HTTP_PROXY of this machine names no proxy")
	case proxy == nil:
		return direct, "", nil
	}
	// Plain HTTP goes through a tunnel, too: the service sees the same requests.
	tunnel := fasthttpproxy.Dialer{
		Config:        httpproxy.Config{HTTPProxy: proxy.String(), HTTPSProxy: proxy.String()},
		DialDualStack: true, Timeout: timeout, ConnectTimeout: timeout,
	}
	dial, err := tunnel.GetDialFuncForTLS(false, base.Scheme == "https")
	if err != nil {
		return nil, "", fmt.Errorf("the machine's proxy %s: %w", proxy.Host, err)
	}
	return func(address string, _ time.Duration) (net.Conn, error) {
		connection, err := dial(address)
		if err != nil {
			return nil, errors.Join(errProxy, err)
		}
		return connection, nil
	}, proxy.Host, nil
}

func direct(address string, timeout time.Duration) (net.Conn, error) {
	return net.DialTimeout("tcp", address, timeout) //nolint:noctx // fasthttp gives a timeout alone
}

// errProxy marks what a proxy did not make possible.
var errProxy = errors.New("by the machine's proxy")
