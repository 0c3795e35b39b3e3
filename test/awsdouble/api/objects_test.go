package api

import (
	"bytes"
	"fmt"
	"net/http"
	"testing"
)

// FuzzContent reads any body as frames without harm, and what was framed back
// whole.
func FuzzContent(f *testing.F) {
	f.Add([]byte("5\r\nhello\r\n0\r\n"), 5)
	f.Add([]byte("ffffffffffffffff\r\nhello"), 3)
	f.Add([]byte("-5\r\nhello\r\n"), 1)
	f.Fuzz(func(t *testing.T, body []byte, size int) {
		asked := &call{Request: &http.Request{Header: http.Header{"X-Amz-Content-Sha256": {"STREAMING-UNSIGNED-PAYLOAD-TRAILER"}}}, body: body}
		if got := asked.content(); len(got) > len(body) {
			t.Errorf("%d bytes out of %d", len(got), len(body))
		}
		var framed bytes.Buffer
		for rest := body; len(rest) > 0; {
			part := rest[:min(max(1, size), len(rest))]
			rest = rest[len(part):]
			fmt.Fprintf(&framed, "%x;chunk-signature=0\r\n%s\r\n", len(part), part)
		}
		framed.WriteString("0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n")
		asked.body = framed.Bytes()
		if got := asked.content(); !bytes.Equal(got, body) {
			t.Errorf("%q is read back as %q", body, got)
		}
	})
}
