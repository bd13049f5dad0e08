# shimrun's tasks. Every target installs what it needs when it is run as root
# on Debian, and otherwise says what is missing.

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
COMMIT  ?= $(shell git rev-parse HEAD 2>/dev/null)
PREFIX  ?= /usr/local
DESTDIR ?=

# One file that starts anywhere: libc and libseccomp inside, and Go's own
# resolver and user look-up in place of libc's, which would load more files.
# Without what the CLI library documents itself by: see cmd/shimrun/man.go.
STATIC := -trimpath -buildvcs=false -tags netgo,osusergo,urfave_cli_no_docs \
	-ldflags '-s -w -linkmode external -extldflags "-static" -X main.version=$(VERSION) -X main.commit=$(COMMIT)'

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.7.0

.PHONY: build
build: deps ## bin/shimrun, one static binary
	CGO_ENABLED=1 go build $(STATIC) -o bin/shimrun ./cmd/shimrun

# Kubernetes' and Helm's libraries take some minutes to compile for the first
# time. GOWORK=off: a go.work above must not pull other modules in here.
.PHONY: validate
validate: ## bin/shimrun-validate, for shimrun validate
	cd cmd/shimrun-validate && CGO_ENABLED=0 GOWORK=off go build -trimpath -buildvcs=false -tags netgo,osusergo \
		-ldflags '-s -w -X main.version=$(VERSION)' -o $(CURDIR)/bin/shimrun-validate .

.PHONY: cross
cross: ## bin/shimrun-arm64
	@internal/build/deps cross
	CGO_ENABLED=1 GOOS=linux GOARCH=arm64 CC=aarch64-linux-gnu-gcc \
	PKG_CONFIG_LIBDIR=/usr/lib/aarch64-linux-gnu/pkgconfig \
		go build $(STATIC) -o bin/shimrun-arm64 ./cmd/shimrun

.PHONY: deps
deps: ## what building needs
	@internal/build/deps build

.PHONY: lint
lint: deps ## gofmt, go vet, staticcheck
	@unformatted=$$(gofmt -l .) && test -z "$$unformatted" || \
		{ echo "lint: run gofmt -w on:" $$unformatted >&2; exit 1; }
	go vet ./...
	go run $(STATICCHECK) ./...
	@cd cmd/shimrun-validate && GOWORK=off go list ./... >/dev/null || \
		{ echo "lint: what shimrun needs has changed: run GOWORK=off go mod tidy in cmd/shimrun-validate" >&2; exit 1; }

# The tests in test/ enter sandboxes and run the binary itself. Where something
# is missing they are skipped, and with CI=true they fail.
# They time what they do, and a machine has few sandboxes to give: one package
# after the other (-p 1). Go knows nothing of the programs that they start, and
# must not take an older run's result for theirs (-count=1).
.PHONY: test
test: build validate sandbox kubeserver ## all tests
	@internal/build/peers
	@test/shells/install || { test "$$CI" != true && \
		echo "make: shells are missing, and tests in them are skipped" >&2; }
	go test -race $$(go list ./... | grep -v /test/)
	SHIMRUN=$(CURDIR)/bin/shimrun KUBESERVER=$(KUBESERVER) go test -count=1 -p 1 -timeout 30m ./test/...
	cd test/cadvisor && GOWORK=off go test ./...
	cd cmd/shimrun-validate && GOWORK=off go test ./...
	cd test/kubeserver && GOWORK=off go test ./testcri ./pki ./arguments ./hostip
	cd test/kubeserver && SHIMRUN=$(CURDIR)/bin/shimrun KUBESERVER=$(KUBESERVER) GOWORK=off go test -count=1 -timeout 30m ./smoke

# Upstream's Kubernetes in one binary, as k3s is: minutes the first time.
KUBESERVER ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/shimrun/kubeserver/kubeserver

# The same with containerd and runc, packed as k3s is.
K3S ?= $(dir $(KUBESERVER))k3s

.PHONY: kubeserver
kubeserver: deps ## the servers that stand in for k3s in tests
	@test/kubeserver/build --k3s $(K3S) $(KUBESERVER)

.PHONY: kubeserver-1.34
kubeserver-1.34: deps ## the same of an older Kubernetes: K3S=…/k3s-1.34 for make cluster
	@test/kubeserver/build --kubernetes 1.34 --k3s $(K3S)-1.34 $(KUBESERVER)-1.34

