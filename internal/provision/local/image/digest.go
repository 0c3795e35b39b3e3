package image

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
)

const idPrefix = "sha256:"

// digest identifies the image without reading its program, which may be large:
// a rebuilt program has another time or size. program is nil for none.
func digest(image Image, program os.FileInfo) string {
	content := struct {
		Image    Image
		Size     int64
		Modified int64
	}{Image: image}
	if program != nil {
		content.Size = program.Size()
		content.Modified = program.ModTime().UnixNano()
	}
	// Marshalling sorts map keys, and a struct of strings and numbers can't fail.
	encoded, _ := json.Marshal(content)
	sum := sha256.Sum256(encoded)
	return idPrefix + hex.EncodeToString(sum[:])
}
