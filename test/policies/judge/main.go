// Judge prints what the policies have against plans, the documents of
// `terraform show -json`, and exits 1 if there is anything.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/pocctl/pocctl/test/policies"
)

func main() {
	found, err := run(context.Background(), os.Args[1:])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(2)
	}
	if found {
		os.Exit(1)
	}
}

func run(ctx context.Context, paths []string) (found bool, err error) {
	judge, err := policies.NewJudge(ctx)
	if err != nil {
		return false, err
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			return false, fmt.Errorf("read plan: %w", err)
		}
		var plan any
		if err := json.Unmarshal(text, &plan); err != nil {
			return false, fmt.Errorf("read plan %s: %w", path, err)
		}
		findings, err := judge.Findings(ctx, plan)
		if err != nil {
			return false, err
		}
		for _, finding := range findings {
			fmt.Println(finding)
			found = true
		}
	}
	return found, nil
}
