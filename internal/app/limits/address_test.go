package limits

import (
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func proxies(t testing.TB, options ProxyOptions) Proxies {
	t.Helper()
	p, err := NewProxies(options)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func trusting(t testing.TB, trusted ...string) Proxies {
	t.Helper()
	return proxies(t, ProxyOptions{Trusted: trusted})
}

func TestClientAddress(t *testing.T) {
	private := []string{"10.0.0.0/8", "192.168.1.1", "fd00::/8", "::ffff:172.16.0.0/108"}
	const proxy = "10.1.2.3:5000"
	tests := map[string]struct {
		remote string
		values []string
		want   string // empty: ErrForwarded
	}{
		"no list":                        {proxy, nil, "10.1.2.3"},
		"empty list":                     {proxy, []string{""}, "10.1.2.3"},
		"one hop":                        {proxy, []string{"203.0.113.9"}, "203.0.113.9"},
		"two proxies":                    {proxy, []string{"203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		"a proxy by its address":         {"192.168.1.1:80", []string{"203.0.113.9"}, "203.0.113.9"},
		"the proxy's neighbour":          {"192.168.1.2:80", []string{"203.0.113.9"}, "192.168.1.2"},
		"a proxy in mapped form":         {"[::ffff:10.1.2.3]:5000", []string{"203.0.113.9"}, "203.0.113.9"},
		"trusted in mapped form":         {"172.16.5.5:80", []string{"203.0.113.9"}, "203.0.113.9"},
		"a proxy with a zone":            {"[fd00::1%eth0]:80", []string{"203.0.113.9"}, "203.0.113.9"},
		"all are proxies":                {proxy, []string{"10.0.0.1, 10.0.0.2"}, "10.0.0.1"},
		"not from a proxy":               {"198.51.100.7:1234", []string{"203.0.113.9"}, "198.51.100.7"},
		"no port on the connection":      {"198.51.100.7", nil, "198.51.100.7"},
		"written by the client":          {proxy, []string{"1.1.1.1, 203.0.113.9"}, "203.0.113.9"},
		"written as a proxy":             {proxy, []string{"1.1.1.1, 10.0.0.1, 203.0.113.9, 10.9.9.9"}, "203.0.113.9"},
		"in a field before":              {proxy, []string{"1.1.1.1", "203.0.113.9"}, "203.0.113.9"},
		"in fields before":               {proxy, []string{"1.1.1.1", "2.2.2.2", "203.0.113.9", "10.9.9.9"}, "203.0.113.9"},
		"junk by the client":             {proxy, []string{"';--, \x00\xff, 203.0.113.9"}, "203.0.113.9"},
		"a quote by the client":          {proxy, []string{`"1.1.1.1, 203.0.113.9`}, "203.0.113.9"},
		"tabs and spaces":                {proxy, []string{"1.1.1.1,\t 203.0.113.9\t ,  10.9.9.9 "}, "203.0.113.9"},
		"empty elements":                 {proxy, []string{"1.1.1.1,, 203.0.113.9 , ,", ""}, "203.0.113.9"},
		"with a port":                    {proxy, []string{"203.0.113.9:4711"}, "203.0.113.9"},
		"IPv6":                           {proxy, []string{"2001:db8::7"}, "2001:db8::7"},
		"IPv6 in brackets":               {proxy, []string{"[2001:db8::7]"}, "2001:db8::7"},
		"IPv6 with a port":               {proxy, []string{"[2001:db8::7]:443"}, "2001:db8::7"},
		"IPv6 with a zone":               {proxy, []string{"fe80::7%eth0"}, "fe80::7"},
		"IPv6 with all":                  {proxy, []string{"[fe80::7%25eth0]:443"}, "fe80::7"},
		"IPv6 in capitals":               {proxy, []string{"2001:DB8:0:0::0007"}, "2001:db8::7"},
		"IPv4 in IPv6":                   {proxy, []string{"::ffff:203.0.113.9"}, "203.0.113.9"},
		"IPv4 in IPv6 in hex":            {proxy, []string{"[::ffff:cb00:7109]:1"}, "203.0.113.9"},
		"an IPv6 proxy in the list":      {proxy, []string{"203.0.113.9, fd12::1"}, "203.0.113.9"},
		"a huge list by the client":      {proxy, []string{strings.Repeat("1.1.1.1,", 5000) + "203.0.113.9"}, "203.0.113.9"},
		"many fields by the client":      {proxy, append(slices.Repeat([]string{"10.0.0.1"}, 5000), "203.0.113.9"), "203.0.113.9"},
		"no address":                     {proxy, []string{"unknown"}, ""},
		"a name":                         {proxy, []string{"example.com"}, ""},
		"octal":                          {proxy, []string{"0203.0.113.9"}, ""},
		"a number":                       {proxy, []string{"3405803785"}, ""},
		"three numbers":                  {proxy, []string{"203.0.9"}, ""},
		"a space within":                 {proxy, []string{"203.0.113.9 10.9.9.9"}, ""},
		"a semicolon within":             {proxy, []string{"203.0.113.9;10.9.9.9"}, ""},
		"a line break within":            {proxy, []string{"203.0.113.9\n10.9.9.9"}, ""},
		"NUL after":                      {proxy, []string{"203.0.113.9\x00"}, ""},
		"a bad port":                     {proxy, []string{"203.0.113.9:99999"}, ""},
		"no port after the colon":        {proxy, []string{"203.0.113.9:"}, ""},
		"half a bracket":                 {proxy, []string{"[2001:db8::7"}, ""},
		"IPv4 in brackets":               {proxy, []string{"[203.0.113.9]"}, ""},
		"brackets around nothing":        {proxy, []string{"[]"}, ""},
		"everybody":                      {proxy, []string{"0.0.0.0"}, ""},
		"everybody in IPv6":              {proxy, []string{"::"}, ""},
		"multicast":                      {proxy, []string{"224.0.0.1"}, ""},
		"too long":                       {proxy, []string{"fe80::1%" + strings.Repeat("x", 200)}, ""},
		"more proxies than there can be": {proxy, []string{strings.Repeat("10.0.0.1,", 33) + "10.0.0.1"}, ""},
		"nothing but commas":             {proxy, []string{strings.Repeat(",", 10000)}, ""},
	}
	p := trusting(t, private...)
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := p.ClientAddress(test.remote, test.values)
			if test.want == "" {
				if !errors.Is(err, ErrForwarded) || got.IsValid() {
					t.Errorf("%v, %v; want ErrForwarded", got, err)
				}
				return
			}
			if err != nil || got != netip.MustParseAddr(test.want) {
				t.Errorf("%v, %v; want %s", got, err, test.want)
			}
		})
	}
}

func TestForwardedField(t *testing.T) {
	tests := map[string]struct{ value, want string }{
		"plain":                    {"for=203.0.113.9", "203.0.113.9"},
		"with the rest":            {`by=10.1.1.1;FOR="203.0.113.9:80";proto=https;host=example.com`, "203.0.113.9"},
		"IPv6":                     {`For="[2001:db8::7]:4711"`, "2001:db8::7"},
		"two proxies":              {`for=203.0.113.9, for=10.2.2.2;by=10.3.3.3`, "203.0.113.9"},
		"written by the client":    {`for=1.1.1.1;host="a, for=2.2.2.2", for=203.0.113.9`, "203.0.113.9"},
		"a quote by the client":    {`for="1.1.1.1, for=203.0.113.9`, "203.0.113.9"},
		"a comma in the host":      {`for=203.0.113.9;host="a, for=2.2.2.2"`, "203.0.113.9"},
		"an escape in the host":    {`for=203.0.113.9;host="a\", for=2.2.2.2"`, "203.0.113.9"},
		"two":                      {`for=203.0.113.9;for=2.2.2.2`, ""},
		"another in the host":      {`for=203.0.113.9;host="a;for=2.2.2.2"`, ""},
		"none":                     {`by=10.1.1.1`, ""},
		"hidden":                   {`for=_hidden`, ""},
		"unknown":                  {`for=unknown`, ""},
		"half quoted":              {`for="203.0.113.9`, ""},
		"quotes within":            {`for="203.0.113.9"x"`, ""},
		"as X-Forwarded-For":       {`203.0.113.9`, ""},
		"a proxy as the first hop": {`for=10.2.2.2`, "10.2.2.2"},
	}
	p := proxies(t, ProxyOptions{Trusted: []string{"10.0.0.0/8"}, Forwarded: true})
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := p.ClientAddress("10.1.2.3:5000", []string{test.value})
			if test.want == "" {
				if !errors.Is(err, ErrForwarded) {
					t.Errorf("%v, %v; want ErrForwarded", got, err)
				}
				return
			}
			if err != nil || got != netip.MustParseAddr(test.want) {
				t.Errorf("%v, %v; want %s", got, err, test.want)
			}
		})
	}
	if got := p.Header() + " " + (Proxies{}).Header(); got != "Forwarded X-Forwarded-For" {
		t.Errorf("fields are %s", got)
	}
}

