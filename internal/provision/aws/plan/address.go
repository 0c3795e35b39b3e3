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

// moduleOf gives a module's name as people say it: module.stack.module.eks is
// stack.eks.
func moduleOf(address string) string {
	var names []string
	for i, part := range strings.Split(Block(address), ".") {
		if i%2 == 1 { // every other part is the word module
			names = append(names, part)
		}
	}
	return strings.Join(names, ".")
}