# GROUND is docker, all or cgroups, and RUN the steps: make cluster GROUND=all RUN='Pod|Exec'.
GROUND ?= docker
RUN ?= .
.PHONY: cluster
cluster: build sandbox kubeserver ## what people do on a cluster, in gVisor
	cd test/kubeserver && SHIMRUN=$(CURDIR)/bin/shimrun K3S=$(K3S) CLUSTER_GROUND=$(GROUND) GOWORK=off GOFLAGS=-trimpath \
		go test -count=1 -v -timeout 60m ./cluster -run 'TestCluster/($(RUN))'

# Upstream's suite on the same cluster: make e2e GROUND=all FOCUS='ConfigMap', or
# FOCUS=@test/e2e/sample. The first build takes minutes. Reports are kept: make
# e2e-report has them all.
E2E ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/shimrun/e2e
E2E_GROUND = $(if $(RUNSC),$(patsubst runsc-%,%,$(notdir $(patsubst %/,%,$(dir $(RUNSC))))),debian12)-$(GROUND)
FOCUS ?=
.PHONY: e2e
e2e: build sandbox kubeserver e2e-suite ## upstream's end-to-end tests, in gVisor
	@mkdir -p dist/e2e/$(E2E_GROUND)
	cd test/kubeserver && SHIMRUN=$(CURDIR)/bin/shimrun K3S=$(K3S) CLUSTER_GROUND=$(GROUND) \
		E2E=$(E2E) E2E_FOCUS='$(if $(filter @%,$(FOCUS)),@$(abspath $(FOCUS:@%=%)),$(FOCUS))' E2E_REPORT=$(CURDIR)/dist/e2e/$(E2E_GROUND)/$$(date +%s).json \
		GOWORK=off GOFLAGS=-trimpath go test -count=1 -v -timeout 0 ./cluster -run TestSuite

.PHONY: e2e-suite
e2e-suite: deps
	@test/e2e/build $(E2E)

.PHONY: e2e-report
e2e-report: ## what came of make e2e, as a table
	@cd test/e2e && GOWORK=off go run ./report $$(for report in $(CURDIR)/dist/e2e/*/*.json; do \
		ground=$${report%/*}; echo "$${ground##*/}=$$report"; done)

.PHONY: sandbox
sandbox: ## gVisor and a root file system for it
	@test/gvisor/install --rootfs >/dev/null || { test "$$CI" != true && \
		echo "make: there is no sandbox here, and its tests are skipped" >&2; }
	@test/oci/install || { test "$$CI" != true && \
		echo "make: other runtimes are missing, and tests with them are skipped" >&2; }

# Options of `shimrun bench`, as in BENCH='--quick --scenario open'.
BENCH ?=

.PHONY: bench
bench: build ## what interception costs here, beside others: dist/bench.{json,html,txt}
	@internal/build/peers
	@mkdir -p dist
	bin/shimrun bench --json dist/bench.json --html dist/bench.html --bench dist/bench.txt $(BENCH)

.PHONY: bench-gvisor
bench-gvisor: build sandbox ## the same inside gVisor: dist/bench-gvisor.{json,html,txt}
	bench/gvisor bin/shimrun dist $(BENCH)

.PHONY: microbench
microbench: deps ## benchmarks of single functions
	go test -run '^$$' -bench . -benchmem $$(go list ./... | grep -v /test/)

.PHONY: demo
demo: build sandbox ## programs in real gVisor, without and with shimrun
	@examples/demo/run bin/shimrun

.PHONY: k3s-demo
k3s-demo: build sandbox ## k3s, or upstream's Kubernetes, in real gVisor: CAPS=docker or all
	@examples/k3s/run bin/shimrun $(CAPS)

ONLY ?= all
.PHONY: experiments
experiments: build sandbox ## docs/experiments, all of them or ONLY="1 3C"
	go run ./test/experiments $(ONLY)

.PHONY: install
install: build ## the binary, its man page and completions below $(PREFIX)
	install -D -m 0755 bin/shimrun $(DESTDIR)$(PREFIX)/bin/shimrun
	test ! -x bin/shimrun-validate || install -m 0755 bin/shimrun-validate $(DESTDIR)$(PREFIX)/bin/shimrun-validate
	install -d $(DESTDIR)$(PREFIX)/share/man/man1 \
		$(DESTDIR)$(PREFIX)/share/bash-completion/completions \
		$(DESTDIR)$(PREFIX)/share/zsh/site-functions \
		$(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
	bin/shimrun man > $(DESTDIR)$(PREFIX)/share/man/man1/shimrun.1
	bin/shimrun completion bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/shimrun
	bin/shimrun completion zsh > $(DESTDIR)$(PREFIX)/share/zsh/site-functions/_shimrun
	bin/shimrun completion fish > $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d/shimrun.fish

.PHONY: clean
clean: ## what these targets made here
	rm -rf bin dist

.PHONY: help
help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 14
