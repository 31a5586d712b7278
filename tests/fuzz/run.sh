#!/usr/bin/env bash
# Fuzzes every target for a while, from its small corpus, on stable Rust: builds once with the coverage that libFuzzer
# needs, then runs each.
#   tests/fuzz/run.sh [seconds per target, default 10] [target...]
# A crash prints the file that caused it and how to replay it. What is found on the way stays in the target directory,
# not in the corpus.
set -euo pipefail
cd "$(dirname "$0")"

seconds=${1:-10}
shift || true
targets=("$@")
[ ${#targets[@]} -gt 0 ] || targets=(response flags headers properties timestamp compress)

# A target triple keeps the flags off build scripts, which do not link libFuzzer.
host=$(rustc -vV | sed -n 's/^host: //p')
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$(cd ../.. && pwd)/target}/fuzz
RUSTFLAGS="-Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
-Cllvm-args=-sanitizer-coverage-pc-table -Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1 --cfg fuzzing" \
  cargo build --quiet --locked --release --target "$host" --bins

for target in "${targets[@]}"; do
  program=$CARGO_TARGET_DIR/$host/release/$target
  found=$CARGO_TARGET_DIR/found/$target
  log=$CARGO_TARGET_DIR/$target.log
  mkdir -p "$found"
  if ! "$program" "$found" "corpus/$target" -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=2048 \
    -artifact_prefix="$CARGO_TARGET_DIR/$target-" -print_final_stats=1 >"$log" 2>&1; then
    tail -n 40 "$log" >&2
    echo "$target: failed; the log is $log" >&2
    file=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    [ -z "$file" ] || echo "replay: $program $file" >&2
    exit 1
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  echo "$target: $runs runs in ${seconds} s, nothing found"
done
