package e2e

import (
	"bufio"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/creack/pty"
)

func kubectlChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"get and describe":     getAndDescribe,
		"run and delete":       runAndDelete,
		"create deployment":    createDeployment,
		"exec":                 execInPod,
		"exec with a terminal": execTerminal,
		"attach":               attachToPod,
		"port-forward":         portForward,
		"cp":                   copyFiles,
		"version and node":     nodeIsThere,
	}
}

func getAndDescribe(l *lab) {
	l.apply("%s", shellPod("one", "sleep 600", ""))
	l.ready("pod/one")
	if row := strings.Fields(l.must("get", "pod", "one", "--no-headers")); len(row) < 5 || row[1] != "1/1" || row[2] != "Running" || row[3] != "0" {
		l.t.Errorf("get pods gives %v", row)
	}
	l.want(l.must("describe", "pod", "one"), "Status:           Running", "Image:         busybox", "Scheduled", "Pulled", "Created", "Started")
	l.want(l.must("events", "--for", "pod/one"), "Scheduled", "Started")
	l.want(l.must("get", "pod", "one", "-o", "yaml"), "qosClass: BestEffort", "phase: Running")
}

func runAndDelete(l *lab) {
	// As on any cluster, attaching shows what is printed from then on: the
	// command gives kubectl time to attach.
	if out := l.must("run", "once", "--image=busybox", "--restart=Never", "--attach", "--rm", "--quiet", "--", "sh", "-c", "sleep 3; echo it ran"); !strings.HasPrefix(out, "it ran\n") {
		l.t.Errorf("kubectl run gives %q", out)
	}
	l.apply("%s", shellPod("long", "trap 'exit 0' TERM; while :; do sleep 0.1; done", ""))
	l.ready("pod/long")
	l.must("delete", "pod", "long", "--timeout=30s")
	if result := l.kubectl("get", "pod", "long"); result.Exit == 0 {
		l.t.Error("the pod is still there")
	}
}

func createDeployment(l *lab) {
	l.must("create", "deployment", "sleeper", "--image=busybox", "--replicas=2", "--", "sleep", "600")
	l.must("rollout", "status", "deployment/sleeper", "--timeout=60s")
	l.must("scale", "deployment/sleeper", "--replicas=4")
	l.must("wait", "deployment/sleeper", "--for=jsonpath={.status.readyReplicas}=4", "--timeout=60s")
	l.must("scale", "deployment/sleeper", "--replicas=1")
	l.must("wait", "deployment/sleeper", "--for=jsonpath={.status.replicas}=1", "--timeout=60s")
	l.must("delete", "deployment", "sleeper", "--cascade=foreground", "--timeout=60s")
	if left := l.must("get", "pods", "--no-headers", "-l", "app=sleeper", "--field-selector=status.phase=Running"); left != "" {
		l.t.Errorf("pods are left: %s", left)
	}
}

func execInPod(l *lab) {
	l.apply("%s", shellPod("one", "sleep 600", "    env: [{name: COLOUR, value: green}]\n"))
	l.ready("pod/one")
	if out := l.must("exec", "one", "--", "sh", "-c", "echo $COLOUR; echo $HOSTNAME"); out != "green\none\n" {
		l.t.Errorf("exec gives %q", out)
	}
	if result := l.kubectl("exec", "one", "--", "sh", "-c", "echo wrong >&2; exit 42"); result.Exit != 42 || !strings.Contains(result.Stderr, "wrong") {
		l.t.Errorf("exit %d, stderr %q; the command's own are wanted", result.Exit, result.Stderr)
	}
	big := strings.Repeat("all of stdin comes through\n", 40_000)
	if out := l.Must(l.Feed(big, "-n", l.namespace, "exec", "-i", "one", "--", "cat")); out != big {
		l.t.Errorf("%d bytes of %d come back", len(out), len(big))
	}
	if result := l.kubectl("exec", "one", "--", "no-such-program"); result.Exit == 0 || !strings.Contains(result.Stderr, "no-such-program") {
		l.t.Errorf("exit %d, stderr %q", result.Exit, result.Stderr)
	}
}

