# Everything that is done with this repository, by name. `make` alone explains the targets.
#
# The engine is built with the tag torch and with the flags that `make setup` writes to build/env.sh, here as
# anywhere else; all other packages are pure Go. CONTRIBUTING.md says when to use which target.

SHELL       := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS   += --no-print-directory

# Tools are built once per version and per Go release, and are shared by all clones.
GOLANGCI_VERSION      := v2.15.0
WORKFLOWCHECK_VERSION := v0.6.0
GOVULNCHECK_VERSION   := v1.9.0
TOOLS         = $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/elara/tools/$(shell go env GOVERSION)
GOLANGCI      = $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
WORKFLOWCHECK = $(TOOLS)/workflowcheck-$(WORKFLOWCHECK_VERSION)
GOVULNCHECK   = $(TOOLS)/govulncheck-$(GOVULNCHECK_VERSION)

# Packages by how they are built. tests/ drives whole programs, and the engine with them.
PURE  = $(shell CGO_ENABLED=0 go list ./... | grep -Ev '^elara/(engine|tests)(/|$$)')
TORCH = $(shell CGO_ENABLED=1 go list -tags torch ./... | grep -E '^elara/(engine|worker|tests)(/|$$)')

# Two prefixes for recipes: one environment for each way of building.
PURELY   := export CGO_ENABLED=0;
WITHTORCH := . build/env.sh;

TEST_TIMEOUT := 20m

.PHONY: help
help: ## Show this list
	@echo "Usage: make TARGET"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@echo "  proof-NAME   Run one proof; there are: $(PROOFS)"

.PHONY: setup
setup: ## Fetch the pinned parts and write build/env.sh (CUDA=1 adds the GPU's, LIBTORCH=dir takes yours)
	@CGO_ENABLED=0 go run ./internal/setup/cmd

.PHONY: build
build: setup ## Build build/elara and build/elara-worker
	@$(PURELY) go build -o build/elara ./starter
	@$(WITHTORCH) go build -tags torch -o build/elara-worker ./worker

.PHONY: demo
demo: build ## Train, evaluate and release four adapters (BASE=tiny is quick, DATA=dir takes your CSV files)
	@$(WITHTORCH) build/elara demo $(if $(BASE),--base '$(BASE)') $(if $(DATA),--data '$(DATA)')

.PHONY: up
up: build ## Start Temporal, the S3 gateway and a worker on this machine
	@$(WITHTORCH) build/elara up

# DEVICE reaches the engine's tests by the environment. Both halves run even when the first fails; the report fails when either does.
.PHONY: test
test: setup ## Run every test that this machine can run, and name those it skips (DEVICE=cuda: the engine's on a GPU)
	@$(PURELY) go build -o build/testreport ./internal/testreport
	@{ status=0; \
	   ( $(PURELY) go test -json -timeout $(TEST_TIMEOUT) $(PURE) ) || status=1; \
	   ( $(WITHTORCH) go test -json -tags torch -timeout $(TEST_TIMEOUT) $(TORCH) ) || status=1; \
	   exit $$status; } | build/testreport

.PHONY: bench
bench: build ## Train beside Python on this machine: tokens/s, memory, first step, loss (ARGS=... for its flags)
	@$(WITHTORCH) CGO_ENABLED=0 go run ./tests/bench $(ARGS)

.PHONY: bench-ops
bench-ops: setup ## Run the Go benchmarks of the engine's operations
	@$(WITHTORCH) go test -tags torch -run '^$$' -bench . -benchmem $(TORCH)

# A proof is tests/proof/NAME: an executable script, or a folder with a Go program.
PROOFS = $(sort $(notdir $(shell find tests/proof -mindepth 1 -maxdepth 1 \( -type d -o -type f -executable \) 2>/dev/null)))

.PHONY: proofs
proofs: build ## Run every proof; go on after a short one, and fail at the end
	@short=(); for name in $(PROOFS); do $(MAKE) run-proof-$$name || short+=($$name); done; \
	 if (( $${#short[@]} )); then echo "short: $${short[*]}"; exit 1; fi

proof-%: build
	@$(MAKE) run-proof-$*

run-proof-%:
	@if [[ -f tests/proof/$* ]]; then tests/proof/$*; \
	 elif [[ -d tests/proof/$* ]]; then $(WITHTORCH) CGO_ENABLED=0 go run ./tests/proof/$*; \
	 else echo "no proof named $*; there are: $(PROOFS)" >&2; exit 2; fi

.PHONY: check
check: check-format check-vet check-lint check-house check-workflows check-race check-vulnerabilities ## Run every check but the tests: do so before a change is handed in
	@echo "check: all passed"

.PHONY: check-format
check-format:
	@unformatted=$$(gofmt -l .); if [[ -n $$unformatted ]]; then echo "run gofmt -w on:"; echo "$$unformatted"; exit 1; fi

.PHONY: check-vet
check-vet: setup
	@$(PURELY) go vet $(PURE)
	@$(WITHTORCH) go vet -tags torch $(TORCH)

.PHONY: check-lint
check-lint: setup $(GOLANGCI)
	@$(PURELY) $(GOLANGCI) run ./...
	@$(WITHTORCH) $(GOLANGCI) run --build-tags torch ./engine/... ./worker/... ./tests/...

# The import table, doc.go everywhere, and the commands that README.md and the documents name.
.PHONY: check-house
check-house:
	@$(PURELY) go test -count=1 ./internal/archtest

.PHONY: check-workflows
check-workflows: $(WORKFLOWCHECK)
	@$(PURELY) $(WORKFLOWCHECK) -config .workflowcheck.yaml ./workflows/...

.PHONY: check-race
check-race:
	@CGO_ENABLED=1 go test -race -timeout $(TEST_TIMEOUT) $(PURE)

# Without its database govulncheck cannot look at all: that is said, and is no failure of the change.
.PHONY: check-vulnerabilities
check-vulnerabilities: $(GOVULNCHECK)
	@$(PURELY) output=$$($(GOVULNCHECK) $(PURE) 2>&1) && exit 0; \
	 reason=$$(grep -m 1 'fetching vulnerabilities' <<< "$$output") \
	 || { echo "$$output"; exit 1; }; \
	 echo "check-vulnerabilities: skipped, its database cannot be reached ($$reason)"

# A tool is built beside its place and renamed, so that a kill leaves no half of one.
define install-tool
	@echo "building $(notdir $@)"
	@mkdir -p $(@D) && partial=$$(mktemp -d $(@D)/.partial-XXXXXX) \
	 && CGO_ENABLED=0 GOBIN=$$partial go install $(1) && mv $$partial/* $@ && rmdir $$partial
endef

$(GOLANGCI):
	$(call install-tool,github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI_VERSION))

$(WORKFLOWCHECK):
	$(call install-tool,go.temporal.io/sdk/contrib/tools/workflowcheck@$(WORKFLOWCHECK_VERSION))

$(GOVULNCHECK):
	$(call install-tool,golang.org/x/vuln/cmd/govulncheck@$(GOVULNCHECK_VERSION))

.PHONY: clean
clean: ## Remove build/ (the cache stays)
	@rm -rf build
