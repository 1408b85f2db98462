#!/bin/sh
# Set-up, each part doing nothing where nothing is missing.
# Usage: tools/setup.sh npm | debian [PACKAGE…] | reference | kubectl | vm
set -eu
cd "$(dirname "$0")/.."

fail() {
  echo "$*" >&2
  exit 1
}

# Exactly what the lockfile says, without running anybody's install scripts.
npm_packages() {
  stamp=node_modules/.netloom-lock
  if ! cmp -s package-lock.json "$stamp"; then
    command -v npm >/dev/null || fail "Cannot set up: npm is missing. Install Node.js 20 or later with npm."
    echo "Setting up npm packages from package-lock.json"
    npm ci --ignore-scripts --loglevel=error --no-update-notifier >/dev/null
    cp package-lock.json "$stamp"
  fi
  touch "$stamp"
}

installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Installs without starting the services that packages bring: dpkg asks policy-rc.d, and ours
# says no for this one call. It is bound over an existing one in a mount namespace of its own.
install_quietly() {
  policy=/usr/sbin/policy-rc.d
  ours=$(mktemp)
  placed=
  trap 'rm -f "$ours"; [ -z "$placed" ] || rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$ours"
  chmod 0755 "$ours"
  if [ ! -e "$policy" ]; then
    placed=yes
    cp -p "$ours" "$policy"
  fi
  DEBIAN_FRONTEND=noninteractive unshare --mount sh -c '
    mount --bind "$1" "$2" && shift 2 &&
    exec apt-get -o DPkg::Lock::Timeout=300 install -y -qq --no-install-recommends "$@"
  ' sh "$ours" "$policy" "$@" >.cache/apt.log 2>&1 </dev/null
}

