//go:build linux

package redis

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// settings are what a configuration file and the arguments say, by directive.
type settings struct {
	file   string // the configuration file, if one was named
	values map[string][]string
}

// parse reads arguments the way redis-server does: a configuration file first,
// then "--name value…"; the last of a name wins.
func parse(args []string) (settings, error) {
	s := settings{values: map[string][]string{}}
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		s.file, args = args[0], args[1:]
		content, err := os.ReadFile(s.file)
		if err != nil {
			return settings{}, fmt.Errorf("read the configuration: %w", err)
		}
		s.read(content)
	}
	name := ""
	for _, argument := range args {
		switch {
		case strings.HasPrefix(argument, "--") && len(argument) > 2:
			// A directive and its values may also stand in one argument.
			words := strings.Fields(argument[2:])
			if len(words) == 0 {
				return settings{}, fmt.Errorf("the argument %q names no setting", argument)
			}
			name = strings.ToLower(words[0])
			s.values[name] = words[1:]
		case name == "":
			return settings{}, fmt.Errorf("the argument %q follows no --setting", argument)
		default:
			s.values[name] = append(s.values[name], argument)
		}
	}
	return s, nil
}

// read takes up a configuration file: "name value…" in lines.
func (s settings) read(content []byte) {
	lines := bufio.NewScanner(bytes.NewReader(content))
	for lines.Scan() {
		line := strings.TrimSpace(lines.Text())
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		words := strings.Fields(line)
		for i, word := range words {
			words[i] = strings.Trim(word, `"'`)
		}
		s.values[strings.ToLower(words[0])] = words[1:]
	}
}

// first gives the first value of a directive, or the fallback.
func (s settings) first(name, fallback string) string {
	if values := s.values[name]; len(values) > 0 {
		return values[0]
	}
	return fallback
}

// port gives the port; 0, which in Redis means none, is refused.
func (s settings) port() (int, error) {
	text := s.first("port", "6379")
	port, err := strconv.Atoi(text)
	if err != nil || port < 1 || port > 65535 {
		return 0, fmt.Errorf("%q is no port", text)
	}
	return port, nil
}

// persistent says whether data is to be kept: unless both ways of Redis to keep
// it are switched off.
func (s settings) persistent() bool {
	if s.first("appendonly", "no") == "yes" {
		return true
	}
	values, given := s.values["save"]
	return !given || strings.Join(values, "") != ""
}

// ignored lists the directives that the compiled-in server does not follow, of
// those whose absence would be noticed.
func (s settings) ignored() []string {
	var names []string
	for _, name := range []string{"maxmemory", "tls-port", "aclfile", "user", "replicaof", "slaveof", "cluster-enabled", "loadmodule", "rename-command"} {
		if values := s.values[name]; len(values) > 0 && values[0] != "no" && values[0] != "0" {
			names = append(names, name)
		}
	}
	return names
}
