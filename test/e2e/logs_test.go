package e2e

import (
	"bufio"
	"context"
	"io"
	"strings"
)

func logChecks() map[string]func(*lab) {
	return map[string]func(*lab){
		"logs":           readLogs,
		"logs follow":    followLogs,
		"logs previous":  previousLogs,
		"logs of Job":    logsByOwner,
		"logs since end": logsOfEnded,
	}
}

func readLogs(l *lab) {
	l.apply("%s", shellPod("talker", "for i in 1 2 3 4 5; do echo line $i; done; echo error >&2; sleep 600", ""))
	l.logged("talker", "error")
	l.logged("talker", "line 5")
	// The two streams are read side by side, so which line comes last is open.
	if out := l.must("logs", "talker", "--tail=2"); strings.Count(out, "\n") != 2 || !strings.Contains(out, "line 5") {
		l.t.Errorf("the last two lines are %q", out)
	}
	if out := l.must("logs", "talker", "--timestamps", "--tail=1"); !strings.HasPrefix(out, "20") || !strings.Contains(out, "Z ") {
		l.t.Errorf("with its time a line is %q", out)
	}
}

// followLogs reads lines while they are made, up to the container's end.
func followLogs(l *lab) {
	l.apply("%s", shellPod("talker", `echo ready; while ! [ -e /tmp/go ]; do sleep 0.1; done; echo after; exit 0`, "  restartPolicy: Never\n"))
	l.ready("pod/talker")
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	command := l.Command(ctx, "kubectl", "-n", l.namespace, "logs", "-f", "talker")
	out, err := command.StdoutPipe()
	if err != nil {
		l.t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		l.t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	if line, err := lines.ReadString('\n'); line != "ready\n" {
		l.t.Fatalf("first comes %q, %v", line, err)
	}
	l.must("exec", "talker", "--", "touch", "/tmp/go")
	rest, err := io.ReadAll(lines)
	if string(rest) != "after\n" || err != nil {
		l.t.Errorf("then comes %q, %v", rest, err)
	}
	if err := command.Wait(); err != nil {
		l.t.Errorf("when the container ends, logs -f does with %v", err)
	}
}

func previousLogs(l *lab) {
	l.apply("%s", shellPod("again", `if [ -e /data/second ]; then echo second life; sleep 600; fi; touch /data/second; echo first life; exit 3`,
		"    volumeMounts: [{name: data, mountPath: /data}]\n  volumes: [{name: data, emptyDir: {}}]\n"))
	l.logged("again", "second life")
	if out := l.must("logs", "-p", "again"); out != "first life\n" {
		l.t.Errorf("the life before said %q", out)
	}
	if code := l.get("pod/again", ".status.containerStatuses[0].lastState.terminated.exitCode"); code != "3" {
		l.t.Errorf("it ended with %s", code)
	}
}

func logsByOwner(l *lab) {
	l.must("create", "job", "speaker", "--image=busybox", "--", "echo", "done it")
	l.must("wait", "job/speaker", "--for=condition=complete", "--timeout=60s")
	if out := l.must("logs", "job/speaker"); out != "done it\n" {
		l.t.Errorf("the job said %q", out)
	}
}

func logsOfEnded(l *lab) {
	l.apply("%s", shellPod("ended", "seq 1 20000; echo last", "  restartPolicy: Never\n"))
	l.must("wait", "pod/ended", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=60s")
	out := l.must("logs", "ended")
	if strings.Count(out, "\n") != 20001 || !strings.HasSuffix(out, "20000\nlast\n") {
		l.t.Errorf("%d lines are left of 20001", strings.Count(out, "\n"))
	}
}