debian_packages() {
  [ $# -gt 0 ] || set -- $(sed 's/#.*//' tools/debian-packages.txt)
  command -v dpkg-query >/dev/null ||
    fail "Cannot set up: this is not a Debian system. Install by hand: $*"
  missing=
  for name in "$@"; do installed "$name" || missing="$missing $name"; done
  [ -n "$missing" ] || return 0
  [ "$(id -u)" = 0 ] ||
    fail "Debian packages are missing:$missing. Run this as root, or: apt-get install$missing"
  echo "Setting up Debian packages:$missing"
  mkdir -p .cache
  # Lists may be absent or stale: refresh them only when the first try fails.
  if ! (install_quietly $missing); then
    apt-get update -qq >/dev/null 2>&1 || true
    (install_quietly $missing) || {
      tail -n 20 .cache/apt.log >&2
      fail "Cannot install Debian packages:$missing"
    }
  fi
}

# The archive that this machine uses already, be it a mirror. Its label stands in the lists.
debian_archive() {
  archive=$(labelled_debian)
  if [ -z "$archive" ]; then
    apt-get update -qq >/dev/null 2>&1 || true
    archive=$(labelled_debian)
  fi
  [ -n "$archive" ] || fail "Cannot find a Debian archive in /etc/apt: add one to sources.list"
  echo "$archive"
}

labelled_debian() {
  apt-get indextargets --format '$(REPO_URI) $(LABEL)' 'Created-By: Packages' |
    awk '$2 == "Debian" { print $1; exit }'
}

# Prepares `own_apt` for packages of one suite: own lists, so the machine's own stay as they are.
# Usage: suite_lists WORK_DIR SUITE
suite_lists() {
  rm -rf "$1"
  mkdir -p "$1/lists/partial" "$1/cache/archives/partial" "$1/root"
  archive=$(debian_archive)
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $archive $2 main" \
    >"$1/sources.list"
  # A mirror that lags behind holds an expired, still signed, list: good enough for one package.
  own_apt="-qq -o Acquire::Check-Valid-Until=false -o Dir::State::lists=$1/lists -o Dir::Cache=$1/cache \
    -o Dir::Etc::sourcelist=$1/sources.list -o Dir::Etc::sourceparts=- \
    -o Acquire::Languages=none -o APT::Sandbox::User=root"
  apt-get $own_apt update || fail "Cannot read the package lists of Debian $2: is there a network?"
}

fetch_reference() {
  version=$1 suite=$2 into=.cache/reference/$1
  [ -x "$into/bridge" ] && return 0
  echo "Setting up the reference plugins $version from Debian $suite"
  work=$PWD/.cache/reference/.work-$version
  suite_lists "$work" "$suite"
  (cd "$work" && apt-get $own_apt download containernetworking-plugins) ||
    fail "Cannot download containernetworking-plugins from Debian $suite"
  package=$(echo "$work"/*.deb)
  dpkg -x "$package" "$work/root"
  found=$(dpkg-deb -f "$package" Version)
  found=${found%%[-+~]*}
  [ "$found" = "$version" ] ||
    echo "NOTE: Debian $suite now has $found, not $version: $into holds $found" >&2
  CNI_COMMAND=VERSION "$work/root/usr/lib/cni/bridge" </dev/null | grep -q supportedVersions ||
    fail "The reference plugins $found do not run on this machine"
  rm -rf "$into"
  mv "$work/root/usr/lib/cni" "$into"
  echo "$found" >"$into/VERSION"
  rm -rf "$work"
}

# Debian 12's kernel for the VM, unpacked and never installed. The name of the package holds the
# version; linux-image-amd64 depends on the newest.
vm_kernel() {
  into=.cache/vm/kernel
  [ -e "$into/READY" ] && return 0
  [ "$(uname -m)" = x86_64 ] || fail "Cannot set up the VM: it is for x86-64 only"
  command -v apt-get >/dev/null ||
    fail "Cannot set up the VM's kernel: this is not a Debian system"
  mkdir -p .cache/vm
  exec 9>.cache/vm/.lock
  flock 9
  [ -e "$into/READY" ] && return 0
  work=$PWD/.cache/vm/.work
  suite_lists "$work" bookworm
  name=$(apt-cache $own_apt depends --important linux-image-amd64 | sed -n 's/^ *Depends: //p')
  case $name in
    linux-image-*-amd64) ;;
    *) fail "Cannot find the kernel that linux-image-amd64 of Debian bookworm stands for" ;;
  esac
  echo "Setting up the VM's kernel: $name from Debian bookworm"
  (cd "$work" && apt-get $own_apt download "$name") ||
    fail "Cannot download $name from Debian bookworm"
  dpkg -x "$work/$name"_*.deb "$work/root"
  version=${name#linux-image-}
  # Sound, graphics and television are half of it.
  for folder in sound drivers/gpu drivers/media; do
    rm -rf "$work/root/lib/modules/$version/kernel/$folder"
  done
  depmod -b "$work/root" "$version"
  rm -rf "$work/root/usr" "$work/root/boot/System.map-$version"
  dpkg-deb -f "$work/$name"_*.deb Version >"$work/root/READY"
  rm -rf "$into"
  mv "$work/root" "$into"
  rm -rf "$work"
}

reference_plugins() {
  command -v apt-get >/dev/null ||
    fail "Cannot set up the reference plugins: this is not a Debian system"
  mkdir -p .cache/reference
  fetch_reference 1.9.1 unstable
  fetch_reference 1.1.1 bookworm
}

# A kubectl that knows OpenAPI v3; Debian 12's own doesn't. It is a program of its own, without parts.
kubectl_program() {
  into=.cache/kubectl
  [ -x "$into/kubectl" ] && return 0
  command -v apt-get >/dev/null || fail "Cannot set up kubectl: this is not a Debian system"
  echo "Setting up kubectl from Debian unstable"
  work=$PWD/.cache/.work-kubectl
  suite_lists "$work" unstable
  # A kubectl of another archive may be installed: what is installed must not be looked at.
  (cd "$work" && apt-get $own_apt -o Dir::State::status=/dev/null download kubectl) ||
    fail "Cannot download kubectl from Debian unstable"
  dpkg -x "$work"/kubectl_*.deb "$work/root"
  "$work/root/usr/bin/kubectl" version --client >/dev/null || fail "This kubectl does not run here"
  mkdir -p "$into"
  mv "$work/root/usr/bin/kubectl" "$into/kubectl"
  rm -rf "$work"
}

part=${1:-}
[ $# -eq 0 ] || shift
case $part in
  npm) npm_packages ;;
  debian) debian_packages "$@" ;;
  reference) reference_plugins ;;
  kubectl) kubectl_program ;;
  vm) vm_kernel ;;
  *) fail "Usage: tools/setup.sh npm | debian [PACKAGE…] | reference | kubectl | vm" ;;
esac
