#!/usr/bin/env bash
# Builds the npm package into bindings/js/dist. What wasm/build.sh needs, and nothing else.
set -euo pipefail
cd "$(dirname "$0")"
../../wasm/build.sh pkg/node --features v0,drop-oldest
../../wasm/build.sh pkg/edge --no-default-features --features v0,edge
npm ci --silent
node build.mjs
