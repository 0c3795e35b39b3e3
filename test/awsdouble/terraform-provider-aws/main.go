// Command terraform-provider-aws is the AWS double, as Terraform starts it. Its
// schema is beside it; its account is in the directory that POCCTL_AWSDOUBLE_DIR
// names, without which it refuses to do anything but tell its schema.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-plugin-go/tfprotov5"
	"github.com/hashicorp/terraform-plugin-go/tfprotov5/tf5server"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/provider"
	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "terraform-provider-aws (double):", err)
		os.Exit(1)
	}
}

func run() error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	known, err := schema.Read(filepath.Join(filepath.Dir(self), "schema.json"))
	if err != nil {
		return err
	}
	var account *cloud.Account
	if directory := os.Getenv(cloud.Environment); directory != "" {
		if account, err = cloud.Open(directory); err != nil {
			return err
		}
	}
	server, err := provider.New(known, account)
	if err != nil {
		return err
	}
	return tf5server.Serve("registry.terraform.io/hashicorp/aws", func() tfprotov5.ProviderServer { return server })
}
