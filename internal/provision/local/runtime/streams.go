//go:build linux

package runtime

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"

	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	"k8s.io/cri-streaming/pkg/streaming"
	"k8s.io/cri-streaming/pkg/streaming/remotecommand"

	"github.com/pocctl/pocctl/internal/provision/local/runtime/crilog"
)

// dialTimeout bounds the connection to a pod's port, which is on this machine.
const dialTimeout = 5 * time.Second

// streams serves exec, attach and port-forward to the kubelet, over HTTP on
// loopback; an address it gives out is good for one use.
type streams struct {
	runtime *Runtime
	server  streaming.Server
	http    *http.Server
}

var _ streaming.Runtime = (*streams)(nil)

func serveStreams(ctx context.Context, r *Runtime) (*streams, error) {
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for exec and port-forward: %w", err)
	}
	s := &streams{runtime: r}
	serving := streaming.DefaultConfig
	serving.BaseURL = &url.URL{Scheme: "http", Host: listener.Addr().String()}
	if s.server, err = streaming.NewServer(serving, s); err != nil {
		_ = listener.Close()
		return nil, fmt.Errorf("serve exec and port-forward: %w", err)
	}
	s.http = &http.Server{Handler: s.server, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		if err := s.http.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			r.options.Log.Error("exec and port-forward are no longer served", "error", err)
		}
	}()
	return s, nil
}

func (s *streams) close() { _ = s.http.Close() }

// Exec gives the address of a stream that executes a command.
func (r *Runtime) Exec(_ context.Context, request *runtimeapi.ExecRequest) (*runtimeapi.ExecResponse, error) {
	if _, err := r.running(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.streams.server.GetExec(request)
}

// Attach gives the address of a stream of a container's own.
func (r *Runtime) Attach(_ context.Context, request *runtimeapi.AttachRequest) (*runtimeapi.AttachResponse, error) {
	if _, err := r.running(request.GetContainerId()); err != nil {
		return nil, err
	}
	return r.streams.server.GetAttach(request)
}

// PortForward gives the address of a stream to a pod's ports.
func (r *Runtime) PortForward(_ context.Context, request *runtimeapi.PortForwardRequest) (*runtimeapi.PortForwardResponse, error) {
	if _, err := r.podAddress(request.GetPodSandboxId()); err != nil {
		return nil, err
	}
	return r.streams.server.GetPortForward(request)
}

func (r *Runtime) podAddress(sandbox string) (string, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.sandboxes[sandbox]
	if s == nil {
		return "", notFound("pod sandbox", sandbox)
	}
	return s.addressText(), nil
}

// Attach serves `kubectl attach`, until the container ends or the client goes.
func (s *streams) Attach(ctx context.Context, id string, in io.Reader, out, errOut io.WriteCloser, _ bool, resize <-chan remotecommand.TerminalSize) error {
	c, err := s.runtime.running(id)
	if err != nil {
		return err
	}
	detached := make(chan struct{})
	var once sync.Once
	var copying sync.WaitGroup
	forward := func(stream string, writer io.Writer) {
		subscription := c.output.attached[stream].subscribe()
		context.AfterFunc(ctx, func() { c.output.attached[stream].unsubscribe(subscription) })
		copying.Go(func() {
			if subscription.copyTo(writer) != nil {
				c.output.attached[stream].unsubscribe(subscription)
				once.Do(func() { close(detached) })
			}
		})
	}
	if out != nil {
		forward(crilog.Stdout, out)
	}
	if errOut != nil {
		forward(crilog.Stderr, errOut)
	}
	if in != nil && c.output.stdin != nil {
		go feed(c, in)
	}
	if c.output.terminal != nil && resize != nil {
		go resizeTerminal(c.output.terminal, resize, c.done)
	}
	select {
	case <-c.done:
	case <-detached:
		return nil
	case <-ctx.Done():
		return nil
	}
	copying.Wait()
	return nil
}

func feed(c *container, in io.Reader) {
	_, _ = io.Copy(c.output.stdin, in)
	if c.config.GetStdinOnce() && c.output.terminal == nil {
		c.output.closeStdin()
	}
}

// PortForward connects a stream with a port of the pod's own address.
func (s *streams) PortForward(ctx context.Context, sandbox string, port int32, stream io.ReadWriteCloser) error {
	defer func() { _ = stream.Close() }()
	address, err := s.runtime.podAddress(sandbox)
	if err != nil {
		return err
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	connection, err := dialer.DialContext(ctx, "tcp", net.JoinHostPort(address, strconv.Itoa(int(port))))
	if err != nil {
		return fmt.Errorf("forward to port %d of the pod: %w", port, err)
	}
	defer func() { _ = connection.Close() }()
	toPod := make(chan struct{})
	go func() {
		defer close(toPod)
		_, _ = io.Copy(connection, stream)
		if half, ok := connection.(*net.TCPConn); ok {
			_ = half.CloseWrite()
		}
	}()
	fromPod := make(chan struct{})
	go func() {
		defer close(fromPod)
		_, _ = io.Copy(stream, connection)
	}()
	// The pod's side ends the connection; the client's only its own half.
	<-fromPod
	return nil
}
