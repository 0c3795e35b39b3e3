package plan

import "strings"

// Block gives the address of the block that a resource instance is of, without the
// keys of count and for_each: `module.a["x.y"].aws_b.c[0]` is module.a.aws_b.c.
func Block(address string) string {
	var block strings.Builder
	inKey, inText, escaped := false, false, false
	for _, letter := range address {
		switch {
		case escaped:
			escaped = false
		case inText:
			escaped, inText = letter == '\\', letter != '"'
		case inKey:
			inText, inKey = letter == '"', letter != ']'
		case letter == '[':
			inKey = true
		default:
			block.WriteRune(letter)
		}
	}
	return block.String()
}

// modulePath gives the names of the modules that an address goes through:
// module.stack.module.eks is stack, eks.
func modulePath(address string) []string {
	var names []string
	for i, part := range strings.Split(Block(address), ".") {
		if i%2 == 1 { // every other part is the word module
			names = append(names, part)
		}
	}
	return names
}

// Short leaves out of an address what says nothing to people: the module that holds
// all others.
func Short(address string) string { return strings.TrimPrefix(address, "module.stack.") }

// Key gives the instance's key as it stands in its address: `["x"]`, `[0]`, or "".
func Key(address string) string {
	block := Block(address[strings.LastIndex(address, ".")+1:])
	if i := strings.LastIndex(address, block+"["); block != "" && i >= 0 {
		return address[i+len(block):]
	}
	return ""
}
