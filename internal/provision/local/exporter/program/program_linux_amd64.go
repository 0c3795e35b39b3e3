package program

import _ "embed"

//go:embed exporter-amd64.gz
var packed []byte
