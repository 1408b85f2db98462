# What a developer or a newcomer asks for, by name. `make help` lists it.
# Set-up is part of every target that needs it: nothing has to be prepared by hand.
MAKEFLAGS += --no-print-directory --no-builtin-rules
SHELL := /bin/sh

PREFIX ?= /usr/local
CNI_BIN_DIR ?= /opt/cni/bin
# Where systemd looks beside /etc, with PREFIX /usr/local or /usr. Empty: no units are installed.
UNIT_DIR ?= $(PREFIX)/lib/systemd/system
units := netloom-dhcp.service netloom-dhcp.socket netloom-up.service netloom-server.service netloom-agent.service
MAN_DIR = $(PREFIX)/share/man/man1
plugins := bandwidth bridge dhcp dummy firewall host-device host-local ipvlan loopback macvlan netloom portmap \
	ptp sbr static tap tuning vlan vrf

machine := $(shell uname -m)
arch := $(if $(filter aarch64 arm64,$(machine)),aarch64,x64)
bun := node_modules/@oven/bun-linux-$(arch)/bin/bun

# Folders too: a deleted file changes its folder's time.
sources := $(shell find src \( -type d -o -name '*.ts' ! -name '*.test.ts' \) 2>/dev/null)

.PHONY: help setup npm debian reference kubectl vm build ok test test-vm demo bench soak install uninstall clean
.DELETE_ON_ERROR:

help:
	@echo 'make demo     the main job, before your eyes (root; sets up and cleans up by itself)'
	@echo 'make test     every test: checks, unit, kernel, differential, real runtimes (root)'
	@echo 'make test-vm  those tests that need another kernel, in a VM with Linux 6.1 of Debian (root)'
	@echo 'make ok       types, layering, tidiness, format and lint, unit tests: seconds, no root'
	@echo 'make build    dist/netloom, and dist/cni with a link under each plugin name'
	@echo 'make bench    against the reference plugins, in the same run; a large control plane, an agent'
	@echo 'make soak     what takes long: all comparisons, a million operations, chaos, load (root)'
	@echo 'make install  to PREFIX=$(PREFIX), CNI_BIN_DIR=$(CNI_BIN_DIR) and'
	@echo '              UNIT_DIR=$(UNIT_DIR) (empty: no units); DESTDIR is honoured'
	@echo 'make setup    npm and Debian packages, reference plugins, kubectl, kernel; others call it'
	@echo 'make clean    removes dist/ and .cache/'

setup: npm debian reference kubectl vm

npm: node_modules/.netloom-lock
node_modules/.netloom-lock: package-lock.json package.json .npmrc
	@tools/setup.sh npm

debian:
	@tools/setup.sh debian

reference:
	@tools/setup.sh reference

kubectl:
	@tools/setup.sh kubectl

vm: debian
	@tools/setup.sh vm

build: dist/cni/.links dist/man/netloom.1
dist/netloom: $(sources) package.json package-lock.json | npm
	@tools/build.sh $(bun)
dist/man/netloom.1: tools/man.ts $(sources) package.json | npm
	@$(bun) tools/man.ts dist/man
dist/cni/.links: dist/netloom Makefile
	@mkdir -p dist/cni
	@for name in $(plugins); do ln -sfn ../netloom dist/cni/$$name; done
	@touch $@

ok: npm
	@$(bun) tools/test.ts checks unit

test: setup build
	@$(bun) tools/test.ts

test-vm: setup build
	@$(bun) tools/test.ts --vm

demo: npm build
	@tools/setup.sh debian iproute2 nftables netbase libnftables1 busybox-static \
		podman runc
	@$(bun) tools/demo.ts

bench: setup build
	@$(bun) bench/main.ts
	@echo
	@$(bun) bench/nft-element.ts
	@echo
	@$(bun) bench/control.ts
	@echo
	@$(bun) bench/agent.ts
	@echo
	@$(bun) bench/between-hosts.ts
	@echo
	@$(bun) bench/convergence.ts

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
	@mkdir -p '$(DESTDIR)$(MAN_DIR)'
	@install -m 0644 dist/man/*.1 '$(DESTDIR)$(MAN_DIR)/'
	@echo 'Installed $(DESTDIR)$(PREFIX)/bin/netloom; in $(DESTDIR)$(CNI_BIN_DIR), links to it: $(plugins)'
ifneq ($(UNIT_DIR),)
	@mkdir -p '$(DESTDIR)$(UNIT_DIR)'
	@for name in $(units); do \
	  sed 's|/usr/local/bin/netloom|$(PREFIX)/bin/netloom|' "packaging/$$name" \
	    >'$(DESTDIR)$(UNIT_DIR)/.netloom.new' && \
	  chmod 0644 '$(DESTDIR)$(UNIT_DIR)/.netloom.new' && \
	  mv -fT '$(DESTDIR)$(UNIT_DIR)/.netloom.new' "$(DESTDIR)$(UNIT_DIR)/$$name" || exit 1; \
	done
	@echo 'Installed in $(DESTDIR)$(UNIT_DIR), not enabled: $(units)'
	@echo 'To hold DHCP leases by systemd: systemctl daemon-reload && systemctl enable --now netloom-dhcp.socket'
endif

# Only links that lead to our executable, and units that start it.
uninstall:
	@for name in $(plugins); do \
	  file="$(DESTDIR)$(CNI_BIN_DIR)/$$name"; \
	  if [ "$$(readlink "$$file")" = '$(PREFIX)/bin/netloom' ]; then rm -f "$$file"; fi; \
	done
ifneq ($(UNIT_DIR),)
	@cd '$(DESTDIR)$(UNIT_DIR)' 2>/dev/null || exit 0; \
	if grep -qsx 'ExecStart=$(PREFIX)/bin/netloom dhcp' netloom-dhcp.service; then rm -f $(units); fi
endif
	@rm -f '$(DESTDIR)$(PREFIX)/bin/netloom'
	@rm -f '$(DESTDIR)$(MAN_DIR)'/netloom.1 '$(DESTDIR)$(MAN_DIR)'/netloom-*.1

clean:
	@rm -rf dist .cache
