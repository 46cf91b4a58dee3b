# SPDX-License-Identifier: GPL-2.0-or-later
# A short front for Meson. Everything installs what it needs on Debian 12 by itself.
DEBUG   := build/debug
RELEASE := build/release
SECONDS ?= 10
SUDO    := $(if $(filter 0,$(shell id -u)),,sudo)
PYTHON  := /usr/bin/python3
# What root made is given back to who called, so that the next command may do without root.
RETURN   = s=$$?; $(SUDO) chown -R "$${SUDO_UID:-$$(id -u)}:$${SUDO_GID:-$$(id -g)}" build; exit $$s

help: ## this list
	@grep -hE '^[a-z]+:.*##' Makefile | awk -F':.*## ' '{ printf "  make %-9s %s\n", $$1, $$2 }'

setup:
	@tools/setup.sh

$(DEBUG)/build.ninja: | setup
	meson setup $(DEBUG) -Db_sanitize=address,undefined -Db_lundef=false

$(RELEASE)/build.ninja: | setup
	meson setup $(RELEASE) --buildtype=release -Dtests=false

build: setup $(DEBUG)/build.ninja $(RELEASE)/build.ninja ## programs with and without sanitizers
	@ninja -C $(DEBUG) --quiet
	@ninja -C $(RELEASE) --quiet

demo: setup $(RELEASE)/build.ninja ## a host walks through an office in network namespaces; WALK=client: by itself
	@ninja -C $(RELEASE) --quiet
	@$(SUDO) env HF_BUILD=$(RELEASE) $(PYTHON) lab/demo$(if $(WALK),_$(WALK)).py; $(RETURN)

check: build ## all tests: lint, unit, scenarios, fuzz corpora, network
	@$(SUDO) $(PYTHON) tests/run.py; $(RETURN)

guest: setup $(RELEASE)/build.ninja ## tests on Debian's own kernel, in an emulated machine (minutes)
	@tools/setup.sh qemu-system-x86 kmod
	@ninja -C $(RELEASE) --quiet
	@$(PYTHON) tests/guest/guest.py

lint: build ## style, layers, sans-I/O rule, requirement matrix
	@$(PYTHON) tests/lint/lint.py

bench: setup $(RELEASE)/build.ninja ## speed, as ratios to plain forwarding
	@ninja -C $(RELEASE) --quiet
	@$(SUDO) env HF_BUILD=$(RELEASE) $(PYTHON) bench/bench.py; $(RETURN)

handover: setup $(RELEASE)/build.ninja ## how long moves last, beside plain strongSwan; an hour; SERIES=client: only these
	@ninja -C $(RELEASE) --quiet
	@$(SUDO) env HF_BUILD=$(RELEASE) $(PYTHON) bench/handover.py --only $(SERIES); $(RETURN)

fuzz: setup ## every fuzzer for SECONDS=10
	@tools/fuzz.sh $(SECONDS)

fmt: setup ## format the C code, regenerate doc/requirements.md
	@git ls-files '*.c' '*.h' | xargs clang-format -i
	@$(PYTHON) tools/requirements.py

man: $(RELEASE)/build.ninja ## manual pages, in build/release/man
	@ninja -C $(RELEASE) --quiet

install: $(RELEASE)/build.ninja ## under PREFIX (DESTDIR is honoured)
	@meson install -C $(RELEASE)

clean:
	rm -rf build

.PHONY: help setup build demo check guest lint bench handover fuzz fmt man install clean
.DEFAULT_GOAL := help