func TestNobodyIsTrustedUnlessSaid(t *testing.T) {
	for _, remote := range []string{"127.0.0.1:1", "10.1.1.1:1", "[::1]:1"} {
		got, err := (Proxies{}).ClientAddress(remote, []string{"203.0.113.9"})
		if err != nil || !strings.Contains(remote, got.String()) {
			t.Errorf("%s: %v, %v", remote, got, err)
		}
	}
	for _, remote := range []string{"", "@", "/run/socket", "localhost:80"} {
		if got, err := (Proxies{}).ClientAddress(remote, nil); err == nil {
			t.Errorf("connection from %q: %v, want an error", remote, got)
		}
	}
}

func TestProxiesThatAreRefused(t *testing.T) {
	for _, text := range []string{"", "proxy", "10.0.0.0/33", "10.0.0.0/8/8", "0.0.0.0/0", "::/0", "1.2.3.4/0", "::ffff:0:0/96", "::ffff:0:0/90", "fe80::1%eth0"} {
		if _, err := NewProxies(ProxyOptions{Trusted: []string{"10.0.0.1", text}}); err == nil {
			t.Errorf("%q is taken", text)
		} else if !strings.Contains(err.Error(), `"`+text+`"`) {
			t.Errorf("the error doesn't name %q: %v", text, err)
		}
	}
}

