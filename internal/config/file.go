package config

// File is a YAML file that was read strictly; it knows the line of every key.
type File struct{ document *document }

// Decode reads a YAML file of another package's into target, a pointer to a struct
// whose fields go by their json tags. An unknown key, a key given twice or a value of
// the wrong type is a fault.ConfigInvalid that names file, line and key. path is the
// file's name in messages.
func Decode(path string, data []byte, target any) (File, error) {
	document, err := parse(path, data, target)
	return File{document}, err
}

// Invalid is the fault.ConfigInvalid for a key of the file, for example
// "stages[2].rate"; fix says what to write instead.
func (f File) Invalid(key, fix, format string, args ...any) error {
	return f.document.invalid(key, fix, format, args...)
}
