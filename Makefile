# `make run` starts it, `make test` builds and tests it; the rest is below. Every script is safe to run again.
SHELL := /bin/bash
CONFIGURATION := Release
FAST := TestCategory!=Docker&TestCategory!=PostgreSql&TestCategory!=Node&TestCategory!=Acceptance&TestCategory!=Doubles&TestCategory!=Kubernetes&TestCategory!=GitOps

.PHONY: help run test test-fast bench image images setup inspect fmt clean
.DEFAULT_GOAL := help

help: ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  make %-10s %s\n", $$1, $$2 }'

run: ## set up this machine, build the images, start the service on SQLite and the local Docker Engine
	@.ci/setup.sh run
	@.ci/images.sh server-everything sample-server guard
	@.ci/serve.sh

test: ## set up, build, run every test (TRX files in artifacts/test-results)
	@.ci/setup.sh test
	@.ci/images.sh
	@.ci/test.sh

test-fast: ## the tests that need no engine, database or Node (under 90 s)
	@.ci/test.sh '$(FAST)'

bench: ## the figures of the README, as ratios measured in one run; PARTS="converging 100 1000" for some of them
	@.ci/setup.sh test
	@.ci/images.sh
	dotnet run -c $(CONFIGURATION) --project tests/McpRuntime.Benchmarks -- $(PARTS)

image: ## the product's image, mcpruntime/mcp-runtime (the guard's too); IMAGE_BASE names another base
	@.ci/setup.sh run
	@.ci/images.sh guard

images: ## every image
	@.ci/setup.sh images
	@.ci/images.sh

setup: ## only the set-up that the tests need
	@.ci/setup.sh test

inspect: ## list the tools of a runtime with the MCP inspector: make inspect NAME=hello
	@.ci/setup.sh inspect
	@.ci/inspect.sh '$(NAME)'

fmt: ## format the code
	dotnet format Runtime.sln

clean: ## remove what was built (never ./data)
	rm -rf artifacts
	find src tests samples -type d \( -name bin -o -name obj \) -prune -exec rm -rf {} +
