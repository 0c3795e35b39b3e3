package program

import _ "embed"

//go:embed exporter-arm64.gz
var packed []byte
