#!/usr/bin/env bash
# Opens HTML reports in headless Chromium: light, dark, as wide as a phone, printed, without script, without style. Then lets
# Playwright's reader of HARs answer Chromium from a HAR of a run, when no server is there any more.
#
#   tests/browser/run.sh
#
# Needs bash, node 20 with npm, and Chromium: CHROMIUM names it; otherwise chromium or google-chrome of the PATH is taken, and if
# there is none and we are root, Debian's is installed by apt-get. The package of npm is installed below target/browser, where
# reports and pictures are written too. GRANTLINT names the binary (default target/release/grantlint).
# Exit code: 0 all as it must be, 1 something is not, 2 something could not be run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/browser
export GRANTLINT=${GRANTLINT:-$root/target/release/grantlint}

# shellcheck source=tests/packages.sh
source "$here/../packages.sh"

main() {
  [[ -x $GRANTLINT ]] || stop "$GRANTLINT is no program; build it with 'cargo build --release', or name one in GRANTLINT"
  mkdir -p "$work"
  find_chromium || install_chromium
  install_node "$here" "$work" || stop 'its packages are missing'
  cp "$here"/*.mjs "$work/"
  node "$work/check.mjs" "$work"
  node "$work/har.mjs" "$work"
}

find_chromium() {
  local name
  for name in "${CHROMIUM:-}" chromium chromium-browser google-chrome google-chrome-stable; do
    if [[ -n $name ]] && CHROMIUM=$(command -v "$name"); then
      export CHROMIUM
      return 0
    fi
  done
  return 1
}

install_chromium() {
  install_packages "$work/apt.log" chromium fonts-dejavu-core || stop 'there is no Chromium; name one in CHROMIUM'
  find_chromium || stop 'Chromium was installed, and is not found'
}

stop() {
  echo "$1" >&2
  exit 2
}

main "$@"
