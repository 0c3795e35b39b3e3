# `make help` lists the targets. Everything they build goes to bin/.
SHELL := bash
.DEFAULT_GOAL := help

POCCTL     := bin/pocctl
VERSION    := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT     := $(shell git rev-parse --short=12 HEAD 2>/dev/null)
DATE       := $(shell git log -1 --format=%cI 2>/dev/null)
KUBERNETES := $(shell sed -n 's|^\tk8s.io/kubernetes ||p' go.mod)
MAJOR      := $(word 1,$(subst ., ,$(KUBERNETES:v%=%)))
MINOR      := $(word 2,$(subst ., ,$(KUBERNETES:v%=%)))
ABOUT      := github.com/pocctl/pocctl/internal/about
GITVERSION := k8s.io/component-base/version
LDFLAGS    := -s -w \
	-X $(ABOUT).version=$(VERSION) -X $(ABOUT).commit=$(COMMIT) -X $(ABOUT).date=$(DATE) -X $(ABOUT).kubernetes=$(KUBERNETES) \
	-X $(GITVERSION).gitVersion=$(KUBERNETES) -X $(GITVERSION).gitMajor=$(MAJOR) -X $(GITVERSION).gitMinor=$(MINOR)

# The definitions that charts of ours use, out of the modules of their owners.
DEFINITIONS := $(patsubst %,charts/definitions/monitoring.coreos.com_%.yaml,servicemonitors podmonitors probes prometheusrules)
ROLLOUTS    := $(patsubst %,charts/definitions/argoproj.io_%.yaml,rollout analysis-run analysis-template experiment)

# The same without their descriptions, which are three quarters of them.
BRIEF := $(patsubst charts/definitions/%.yaml,charts/definitions/brief/%.json,$(DEFINITIONS) $(ROLLOUTS))

# Swagger UI for the service's /docs, out of its module.
SWAGGER := $(addprefix internal/app/api/docs/,swagger-ui-bundle.js swagger-ui.css)

# What starts a container's program, built into pocctl: small, since each
# container pays for its start.
SHIM := internal/provision/local/runtime/shim

# The exporters of the local environment, a program of its own built into pocctl:
# a process of it takes half of the memory that one of pocctl would.
EXPORTER := internal/provision/local/exporter

# What is made first, and built into pocctl.
EMBEDDED = $(DEFINITIONS) $(ROLLOUTS) $(BRIEF) $(SWAGGER) $(patsubst %,$(SHIM)/program/container-shim-%,$(1)) $(patsubst %,$(EXPORTER)/program/exporter-%.gz,$(1))

export CGO_ENABLED := 0

## Main

.PHONY: up
up: ## Build pocctl and bring the whole stack up on this machine
	@scripts/prerequisites --optional postgres
	@$(MAKE) --no-print-directory build
	$(POCCTL) up

.PHONY: test
test: ## Run every test: unit, race, end to end
	@scripts/prerequisites go gcc postgres redis-server kubectl tmux npm terraform
	@$(MAKE) --no-print-directory build tools/sqs/node_modules awsdouble operator
	scripts/test

.PHONY: race
race: build tools/sqs/node_modules ## Run every unit test under the race detector, with what compiles Kubernetes in
	@scripts/prerequisites go gcc postgres redis-server npm
	scripts/test race

.PHONY: build
build: $(call EMBEDDED,$(shell go env GOARCH 2>/dev/null)) ## Build bin/pocctl
	@scripts/prerequisites go
	go build -ldflags '$(LDFLAGS)' -o $(POCCTL) ./cmd/pocctl

.PHONY: lint
lint: bin/golangci-lint bin/govulncheck bin/buf bin/protoc-gen-go bin/protoc-gen-go-grpc ## Check style, imports, protobuf, security and known vulnerabilities
	bin/golangci-lint run
	scripts/proto
	scripts/vulnerabilities ./cmd/pocctl

.PHONY: modules
modules: ## Check the Terraform modules: format, tflint, tests, policies
	@scripts/prerequisites go
	scripts/modules

