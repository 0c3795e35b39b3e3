//go:build linux

package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/portforward"
	"k8s.io/client-go/tools/remotecommand"
	"k8s.io/client-go/transport/spdy"
	runtimeapi "k8s.io/cri-api/pkg/apis/runtime/v1"
	criclient "k8s.io/cri-client/pkg"
	utilexec "k8s.io/utils/exec"
)

func TestExecSync(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		source := openDirectory(t)
		write(t, source+"/file", "content")
		id := f.start(shell("sleep 600", env("GREETING", "hello"), mounts(mountOf(source, "/data", true))))
		stdout, stderr, err := f.ExecSync(t.Context(), id, []string{"sh", "-c", `echo $GREETING; cat /data/file; echo oops >&2`}, patience)
		if err != nil || string(stdout) != "hello\ncontent" || string(stderr) != "oops\n" {
			t.Errorf("ExecSync gave %q, %q, %v", stdout, stderr, err)
		}
		_, err = f.exec(id, "sh", "-c", "exit 5")
		var code utilexec.ExitError
		if !errors.As(err, &code) || code.ExitStatus() != 5 {
			t.Errorf("exit code 5 gave %v", err)
		}
		if _, err := f.exec(id, "no-such-command"); err == nil || errors.As(err, &code) {
			t.Errorf("a missing command gave %v", err)
		}
	})
}

func TestExecSyncTimesOut(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell("sleep 600"))
	stdout, _, err := f.ExecSync(t.Context(), id, []string{"sh", "-c", "sleep 600 & echo $!; wait"}, time.Second)
	if !errors.Is(err, criclient.ErrCommandTimedOut) {
		t.Errorf("ExecSync gave %v", err)
	}
	pid := strings.TrimSpace(string(stdout))
	eventually(t, "the command's child to end", func() bool { return pid != "" && !alive(pid) })
}

func TestExecNeedsARunningContainer(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell("exit 0"))
	f.exited(id)
	if _, err := f.exec(id, "true"); err == nil {
		t.Error("a command ran in a container that had exited")
	}
	if _, err := f.exec("nothing", "true"); err == nil {
		t.Error("a command ran in no container")
	}
}

func TestExecEndsWithItsContainer(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell("sleep 600"))
	result := make(chan error, 1)
	go func() {
		_, err := f.exec(id, "sh", "-c", "echo started >&2; touch /tmp/started; sleep 600")
		result <- err
	}()
	eventually(t, "the command to run", func() bool { _, err := f.exec(id, "ls", "/tmp/started"); return err == nil })
	if err := f.StopContainer(t.Context(), id, 0); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-result:
		if err == nil {
			t.Error("the command ended well")
		}
	case <-time.After(patience):
		t.Error("the command outlives its container")
	}
}

// stream runs a command, or attaches, as kubectl does.
func (f *fixture) stream(address string, options remotecommand.StreamOptions) error {
	f.t.Helper()
	target, err := url.Parse(address)
	if err != nil {
		f.t.Fatal(err)
	}
	executor, err := remotecommand.NewSPDYExecutor(&rest.Config{Host: target.Host}, http.MethodPost, target)
	if err != nil {
		f.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(f.t.Context(), patience)
	defer cancel()
	return executor.StreamWithContext(ctx, options)
}

func (f *fixture) execAddress(request *runtimeapi.ExecRequest) string {
	f.t.Helper()
	response, err := f.Exec(f.t.Context(), request)
	if err != nil {
		f.t.Fatal(err)
	}
	return response.Url
}

func TestExecStream(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		id := f.start(shell("sleep 600"))
		address := f.execAddress(&runtimeapi.ExecRequest{
			ContainerId: id, Cmd: []string{"sh", "-c", "cat; echo oops >&2; exit 6"}, Stdin: true, Stdout: true, Stderr: true,
		})
		var stdout, stderr bytes.Buffer
		err := f.stream(address, remotecommand.StreamOptions{Stdin: strings.NewReader("input"), Stdout: &stdout, Stderr: &stderr})
		var code utilexec.ExitError
		if !errors.As(err, &code) || code.ExitStatus() != 6 {
			t.Errorf("exit code 6 gave %v", err)
		}
		if stdout.String() != "input" || stderr.String() != "oops\n" {
			t.Errorf("output %q, %q", &stdout, &stderr)
		}
	})
}

// sizes is a terminal of a fixed size.
type sizes struct{ once sync.Once }

func (s *sizes) Next() *remotecommand.TerminalSize {
	var size *remotecommand.TerminalSize
	s.once.Do(func() { size = &remotecommand.TerminalSize{Width: 111, Height: 44} })
	return size
}

