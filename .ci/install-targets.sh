#!/usr/bin/env bash
# Makes the targets below buildable by a plain `cargo build --target T`: by rustup, and where its servers are out of reach, by
# building their std once from Debian's compiler and sources into Debian's own sysroot.
#
# The last line on stdout names the toolchain that has them, RUSTUP_TOOLCHAIN=<name>; progress goes to stderr.
#   install-targets.sh           make it so (a second run does nothing)
#   install-targets.sh --check   succeed if it is so
#   DEBIAN_ONLY=1                leave rustup's servers alone
set -euo pipefail

targets="wasm32-unknown-unknown thumbv6m-none-eabi thumbv7em-none-eabi"
# Changes when the way std is built below does: what was built another way is built again.
recipe=1

say() { printf '%s\n' "$*" >&2; }

# ---- rustup ---------------------------------------------------------------------------------------------------------------
active_toolchain() { printf '%s' "${RUSTUP_TOOLCHAIN:-$(rustup show active-toolchain 2>/dev/null | cut -d' ' -f1)}"; }

rustup_has_targets() {
  local sysroot target
  [ -z "${DEBIAN_ONLY:-}" ] && command -v rustup >/dev/null && [ "$(active_toolchain)" != debian ] || return 1
  sysroot=$(RUSTUP_TOOLCHAIN=$(active_toolchain) rustc --print sysroot) || return 1
  for target in $targets; do
    compgen -G "$sysroot/lib/rustlib/$target/lib/libcore-*.rlib" >/dev/null || return 1
  done
  echo "RUSTUP_TOOLCHAIN=$(active_toolchain)"
}

rustup_add_targets() {
  [ -z "${DEBIAN_ONLY:-}" ] && command -v rustup >/dev/null && [ "$(active_toolchain)" != debian ] || return 1
  # shellcheck disable=SC2086 # a list of words
  timeout 180 rustup --quiet target add --toolchain "$(active_toolchain)" $targets >&2
}

# ---- Debian ---------------------------------------------------------------------------------------------------------------
rustc=/usr/bin/rustc
packages="rustc-web cargo-web rust-web-src rust-web-clippy rustfmt-web"
sudo=
[ "$(id -u)" = 0 ] || sudo=sudo

# dpkg's version changes whenever the compiler does.
stamp() { printf '%s recipe=%s' "$(dpkg-query -W -f='${Version}' rustc-web)" "$recipe"; }
rustlib() { printf '%s/lib/rustlib' "$($rustc --print sysroot)"; }
debian_has_target() { [ "$(cat "$(rustlib)/$1/lib/.stamp" 2>/dev/null)" = "$(stamp)" ]; }

debian_has_targets() {
  local target
  # shellcheck disable=SC2086
  [ "$(dpkg-query -W -f='${Status}\n' $packages 2>/dev/null | grep -c '^install ok installed$')" = 5 ] || return 1
  for target in $targets; do debian_has_target "$target" || return 1; done
  if command -v rustup >/dev/null; then
    [ -e "$(rustup show home)/toolchains/debian" ] || rustup toolchain link debian "$($rustc --print sysroot)" >&2
    echo "RUSTUP_TOOLCHAIN=debian"
  else
    echo "RUSTUP_TOOLCHAIN=" # There is one cargo only.
  fi
}

install_packages() {
  local llvm host
  $sudo apt-get update -qq >&2
  # shellcheck disable=SC2086
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >&2
  llvm=$($rustc -vV | sed -n 's/^LLVM version: \([0-9]*\).*/\1/p')
  host=$($rustc -vV | sed -n 's/^host: //p')
  $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "lld-$llvm" >&2
  # All three targets name the linker `rust-lld`, and this is where rustc looks for it.
  $sudo mkdir -p "$(rustlib)/$host/bin"
  $sudo ln -sfn "/usr/lib/llvm-$llvm/bin/lld" "$(rustlib)/$host/bin/rust-lld"
}

# build_std NAME TARGETS CRATES FEATURES: one cargo call for a group of targets, so that cargo fills the cores.
build_std() {
  local target new hash args=()
  for target in $2; do args+=(--target "$target"); done
  hash=$($rustc -vV | sed -n 's/^commit-hash: //p')
  # cargo would say embed-bitcode=no, and then LTO over std fails. rust-web-src carries the packages that std depends on.
  env -u RUSTUP_TOOLCHAIN -u RUSTC_WRAPPER -u CARGO_ENCODED_RUSTFLAGS -u CARGO_BUILD_TARGET \
    RUSTC=$rustc RUSTDOC=/usr/bin/rustdoc RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$work/$1" CARGO_INCREMENTAL=0 \
    RUSTFLAGS="-Cembed-bitcode=yes --remap-path-prefix=$(rustlib)/src/rust=/rustc/$hash" \
    /usr/bin/cargo build --manifest-path "$work/Cargo.toml" --release --quiet --offline \
    --config 'source.crates-io.replace-with="std"' \
    --config "source.std.directory=\"$(rustlib)/src/rust/library/vendor\"" \
    "${args[@]}" "-Zbuild-std=$3" "-Zbuild-std-features=$4" >&2
  for target in $2; do
    # Into place by a rename: a run that is cut off leaves no half of a std.
    new=$(rustlib)/$target/lib.new
    $sudo rm -rf "$new"
    $sudo mkdir -p "$new"
    $sudo find "$work/$1/$target/release/deps" -name 'lib*.rlib' ! -name 'libempty*' -exec cp -t "$new" {} +
    stamp | $sudo tee "$new/.stamp" >/dev/null
    $sudo rm -rf "$(rustlib)/$target/lib"
    $sudo mv "$new" "$(rustlib)/$target/lib"
    say "built std for $target"
  done
}

build_missing() {
  local target bare='' full=''
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  mkdir -p "$work/src"
  printf '#![no_std]\n' >"$work/src/lib.rs"
  # The profile with which std is built for distribution.
  cat >"$work/Cargo.toml" <<'TOML'
[package]
name = "empty"
version = "0.0.0"
edition = "2021"
[profile.release]
opt-level = 3
codegen-units = 1
TOML
  for target in $targets; do
    debian_has_target "$target" && continue
    case $target in *-none-*) bare="$bare $target" ;; *) full="$full $target" ;; esac
  done
  [ -z "$full" ] || build_std full "$full" std,panic_abort,proc_macro,test panic-unwind,backtrace
  [ -z "$bare" ] || build_std bare "$bare" core,alloc compiler-builtins-mem
}

# ---------------------------------------------------------------------------------------------------------------------------
if [ "${1:-}" = --check ]; then
  rustup_has_targets || debian_has_targets
  exit
fi
rustup_has_targets && exit
if rustup_add_targets && rustup_has_targets; then exit; fi
say "rustup did not give the targets; building them with Debian's compiler"
install_packages
build_missing
debian_has_targets
