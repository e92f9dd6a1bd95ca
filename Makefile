# The commands of a working day. Everything at once, as for a change to be
# accepted, is .ci/run.

TOOL := go tool -modfile=tools/go.mod
COUNT ?= 1
FUZZTIME ?= 15s

.PHONY: help test race bench bench-growth faults fuzz fmt lint e2e deadcode ci

help:
	@echo 'make test      every test that needs nothing but Go'
	@echo 'make race      the same under the race detector'
	@echo 'make bench     benchmarks with allocations; COUNT=10 for benchstat'
	@echo 'make bench-growth  the cost of 1,000 to 1,000,000 live authorizations'
	@echo 'make faults    kills, restarts, full disks, for as long as a release deserves'
	@echo 'make fuzz      every fuzz target for FUZZTIME=$(FUZZTIME) each'
	@echo 'make fmt       format by gofumpt'
	@echo 'make lint      format, vet and golangci-lint'
	@echo 'make e2e       real clients and a browser (Node.js, npm, chromium)'
	@echo 'make deadcode  functions that neither a program nor a test reaches'
	@echo 'make ci        all that .ci/run does'

test:
	go test ./...

race:
	go test -race ./...

# Benchmarks stand in the packages they measure.
bench:
	go test -run '^$$' -bench . -benchmem -count $(COUNT) \
		$$(grep -rlE --include='*_test.go' --exclude-dir=e2e --exclude-dir=benchmarks '^func Benchmark' . | xargs -n1 dirname | sort -u)

fuzz:
	FUZZTIME=$(FUZZTIME) .ci/run fuzz

fmt:
	$(TOOL) golangci-lint fmt ./...

lint:
	.ci/run format vet lint

e2e:
	.ci/run machine e2e

deadcode:
	$(TOOL) deadcode -test ./...

ci:
	.ci/run

# Cost by the number of live authorizations; a million takes some minutes.
bench-growth:
	GROWTH_SIZES=1000,100000,1000000 go test -run TestGrowth -count=1 -v -timeout 30m ./benchmarks/growth

# Faults for as long as a release deserves: 200 kills, a million swept.
faults:
	AUTHSERVER_SLOW=1 AUTHSERVER_FULL=1 go test -count=1 -v -timeout 60m ./internal/faulttest
	AUTHSERVER_SLOW=1 AUTHSERVER_FULL=1 go test -run TestSweepBesideTraffic -count=1 -v -timeout 60m .
