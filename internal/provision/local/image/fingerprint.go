package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/pocctl/pocctl/internal/fault"
)

// Fingerprint identifies what the image runs: its program's content, arguments
// and environment. Other than an ID, it reads the whole program, and a rebuild
// that changed nothing leaves it as it is. A program that cannot be used is a fault.ProgramUnusable.
func (i Image) Fingerprint() (string, error) {
	if _, err := identify(i); err != nil {
		return "", fault.New(fault.ProgramUnusable, "image", i.Name).Because(err)
	}
	sum := sha256.New()
	// Encoding sorts the keys; strings cannot fail.
	encoded, _ := json.Marshal(struct {
		Args []string
		Env  map[string]string
	}{i.Args, i.Env})
	sum.Write(encoded)
	program, err := os.Open(i.Program)
	if err != nil {
		return "", fmt.Errorf("read the program of image %s: %w", i.Name, err)
	}
	defer func() { _ = program.Close() }()
	if _, err := io.Copy(sum, program); err != nil {
		return "", fmt.Errorf("read the program of image %s: %w", i.Name, err)
	}
	return idPrefix + hex.EncodeToString(sum.Sum(nil)), nil
}