.PHONY: security
security: bin/gosec ## Check security alone, as a report for code scanning
	bin/gosec -quiet -exclude-generated -fmt=sarif -out=bin/gosec.sarif ./...

.PHONY: bench
bench: build ## Measure speed and size: a table, and bin/bench.json (PARTS=canary,service: those alone)
	go build -o bin/loadbench ./internal/verify/load/loadbench
	go build -C test/bench/vegeta -o $(CURDIR)/bin/vegetabench .
	go build -o bin/servicebench ./test/bench/service
	go build -o bin/bench ./test/bench
	bin/bench -servicebench bin/servicebench -binary $(POCCTL) -loadbench bin/loadbench -json bin/bench.json -only "$(PARTS)"

.PHONY: generate
generate: bin/sqlc bin/buf bin/protoc-gen-go bin/protoc-gen-go-grpc ## Regenerate code
	PATH="$(CURDIR)/bin:$$PATH" go generate ./internal/... ./charts/... ./config/... ./dashboards/...
	scripts/modules generate

.PHONY: release
release: bin/goreleaser $(call EMBEDDED,amd64 arm64) ## Build the archives of a release, unsigned, in dist/
	KUBERNETES=$(KUBERNETES) KUBERNETES_MAJOR=$(MAJOR) KUBERNETES_MINOR=$(MINOR) \
		bin/goreleaser release --snapshot --clean --skip=sign,sbom

.PHONY: clean
clean: ## Remove what was built
	rm -rf bin dist coverage

## The reference architecture's names

.PHONY: deploy-local
deploy-local: build ## Deploy the charts on the local environment
	$(POCCTL) deploy

.PHONY: seed
seed: build ## Fill the local environment's database with sample products
	$(POCCTL) seed

.PHONY: smoke
smoke: build ## Check the local environment: health, migrations, a transaction
	$(POCCTL) smoke

.PHONY: e2e
e2e: build awsdouble operator ## Run the end-to-end tests alone
	@scripts/prerequisites postgres kubectl tmux
	POCCTL_BINARY=$(CURDIR)/$(POCCTL) go test -p 1 -count=1 -timeout 50m ./test/e2e/...

.PHONY: help
help: ## Show this
	@awk -F ':.*## ' '/^## /{printf "\n%s\n", substr($$0, 4)} /^[a-z0-9-]+:.*## /{printf "  %-14s %s\n", $$1, $$2}' Makefile

# Third-party definitions come out of their modules, checked against go.sum.
$(DEFINITIONS) &: tools/manifests/go.mod tools/manifests/go.sum
	@scripts/prerequisites go
	cp $(foreach file,$(notdir $(DEFINITIONS)),"$$(go mod download -C tools/manifests -json github.com/prometheus-operator/prometheus-operator | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/example/prometheus-operator-crd/$(file)") charts/definitions/
	chmod 644 $(DEFINITIONS)
	touch $(DEFINITIONS)

$(ROLLOUTS) &: go.mod go.sum
	@scripts/prerequisites go
	source=$$(go mod download -json github.com/argoproj/argo-rollouts | sed -n 's/.*"Dir": "\(.*\)".*/\1/p'); \
	for definition in $(patsubst charts/definitions/argoproj.io_%.yaml,%,$(ROLLOUTS)); do cp "$$source/manifests/crds/$$definition-crd.yaml" "charts/definitions/argoproj.io_$$definition.yaml" || exit; done
	chmod 644 $(ROLLOUTS)
	touch $(ROLLOUTS)

