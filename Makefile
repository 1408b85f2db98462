# What a developer or a newcomer asks for, by name. `make help` lists it.
# Set-up is part of every target that needs it: nothing has to be prepared by hand.
MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/sh

PREFIX ?= /usr/local
CNI_BIN_DIR ?= /opt/cni/bin
plugins := bridge ptp loopback host-local static portmap netloom

machine := $(shell uname -m)
arch := $(if $(filter aarch64 arm64,$(machine)),aarch64,x64)
bun := node_modules/@oven/bun-linux-$(arch)/bin/bun

# Folders too: a deleted file changes its folder's time.
sources := $(shell find src \( -type d -o -name '*.ts' ! -name '*.test.ts' \) 2>/dev/null)

.PHONY: help setup npm debian reference build ok test demo bench soak install uninstall clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo     the main job, before your eyes (root; sets up and cleans up by itself)'
	@echo 'make test     every test: checks, unit, kernel, differential, real runtimes (root)'
	@echo 'make ok       types, layering, tidiness, format and lint, unit tests: seconds, no root'
	@echo 'make build    dist/netloom, and dist/cni with a link under each plugin name'
	@echo 'make bench    against the reference plugins, in the same run (root)'
	@echo 'make soak     the load tests again and again, watching for leaks (root)'
	@echo 'make install  to PREFIX=$(PREFIX) and CNI_BIN_DIR=$(CNI_BIN_DIR); DESTDIR is honoured'
	@echo 'make setup    npm packages, Debian packages, reference plugins; the others call it'
	@echo 'make clean    removes dist/ and .cache/'

setup: npm debian reference

npm: node_modules/.netloom-lock
node_modules/.netloom-lock: package-lock.json package.json .npmrc
	@tools/setup.sh npm

debian:
	@tools/setup.sh debian

reference:
	@tools/setup.sh reference

build: dist/cni/.links
dist/netloom: $(sources) package.json package-lock.json | npm
	@tools/build.sh $(bun)
dist/cni/.links: dist/netloom Makefile
	@mkdir -p dist/cni
	@for name in $(plugins); do ln -sfn ../netloom dist/cni/$$name; done
	@touch $@

ok: npm
	@$(bun) tools/test.ts checks unit

test: setup build
	@$(bun) tools/test.ts

demo: npm build
	@tools/setup.sh debian iproute2 nftables netbase libnftables1 busybox-static
	@$(bun) tools/demo.ts

bench: setup build
	@$(bun) bench/main.ts
	@echo
	@$(bun) bench/nft-element.ts

soak: setup build
	@$(bun) tools/soak.ts

# A new file under a temporary name, then a rename: a runtime that calls a plugin meanwhile
# finds the old one or the new one, never none.
install: build
	@mkdir -p '$(DESTDIR)$(PREFIX)/bin' '$(DESTDIR)$(CNI_BIN_DIR)'
	@install -m 0755 dist/netloom '$(DESTDIR)$(PREFIX)/bin/.netloom.new'
	@mv -fT '$(DESTDIR)$(PREFIX)/bin/.netloom.new' '$(DESTDIR)$(PREFIX)/bin/netloom'
	@for name in $(plugins); do \
	  ln -sfn '$(PREFIX)/bin/netloom' '$(DESTDIR)$(CNI_BIN_DIR)/.netloom.new' && \
	  mv -fT '$(DESTDIR)$(CNI_BIN_DIR)/.netloom.new' "$(DESTDIR)$(CNI_BIN_DIR)/$$name" || exit 1; \
	done
	@echo 'Installed $(DESTDIR)$(PREFIX)/bin/netloom; in $(DESTDIR)$(CNI_BIN_DIR), links to it: $(plugins)'

# Only links that lead to our executable.
uninstall:
	@for name in $(plugins); do \
	  file="$(DESTDIR)$(CNI_BIN_DIR)/$$name"; \
	  if [ "$$(readlink "$$file")" = '$(PREFIX)/bin/netloom' ]; then rm -f "$$file"; fi; \
	done
	@rm -f '$(DESTDIR)$(PREFIX)/bin/netloom'

clean:
	@rm -rf dist .cache
