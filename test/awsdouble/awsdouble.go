// Package awsdouble gives tests an AWS that needs no account: a provider for
// Terraform with AWS' own schema (provider), the few APIs that pocctl asks itself
// (api), and the account that both pretend to have (cloud).
package awsdouble

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
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
// awsdouble` built. With types, it has those resources and data sources alone, and
// each run of Terraform takes half a second less; see Types.
func Install(t testing.TB, types ...string) Double {
	t.Helper()
	root, err := built()
	if err != nil {
		t.Fatal(err)
	}
	if len(types) > 0 {
		if root, err = trimmed(root, t.TempDir(), types); err != nil {
			t.Fatal(err)
		}
	}
	account, err := cloud.Open(filepath.Join(t.TempDir(), "account"))
	if err != nil {
		t.Fatal(err)
	}
	return Double{Account: account, Configuration: filepath.Join(root, "terraformrc")}
}

// Types are the types of the provider that the modules in a folder name.
func Types(t testing.TB, folder string) []string {
	t.Helper()
	found := map[string]bool{}
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".tf" {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range regexp.MustCompile(`"(aws_[a-z0-9_]+)"`).FindAllSubmatch(text, -1) {
			found[string(match[1])] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return slices.Sorted(maps.Keys(found))
}

// place is where Terraform looks for the provider below a mirror.
func place(root string) string {
	return filepath.Join(root, "registry.terraform.io", "hashicorp", "aws", version, runtime.GOOS+"_"+runtime.GOARCH)
}

// trimmed makes a mirror in a folder whose provider knows some types.
func trimmed(root, folder string, types []string) (string, error) {
	read, err := schema.Read(filepath.Join(place(root), "schema.json"))
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(place(folder), 0o700); err != nil {
		return "", err
	}
	if err := read.Write(filepath.Join(place(folder), "schema.json"), types); err != nil {
		return "", err
	}
	program := "terraform-provider-aws_v" + version
	if err := os.Link(filepath.Join(place(root), program), filepath.Join(place(folder), program)); err != nil {
		binary, err := os.ReadFile(filepath.Join(place(root), program)) // another file system, then
		if err != nil {
			return "", err
		}
		if err := os.WriteFile(filepath.Join(place(folder), program), binary, 0o700); err != nil {
			return "", err
		}
	}
	configuration := fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", folder)
	return folder, os.WriteFile(filepath.Join(folder, "terraformrc"), []byte(configuration), 0o600)
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
	read, err := schema.Read(filepath.Join(place(root), "schema.json"))
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
