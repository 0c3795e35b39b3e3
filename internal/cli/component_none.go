//go:build !linux || slim

package cli

import "github.com/spf13/cobra"

// inside is empty where the local environment is left out of the build.
func (a *app) inside() []*cobra.Command { return nil }
