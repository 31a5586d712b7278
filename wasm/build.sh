#!/usr/bin/env bash
# Builds the wasm and its JavaScript into bindings/js/pkg, which is not committed. Needs cargo with the target
# wasm32-unknown-unknown, wasm-pack, wasm-bindgen in the version that Cargo.lock names, node and npm.
set -euo pipefail
cd "$(dirname "$0")"
pkg=../bindings/js/pkg
wasm=$pkg/hoglet_wasm_bg.wasm

npm ci --silent
# wasm-pack's own call of wasm-opt is skipped without a word when it finds none.
wasm-pack --quiet build --mode no-install --target web --profile small --no-opt --no-pack --out-dir $pkg
before=$(wc -c < $wasm)
node_modules/.bin/wasm-opt -Oz --converge --strip-producers --strip-target-features -o $wasm $wasm
echo "$(wc -c < $wasm) bytes of wasm ($before before wasm-opt), $(gzip -9 < $wasm | wc -c) compressed"
