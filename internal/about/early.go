package about

import "syscall"

// The packages of Kubernetes, Helm and etcd take some 150 ms to initialise, which
// a question for the version need not wait for. Packages are initialised in the
// order of their import paths as far as their imports allow (the Go
// specification, "Program initialization"), so the next package after syscall
// that this binary initialises is this one, as long as it needs no other.
//
//nolint:gochecknoinits // see above; docs/adr/0012 has the figures
func init() { answerEarly() }

func answerEarly() {
	if early(commandLine(), syscall.Environ(), exists) && This().Text(standardOutput{}) == nil {
		syscall.Exit(0)
	}
}

// early says whether the command line is a plain `pocctl version`. Anything that
// could ask for another form of the answer goes the usual way.
func early(args, environment []string, exists func(path string) bool) bool {
	if len(args) != 2 || args[1] != "version" {
		return false
	}
	var home, settings string
	for _, variable := range environment {
		if _, ours := cutPrefix(variable, "POCCTL_"); ours {
			return false
		}
		if value, found := cutPrefix(variable, "HOME="); found {
			home = value
		}
		if value, found := cutPrefix(variable, "XDG_CONFIG_HOME="); found {
			settings = value
		}
	}
	if settings == "" {
		if home == "" {
			return true // without a home there are no settings
		}
		settings = home + "/.config"
	}
	return !exists(settings + "/pocctl/config.yaml")
}

func cutPrefix(text, prefix string) (string, bool) {
	if len(text) < len(prefix) || text[:len(prefix)] != prefix {
		return text, false
	}
	return text[len(prefix):], true
}

// commandLine is os.Args, which is not there yet. It is empty where /proc is not
// Linux's, and where the line is longer than the one looked for.
func commandLine() []string {
	file, err := syscall.Open("/proc/self/cmdline", syscall.O_RDONLY|syscall.O_CLOEXEC, 0)
	if err != nil {
		return nil
	}
	defer func() { _ = syscall.Close(file) }()
	var line [4096]byte
	n, err := syscall.Read(file, line[:])
	if err != nil || n == len(line) {
		return nil
	}
	var args []string
	start := 0
	for i, b := range line[:n] {
		if b == 0 {
			args = append(args, string(line[start:i]))
			start = i + 1
		}
	}
	return args
}

func exists(path string) bool {
	var info syscall.Stat_t
	return syscall.Stat(path, &info) != syscall.ENOENT
}

// standardOutput is os.Stdout, which is not there yet.
type standardOutput struct{}

func (standardOutput) Write(text []byte) (int, error) {
	for written := 0; written < len(text); {
		n, err := syscall.Write(1, text[written:])
		if err != nil {
			return written, err
		}
		written += n
	}
	return len(text), nil
}
