#!/usr/bin/env bash
# Completes commands in a real bash and a real zsh, answers prompts at a real terminal, and lets mandoc read the manual pages.
#
#   tests/shell/run.sh
#
# Needs bash, python 3, zsh and mandoc; as root, zsh and mandoc are installed by apt-get. GRANTLINT names the binary (default
# target/release/grantlint). Exit code: 0 all as it must be, 1 something is not, 2 something could not be run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
grantlint=${GRANTLINT:-$root/target/release/grantlint}
work=$(mktemp -d)
trap 'rm -r "$work"' EXIT

# shellcheck source=tests/packages.sh
source "$here/../packages.sh"

stop() {
  echo "$1" >&2
  exit 2
}

needed() {
  local lacking=() name
  for name in zsh mandoc; do
    command -v "$name" >/dev/null || lacking+=("$name")
  done
  ((${#lacking[@]})) || return 0
  install_packages "$work/apt.log" "${lacking[@]}" || stop "there is no ${lacking[*]}"
}

# expect WHAT FOUND WORD…: every word is in what was found.
expect() {
  local what=$1 found=$2 word
  shift 2
  for word in "$@"; do
    if ! grep -qF -e "$word" <<<"$found"; then
      echo "$what: \`$word\` is not offered, but:"
      echo "$found"
      exit 1
    fi
  done
  echo "ok: $what"
}

[[ -x $grantlint ]] || stop "$grantlint is no program; build it, or name one in GRANTLINT"
needed
mkdir "$work/bin" "$work/functions"
ln -s "$grantlint" "$work/bin/grantlint"
export PATH=$work/bin:$PATH

grantlint completions bash >"$work/grantlint.bash"
offered() {
  bash --norc --noprofile -c '
    source "$1"
    shift
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMPREPLY=()
    _grantlint grantlint "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf "%s\n" "${COMPREPLY[@]}"' bash "$work/grantlint.bash" "$@"
}
expect 'bash, commands' "$(offered grantlint c)" check coverage
expect 'bash, flags of check' "$(offered grantlint check --fail)" --fail-on
expect 'bash, values' "$(offered grantlint check --fail-on '')" must should never

grantlint completions zsh >"$work/functions/_grantlint"
expect 'zsh, a command' "$(zsh -f "$here/complete.zsh" "$work/functions" 'grantlint cov')" 'grantlint coverage'
expect 'zsh, a flag' "$(zsh -f "$here/complete.zsh" "$work/functions" 'grantlint check --fail-on-s')" 'check --fail-on-stale'

grantlint completions fish >"$work/grantlint.fish"
expect 'fish, a command' "$(<"$work/grantlint.fish")" '-a "check"'

grantlint man "$work/man" >/dev/null
# A page of no date is meant; breaks beside paragraphs are how clap_mangen writes, and change nothing that is seen.
complaints=$(mandoc -Tlint -W warning "$work"/man/*.1 || true)
complaints=$(grep -vE 'missing date|skipping paragraph macro' <<<"$complaints" || true)
[[ -z $complaints ]] || { echo "$complaints"; exit 1; }
expect 'manual page' "$(mandoc -Tutf8 "$work/man/grantlint-check.1" | col -b)" '--fail-on' 'WHAT IS CHECKED' 'HOW IT IS SENT'

python3 -B "$here/prompts.py" "$grantlint"
