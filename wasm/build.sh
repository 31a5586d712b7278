#!/usr/bin/env bash
# build.sh [FOLDER [ARGUMENT OF CARGO…]]: builds the wasm into a folder, by default target/wasm.
# Needs cargo with the target wasm32-unknown-unknown, wasm-pack, wasm-bindgen in the version that Cargo.lock names, node
# and npm.
set -euo pipefail
pkg=$(realpath -m "${1:-$(dirname "$0")/../target/wasm}")
cd "$(dirname "$0")"
shift $(($# > 0))
wasm=$pkg/hoglet_wasm_bg.wasm

npm ci --silent
# wasm-pack's own call of wasm-opt is skipped without a word when it finds none.
wasm-pack --quiet build --mode no-install --target web --profile small --no-opt --no-pack --no-typescript --out-dir "$pkg" . "$@"
before=$(wc -c < "$wasm")
# What wasm-bindgen exports for the JavaScript it writes is of no use to ours.
rm "$pkg/hoglet_wasm.js"
node_modules/.bin/wasm-opt --remove-exports='__*' --remove-unused-module-elements -Os --flatten --rereloop \
    -Oz --converge -Oz --converge --reorder-functions --reorder-locals --strip-producers --strip-target-features -o "$wasm" "$wasm"
echo "$(wc -c < "$wasm") bytes of wasm ($before before wasm-opt), $(gzip -9 < "$wasm" | wc -c) compressed"
