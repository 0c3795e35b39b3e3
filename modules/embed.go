// Package modules holds the Terraform modules, so that a downloaded binary needs no
// checkout.
package modules

import "embed"

// Files holds one directory a module, and under roots one an environment. What is
// hidden, such as what Terraform leaves where it ran, is left out.
//
//go:embed ci edge eks guard key network rds redis registry roots stack storage
var Files embed.FS
