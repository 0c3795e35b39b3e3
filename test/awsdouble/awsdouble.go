// Package awsdouble gives tests an AWS that needs no account: a provider for
// Terraform with AWS' own schema (provider), the few APIs that pocctl asks itself
// (api), and the account that both pretend to have (cloud).
package awsdouble

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"github.com/pocctl/pocctl/test/awsdouble/cloud"
	"github.com/pocctl/pocctl/test/awsdouble/schema"
)

// version is the provider's that the double stands for; the Makefile has it too.
const version = "6.25.0"

// Double is the provider, installed for a test.
type Double struct {
	Account       *cloud.Account // what it pretends to have
	Configuration string         // Terraform's configuration file, that names the provider
}

// Install makes an empty account for a test, and finds the provider that `make
// awsdouble` built.
func Install(t testing.TB) Double {
	t.Helper()
	root, err := built()
	if err != nil {
		t.Fatal(err)
	}
	account, err := cloud.Open(filepath.Join(t.TempDir(), "account"))
	if err != nil {
		t.Fatal(err)
	}
	return Double{Account: account, Configuration: filepath.Join(root, "terraformrc")}
}

// Environment is what Terraform needs in its environment to find the double.
func (d Double) Environment() []string {
	return []string{
		"TF_CLI_CONFIG_FILE=" + d.Configuration,
		cloud.Environment + "=" + d.Account.Directory(),
		"TF_IN_AUTOMATION=1",
		"CHECKPOINT_DISABLE=1",
	}
}

// Schema reads the schema that the double serves.
func Schema(t testing.TB) *schema.Schema {
	t.Helper()
	root, err := built()
	if err != nil {
		t.Fatal(err)
	}
	read, err := schema.Read(filepath.Join(root, "registry.terraform.io/hashicorp/aws", version, runtime.GOOS+"_"+runtime.GOARCH, "schema.json"))
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// built is the folder bin/awsdouble of this checkout.
func built() (string, error) {
	folder, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for ; ; folder = filepath.Dir(folder) {
		if _, err := os.Stat(filepath.Join(folder, "go.mod")); err == nil {
			break
		}
		if folder == filepath.Dir(folder) {
			return "", errors.New("the AWS double is looked for in a checkout of pocctl, and this is none")
		}
	}
	root := filepath.Join(folder, "bin", "awsdouble")
	if _, err := os.Stat(filepath.Join(root, "terraformrc")); err != nil {
		return "", fmt.Errorf("the AWS double is not built; run: make awsdouble (%w)", err)
	}
	return root, nil
}