func TestExecOnATerminal(t *testing.T) {
	everyIsolation(t, func(t *testing.T, f *fixture) {
		id := f.start(shell("sleep 600"))
		address := f.execAddress(&runtimeapi.ExecRequest{
			ContainerId: id, Cmd: []string{"sh"}, Tty: true, Stdin: true, Stdout: true,
		})
		input, typing := io.Pipe()
		go func() {
			_, _ = io.WriteString(typing, "while [ \"$(stty size)\" != '44 111' ]; do sleep 0.05; done; tty; echo size=$(stty size); exit 9\n")
		}()
		var stdout bytes.Buffer
		err := f.stream(address, remotecommand.StreamOptions{Stdin: input, Stdout: &stdout, Tty: true, TerminalSizeQueue: &sizes{}})
		var code utilexec.ExitError
		if !errors.As(err, &code) || code.ExitStatus() != 9 {
			t.Errorf("exit code 9 gave %v", err)
		}
		for _, part := range []string{"size=44 111", "/dev/pts/"} {
			if !strings.Contains(stdout.String(), part) {
				t.Errorf("output %q lacks %q", &stdout, part)
			}
		}
	})
}

func TestExecEndsWhenItsClientGoes(t *testing.T) {
	f := newFixture(t)
	id := f.start(shell("sleep 600"))
	address := f.execAddress(&runtimeapi.ExecRequest{
		ContainerId: id, Cmd: []string{"sh", "-c", "echo $$; exec sleep 600"}, Tty: true, Stdin: true, Stdout: true,
	})
	target, _ := url.Parse(address)
	executor, err := remotecommand.NewSPDYExecutor(&rest.Config{Host: target.Host}, http.MethodPost, target)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	reader, writer := io.Pipe()
	input, _ := io.Pipe()
	go func() {
		_ = executor.StreamWithContext(ctx, remotecommand.StreamOptions{Stdin: input, Stdout: writer, Tty: true})
	}()
	var pid string
	if _, err := fmt.Fscanln(reader, &pid); err != nil {
		t.Fatal(err)
	}
	cancel()
	eventually(t, "the command to end", func() bool { return !alive(pid) })
}

func TestAttach(t *testing.T) {
	for _, terminal := range []bool{false, true} {
		f := newFixture(t)
		id := f.start(shell(`read line; echo "got $line"; read line; echo "then $line"`, func(c *runtimeapi.ContainerConfig) {
			c.Stdin, c.StdinOnce, c.Tty = true, true, terminal
		}))
		response, err := f.Attach(t.Context(), &runtimeapi.AttachRequest{ContainerId: id, Stdin: true, Stdout: true, Tty: terminal})
		if err != nil {
			t.Fatal(err)
		}
		var stdout bytes.Buffer
		input, typing := io.Pipe()
		go func() { _, _ = io.WriteString(typing, "one\ntwo\n") }()
		if err := f.stream(response.Url, remotecommand.StreamOptions{Stdin: input, Stdout: &stdout, Tty: terminal}); err != nil {
			t.Errorf("attach: %v", err)
		}
		for _, got := range []string{stdout.String(), f.output(id)} {
			if !strings.Contains(got, "got one") || !strings.Contains(got, "then two") {
				t.Errorf("terminal %v: %q", terminal, got)
			}
		}
	}
}

func TestPortForward(t *testing.T) {
	f := newFixture(t)
	sandbox := f.sandbox()
	status, err := f.PodSandboxStatus(t.Context(), sandbox, false)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(status.Status.Network.Ip, "0"))
	if err != nil {
		t.Fatal(err)
	}
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "hello from "+r.URL.Path)
	})}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	response, err := f.PortForward(t.Context(), &runtimeapi.PortForwardRequest{PodSandboxId: sandbox})
	if err != nil {
		t.Fatal(err)
	}
	target, err := url.Parse(response.Url)
	if err != nil {
		t.Fatal(err)
	}
	transport, upgrader, err := spdy.RoundTripperFor(&rest.Config{Host: target.Host})
	if err != nil {
		t.Fatal(err)
	}
	dialer := spdy.NewDialer(upgrader, &http.Client{Transport: transport}, http.MethodPost, target)
	stop, ready := make(chan struct{}), make(chan struct{})
	defer close(stop)
	port := listener.Addr().(*net.TCPAddr).Port
	forwarder, err := portforward.New(dialer, []string{fmt.Sprintf("0:%d", port)}, stop, ready, io.Discard, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = forwarder.ForwardPorts() }()
	select {
	case <-ready:
	case <-time.After(patience):
		t.Fatal("the forwarder is not ready")
	}
	ports, err := forwarder.GetPorts()
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get(fmt.Sprintf("http://127.0.0.1:%d/there", ports[0].Local))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	if body, _ := io.ReadAll(answer.Body); string(body) != "hello from /there" {
		t.Errorf("answer %q", body)
	}
}
