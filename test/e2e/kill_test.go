package e2e

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/pocctl/pocctl/test/e2e/harness"
)

// kills is how many random moments are tried.
const kills = 22

// victims are what gets killed, in turn: the command, and what runs under it.
func victims() []string {
	return []string{
		"command", "supervise ", "command", "component node", "command", "component etcd",
		"command", "bin/postgres", "command", "component kube-apiserver", "command",
	}
}

// TestKill kills -9 at random moments and types the same command again: it
// finishes, and every product that the service had acknowledged is there.
// POCCTL_KILL_SEED repeats a run.
func TestKill(t *testing.T) {
	t.Parallel()
	box := harness.New(t)
	k := &killing{
		t: t, box: box, shop: openShop(t, box), random: seeded(t),
		typical: [2]time.Duration{4 * time.Second, 14 * time.Second},
		args: []string{
			"up", "-o", "json", "--rate", "50", "--duration", "2s", "--warmup", "0s", "--source",
			source(t, box, localEnvironment(t, "replicaCount: 3", "replicaCount: 2"), anyLatency),
		},
	}
	for round := range kills {
		fresh := round%6 == 0
		if fresh && round > 0 {
			k.shop.closed()
			box.Must(box.Pocctl("down", "--keep-data"))
		}
		k.round(round, victims()[round%len(victims())], fresh)
		if t.Failed() {
			return
		}
	}
	if k.shop.count() < kills {
		t.Errorf("only %d products were acknowledged: the test shows too little", k.shop.count())
	}
	t.Logf("%d kills; all of %d acknowledged products are there", kills, k.shop.count())
}

type killing struct {
	t       *testing.T
	box     *harness.Sandbox
	shop    *shop
	random  *rand.Rand
	args    []string
	typical [2]time.Duration // how long the command takes: on what is up, from nothing
}

// round begins the command, kills the victim at a random moment of it, and
// begins it again.
func (k *killing) round(number int, victim string, fresh bool) {
	k.t.Helper()
	kind := 0
	if fresh {
		kind = 1
	}
	moment := time.Duration(k.random.Int64N(int64(k.typical[kind])))
	first := begin(k.t, k.box, k.args...)
	due := time.NewTimer(moment)
	defer due.Stop()
	select {
	case <-due.C:
	case <-first.ended:
	}
	if !first.running() {
		k.typical[kind] = time.Since(first.began)
	}
	killed := k.kill(first, victim)
	ended := first.end()
	result := measured(k.t, k.box, k.args...)
	k.t.Logf("round %d: killed %s after %s (fresh: %t); it ended with %d, and again with %d after %.1f s",
		number, killed, moment.Round(time.Millisecond), fresh, ended.Exit, result.Exit, result.Seconds)
	if result.Exit != 0 {
		k.t.Fatalf("the command did not finish after %s was killed\nfirst: %s\nagain: %s\n%s",
			killed, ended.Stderr, result.Stderr, result.Stdout)
	}
	k.shop.opened(parse(k.t, result.Stdout).Endpoints["app"])
	k.shop.check()
}

// kill kills the victim; if there is none yet, the command, and if that has
// ended, the supervisor.
func (k *killing) kill(command *background, victim string) string {
	k.t.Helper()
	if victim != "command" || !command.running() {
		words := victim
		if victim == "command" {
			words = "supervise "
		}
		if found := processes(k.t, k.box, words); len(found) > 0 {
			if err := syscall.Kill(found[0], syscall.SIGKILL); err == nil {
				return strings.TrimSpace(words)
			}
		}
	}
	if err := command.command.Process.Kill(); err != nil {
		k.t.Logf("the command had just ended: %v", err)
	}
	return "the command"
}

// seeded gives a random source whose seed is printed.
func seeded(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	if given := os.Getenv("POCCTL_KILL_SEED"); given != "" {
		var err error
		if seed, err = strconv.ParseUint(given, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("repeat with POCCTL_KILL_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 0))
}
