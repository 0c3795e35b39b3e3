package ingress

import (
	"io"
	"net/http"
	"syscall"
	"testing"
	"time"
)

// BenchmarkProxy runs client, ingress and pod in one process. The difference of
// the two cases is the ingress's share; cpu-µs/op is processor time, which other
// work on the machine does not blur.
func BenchmarkProxy(b *testing.B) {
	f := serve(b, made("it", rule("", "/", prefix, "web")))
	f.backends.put("web", pod(b, named("ok")), pod(b, named("ok")))
	for name, url := range map[string]string{"ingress": f.url, "direct": "http://" + f.backends.all["web"][0].String()} {
		b.Run(name, func(b *testing.B) {
			client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 100}}
			b.ReportAllocs()
			before := processorTime(b)
			b.RunParallel(func(each *testing.PB) {
				for each.Next() {
					response, err := client.Get(url)
					if err != nil {
						b.Error(err)
						return
					}
					_, _ = io.Copy(io.Discard, response.Body)
					response.Body.Close()
				}
			})
			b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
		})
	}
}

func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
