package program

import _ "embed"

//go:embed container-shim-arm64
var content []byte