$(BRIEF) &: $(DEFINITIONS) $(ROLLOUTS) $(wildcard internal/deploy/manifest/brief/*.go)
	go run ./internal/deploy/manifest/brief charts/definitions/brief $(DEFINITIONS) $(ROLLOUTS)

$(SWAGGER) &: tools/manifests/go.mod tools/manifests/go.sum
	@scripts/prerequisites go
	cp $(foreach file,$(notdir $(SWAGGER)),"$$(go mod download -C tools/manifests -json github.com/swaggo/files/v2 | sed -n 's/.*"Dir": "\(.*\)".*/\1/p')/dist/$(file)") internal/app/api/docs/
	chmod 644 $(SWAGGER)
	touch $(SWAGGER)

$(SHIM)/program/container-shim-%: $(wildcard $(SHIM)/*.go) cmd/container-shim/main.go go.mod
	@scripts/prerequisites go
	GOOS=linux GOARCH=$* go build -trimpath -buildvcs=false -ldflags '-s -w' -o $@ ./cmd/container-shim

$(EXPORTER)/program/exporter-%.gz: $(filter-out %_test.go,$(wildcard $(EXPORTER)/*.go $(EXPORTER)/*/*.go)) cmd/exporter/main.go go.mod
	@scripts/prerequisites go
	GOOS=linux GOARCH=$* go build -trimpath -buildvcs=false -ldflags '-s -w' -o $(EXPORTER)/program/exporter-$* ./cmd/exporter
	gzip -9 -n -f $(EXPORTER)/program/exporter-$*

# The SQS-compatible server that tests of the queue run against.
tools/sqs/node_modules: tools/sqs/package.json tools/sqs/package-lock.json
	npm ci --no-progress --prefix tools/sqs
	touch $@

# The double of the AWS provider that tests run Terraform with, where Terraform
# looks for a provider on disk, with the schema that it serves. The version is
# that of the provider that the schema was made of.
AWSDOUBLE := bin/awsdouble/registry.terraform.io/hashicorp/aws/6.25.0/$(shell go env GOOS 2>/dev/null)_$(shell go env GOARCH 2>/dev/null)

.PHONY: awsdouble
awsdouble: $(AWSDOUBLE)/schema.json ## Build the AWS double that tests run Terraform with
	go build -ldflags '-s -w' -o $(AWSDOUBLE)/terraform-provider-aws_v6.25.0 ./test/awsdouble/terraform-provider-aws
	printf 'provider_installation {\n  filesystem_mirror {\n    path = "%s"\n  }\n}\n' '$(CURDIR)/bin/awsdouble' > bin/awsdouble/terraformrc

.PHONY: operator
operator: ## Build what makes Prometheus' configuration as its operator does, for tests
	go build -C test/operator -o $(CURDIR)/bin/operator .

$(AWSDOUBLE)/schema.json: tools/awsschema/extract.js tools/awsschema/package-lock.json
	@scripts/prerequisites npm
	npm ci --no-progress --prefix tools/awsschema
	node tools/awsschema/extract.js $@

# Tools are built when a target first needs them, and again when their pins change.
tool = CGO_ENABLED=0 go build -C $(1) -ldflags '-s -w' -o $(CURDIR)/$@ $(2)

bin/golangci-lint: tools/go.mod tools/go.sum
	$(call tool,tools,github.com/golangci/golangci-lint/v2/cmd/golangci-lint)
bin/gosec: tools/go.mod tools/go.sum
	$(call tool,tools,github.com/securego/gosec/v2/cmd/gosec)
bin/govulncheck: tools/go.mod tools/go.sum
	$(call tool,tools,golang.org/x/vuln/cmd/govulncheck)
bin/sqlc: tools/go.mod tools/go.sum
	$(call tool,tools,github.com/sqlc-dev/sqlc/cmd/sqlc)
bin/buf: tools/proto/go.mod tools/proto/go.sum
	$(call tool,tools/proto,github.com/bufbuild/buf/cmd/buf)
bin/protoc-gen-go: tools/go.mod tools/go.sum
	$(call tool,tools,google.golang.org/protobuf/cmd/protoc-gen-go)
bin/protoc-gen-go-grpc: tools/go.mod tools/go.sum
	$(call tool,tools,google.golang.org/grpc/cmd/protoc-gen-go-grpc)
bin/terraform-docs: tools/terraform/go.mod tools/terraform/go.sum
	$(call tool,tools/terraform,github.com/terraform-docs/terraform-docs)
bin/tflint: tools/terraform/go.mod tools/terraform/go.sum
	$(call tool,tools/terraform,github.com/terraform-linters/tflint)
bin/goreleaser: tools/release/go.mod tools/release/go.sum
	$(call tool,tools/release,github.com/goreleaser/goreleaser/v2)
