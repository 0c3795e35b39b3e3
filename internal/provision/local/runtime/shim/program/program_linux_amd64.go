package program

import _ "embed"

//go:embed container-shim-amd64
var content []byte
