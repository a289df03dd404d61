#!/usr/bin/env bash
# Looks at the files for CI systems (action.yml, templates, docs/ci, Containerfile, hooks of pre-commit), and runs their commands.
#
#   tests/ci/run.sh
#
# Needs bash, git, cargo, and python 3.11 with venv. The packages of PyPI are installed below target/ci-files, where everything is
# written. GRANTLINT names the binary (default target/release/grantlint).
# Exit code: 0 all as it must be, 1 something is not, 2 something could not be run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/ci-files
export GRANTLINT=${GRANTLINT:-$root/target/release/grantlint}

main() {
  [[ -x $GRANTLINT ]] || stop "$GRANTLINT is no program; build it with 'cargo build --release', or name one in GRANTLINT"
  mkdir -p "$work"
  install_python
  PATH=$work/venv/bin:$PATH "$work/venv/bin/python" -B "$here/check.py" "$root" "$work"
}

install_python() {
  local stamp
  stamp=$(cat "$here/requirements.txt" <(python3 --version) | sha256sum)
  [[ $(cat "$work/venv/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$work/venv"
  python3 -m venv "$work/venv" >"$work/pip.log" 2>&1 &&
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check --only-binary :all: \
      --requirement "$here/requirements.txt" >>"$work/pip.log" 2>&1 ||
    { cat "$work/pip.log" >&2; stop 'the python environment could not be made'; }
  echo "$stamp" >"$work/venv/stamp"
}

stop() {
  echo "$1" >&2
  exit 2
}

main "$@"
