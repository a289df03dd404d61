#!/usr/bin/env bash
# Walks with a real browser (--browser): Chromium by ChromeDriver, against the reference server with a login page that needs JavaScript.
#
#   tests/interop/browser.sh
#
# First the driver without a browser has to say that it cannot, then the browser has to get through; then come the tests of
# tests/browser.rs, which `cargo test` leaves out. Chromium and ChromeDriver are installed by apt-get, if they are missing and we are root.
# GRANTLINT names the binary (default target/release/grantlint). Exit code: 0 as expected, 1 a difference, 2 something could not be run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/interop/browser
grantlint=${GRANTLINT:-$root/target/release/grantlint}
# Some of every kind of walk: pages of the login, consent that is denied, posted answers, nobody who logs in, error pages.
CHECKS=(--suite authorization-code --only 'rfc9207/**' --only 'formpost/**' --only 'rfc7636/**' --only rfc9700/login-page-framable
  --only rfc6749/denial-ignored --only rfc6749/code-without-login --only 'rfc6749/redirects-to-*')
server=

# shellcheck source=tests/packages.sh
source "$here/../packages.sh"

main() {
  [[ -x $grantlint ]] || stop "$grantlint is no program; build it with 'cargo build --release', or name one in GRANTLINT"
  mkdir -p "$work"
  command -v chromedriver >/dev/null && command -v chromium >/dev/null ||
    install_packages "$work/apt.log" chromium chromium-driver || stop 'there is no browser'

  trap stop_server EXIT
  trap 'exit 130' INT TERM
  start_server
  local code=0 begun=$SECONDS
  run scripted || code=$?
  ((code == 3)) && grep -q -- '--browser' "$work/scripted.log" || differs scripted "exit code $code, or no word of --browser"
  code=0
  run browser --browser || code=$?
  ((code == 0)) || differs browser "exit code $code"
  echo "browser: as expected, in $((SECONDS - begun)) s; $(grep -E '^[0-9]+ checks:' "$work/browser.log")"
  (cd "$root" && cargo test --locked --quiet --test browser -- --ignored --test-threads=2)
}

# run NAME ARGUMENT…
run() {
  local name=$1
  shift
  # `-o console` breaks lines, so words are looked for that stand in one.
  "$grantlint" check --config "$work/target.yaml" --allow-literal-secrets "${CHECKS[@]}" "$@" >"$work/$name.log" 2>&1
}

start_server() {
  : >"$work/target.yaml"
  "$grantlint" serve --variation login-needs-script >"$work/target.yaml" 2>"$work/server.log" &
  server=$!
  for _ in {1..100}; do
    ! grep -q '^}' "$work/target.yaml" || return 0
    sleep 0.1
  done
  cat "$work/server.log" >&2
  stop 'the reference server does not start'
}

stop_server() {
  if [[ -n $server ]]; then
    kill "$server" 2>/dev/null || true
    wait "$server" 2>/dev/null || true
    server=
  fi
}

differs() {
  cat "$work/$1.log"
  echo "$1: $2"
  exit 1
}

stop() {
  echo "$1" >&2
  exit 2
}

main "$@"
