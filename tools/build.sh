#!/bin/sh
# Compiles dist/netloom: one executable, its code in chunks that load when first used.
# Usage: tools/build.sh BUN
set -eu
cd "$(dirname "$0")/.."
started=$(date +%s%N)
mkdir -p dist
# A compiled executable would load .env and bunfig.toml, with their preloads, from wherever a
# runtime happens to call it: never for a program that runs as root.
# A plugin lives for milliseconds: compiling its hot loops costs more than it can gain. What stays
# (src/main.ts) has it as usual.
"$1" build --compile --minify --bytecode --format=esm --splitting \
  --no-compile-autoload-dotenv --no-compile-autoload-bunfig --compile-jit-policy=1000 \
  src/main.ts --outfile dist/.netloom.new >dist/.build.log 2>&1 || {
  cat dist/.build.log >&2
  exit 1
}
mv -fT dist/.netloom.new dist/netloom
rm -f dist/.build.log
touch dist/netloom
ms=$((($(date +%s%N) - started) / 1000000))
echo "Built dist/netloom: $(($(stat -c %s dist/netloom) / 1000000)) MB in $ms ms"
