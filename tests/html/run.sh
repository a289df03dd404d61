#!/usr/bin/env bash
# Holds the book and HTML reports to the HTML standard, by html-validate.
#
#   tests/html/run.sh
#
# Needs bash, and node 20.19 with npm. The book is read from target/book, where `cargo test --test docs book` writes it. The package of npm is
# installed below target/html, where reports are written too. GRANTLINT names the binary (default target/release/grantlint).
# Exit code: 0 all as it must be, 1 something is not, 2 something could not be run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
grantlint=${GRANTLINT:-$root/target/release/grantlint}
work=$root/target/html
book=$root/target/book

# shellcheck source=tests/packages.sh
source "$here/../packages.sh"

main() {
  [[ -x $grantlint ]] || stop "$grantlint is no program; build it, or name one in GRANTLINT"
  [[ -f $book/index.html ]] || stop "there is no book in $book; cargo test --test docs book"
  mkdir -p "$work/reports"
  install_node "$here" "$work" || stop 'its packages are missing'
  # A folder as a whole, so that no page is forgotten; its names end on .html.
  "$grantlint" demo -q -o html="$work/reports/demo.html" -o html-dir="$work/reports/folder" >/dev/null 2>&1 ||
    stop 'the demo did not come out as it must'
  refuses_what_is_wrong
  validate "$book" "$work/reports"
  echo "ok: $(find "$book" "$work/reports" -name '*.html' | wc -l) pages are valid HTML"
}

validate() {
  (cd "$work" && node_modules/.bin/html-validate --config "$here/htmlvalidate.json" --ext html --formatter text "$@")
}

# A validator that finds nothing anywhere would be green too.
refuses_what_is_wrong() {
  mkdir -p "$work/wrong"
  printf '<!DOCTYPE html>\n<html lang="en"><head><title>x</title></head><body><ul><li>a</li><ul><li>b</li></ul></ul></body></html>\n' >"$work/wrong/list.html"
  ! validate "$work/wrong" >/dev/null || { echo 'html-validate takes a list right within a list'; exit 1; }
}

stop() {
  echo "$1" >&2
  exit 2
}

main "$@"