func TestNetwork(t *testing.T) {
	for given, want := range map[string]string{
		"203.0.113.9": "203.0.113.9", "::ffff:203.0.113.9": "203.0.113.9",
		"2001:db8:1:2:3:4:5:6": "2001:db8:1:2::", "fe80::1%eth0": "fe80::",
	} {
		if got := Network(netip.MustParseAddr(given)); got.String() != want {
			t.Errorf("%s is in %s, want %s", given, got, want)
		}
	}
	if got := Network(netip.Addr{}); got.IsValid() {
		t.Errorf("no address is in %s", got)
	}
}

// Whatever a client writes before, it is known by the address that the proxy saw.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"1.1.1.1", "10.0.0.1, 10.0.0.2", `for="1.1.1.1`, `for=1.1.1.1;host="a, b\"`, ",,\t", "[::1]:80", "fe80::1%a", `\`, `"`,
	} {
		f.Add("10.1.2.3:5000", seed)
		f.Add(seed, "203.0.113.9")
	}
	plain := trusting(f, "10.0.0.0/8")
	forwarded := proxies(f, ProxyOptions{Trusted: []string{"10.0.0.0/8"}, Forwarded: true})
	client := netip.MustParseAddr("203.0.113.9")
	f.Fuzz(func(t *testing.T, remote, list string) {
		for _, p := range []Proxies{{}, plain, forwarded} {
			got, err := p.ClientAddress(remote, []string{list})
			if err == nil && (!got.IsValid() || got.IsUnspecified() || got.Is4In6() || got.Zone() != "") {
				t.Errorf("%q, %q give %v", remote, list, got)
			}
			if err != nil && got.IsValid() {
				t.Errorf("%q, %q give %v with %v", remote, list, got, err)
			}
		}
		for _, values := range [][]string{{list, "203.0.113.9"}, {list + ", 203.0.113.9"}, {list + ",203.0.113.9", "10.9.9.9"}} {
			if got, err := plain.ClientAddress("10.1.2.3:5000", values); got != client || err != nil {
				t.Errorf("%q give %v, %v", values, got, err)
			}
		}
		for _, values := range [][]string{{list, "for=203.0.113.9"}, {list + `, for="203.0.113.9:1";proto=http`, "for=10.9.9.9"}} {
			if got, err := forwarded.ClientAddress("10.1.2.3:5000", values); got != client || err != nil {
				t.Errorf("%q give %v, %v", values, got, err)
			}
		}
	})
}