// execTerminal types into a shell, as people do.
func execTerminal(l *lab) {
	l.apply("%s", shellPod("one", "sleep 600", ""))
	l.ready("pod/one")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := l.Command(ctx, "kubectl", "-n", l.namespace, "exec", "-it", "one", "--", "sh")
	command.Env = append(command.Env, "TERM=xterm")
	terminal, err := pty.StartWithAttrs(command, &pty.Winsize{Rows: 30, Cols: 91}, command.SysProcAttr)
	if err != nil {
		l.t.Fatal(err)
	}
	defer terminal.Close()
	var shown output
	read := make(chan struct{})
	go func() {
		defer close(read)
		_, _ = io.Copy(&shown, terminal) // a terminal ends with an error
	}()
	typed := func(line, answer string) {
		if _, err := terminal.WriteString(line + "\n"); err != nil {
			l.t.Fatal(err)
		}
		l.Eventually(patience, answer+" on the terminal", func() (bool, string) {
			return strings.Contains(shown.String(), answer), shown.String()
		})
	}
	typed("test -t 0 && echo is-a-'terminal'", "is-a-terminal")
	typed("stty size", "30 91")
	if _, err := terminal.WriteString("exit 5\n"); err != nil {
		l.t.Fatal(err)
	}
	if err := command.Wait(); command.ProcessState.ExitCode() != 5 {
		l.t.Errorf("kubectl exec -it: %v", err)
	}
	terminal.Close()
	<-read
}

func attachToPod(l *lab) {
	l.apply("%s", shellPod("asker", "read name; echo hello $name", "    stdin: true\n    stdinOnce: true\n  restartPolicy: Never\n"))
	l.ready("pod/asker")
	l.Feed("Ada\n", "-n", l.namespace, "attach", "-i", "asker", "--pod-running-timeout=10s")
	l.logged("asker", "hello Ada")
}

func portForward(l *lab) {
	l.greeter("web", 1)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := l.Command(ctx, "kubectl", "-n", l.namespace, "port-forward", "service/web", ":8080")
	out, err := command.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		l.t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = command.Wait() // it was killed
	}()
	line, err := bufio.NewReader(out).ReadString('\n')
	address, _, found := strings.Cut(strings.TrimPrefix(line, "Forwarding from "), " ->")
	if err != nil || !found {
		l.t.Fatalf("port-forward says %q, %v", line, err)
	}
	for range 3 {
		if said := get(l.t, "http://"+address+"/"); !strings.HasPrefix(said, "hello, world, from web-") {
			l.t.Errorf("through the port comes %q", said)
		}
	}
}

func copyFiles(l *lab) {
	l.apply("%s", shellPod("one", "sleep 600", ""))
	l.ready("pod/one")
	from := l.Write(l.namespace+"/there", "and back\n")
	back := filepath.Join(filepath.Dir(from), "back")
	l.Must(l.Kubectl("cp", from, l.namespace+"/one:/tmp/there"))
	if out := l.must("exec", "one", "--", "cat", "/tmp/there"); out != "and back\n" {
		l.t.Errorf("the pod has %q", out)
	}
	if err := os.Chmod(filepath.Dir(from), 0o777); err != nil { // kubectl is another user's
		l.t.Fatal(err)
	}
	l.Must(l.Kubectl("cp", l.namespace+"/one:/tmp/there", back))
	if content, err := os.ReadFile(back); err != nil || string(content) != "and back\n" {
		l.t.Errorf("back comes %q, %v", content, err)
	}
}

func nodeIsThere(l *lab) {
	l.want(l.Must(l.Kubectl("get", "nodes")), "Ready")
	l.want(l.Must(l.Kubectl("version")), "Server Version: v1.")
	l.want(l.Must(l.Kubectl("get", "storageclass")), "(default)")
	l.want(l.Must(l.Kubectl("get", "--raw", "/readyz?verbose")), "readyz check passed")
	l.want(l.Must(l.Kubectl("api-resources")), "deployments", "ingresses", "networkpolicies")
}
