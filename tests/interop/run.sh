#!/usr/bin/env bash
# Runs grantlint against authorization servers written by others, and compares what it finds with what was confirmed by
# hand (expected/*.yaml, NOTES.md).
#
#   tests/interop/run.sh [RUN…]            all runs, or those named: see RUNS below
#   tests/interop/run.sh --answers [RUN…]  no grantlint: write the servers' answers to curl into answers/RUN.txt
#
# Needs bash, node 20 with npm, python 3.11 with venv, curl for --answers; the rest is installed below target/interop.
# GRANTLINT names the binary (default target/release/grantlint).
# Exit code: 0 as expected, 1 a difference, 2 something could not be run.
set -euo pipefail

RUNS=(oidc-provider oidc-provider-jwt oidc-provider-special authlib authlib-special)
START_SECONDS=30

# Values of these tests, not secrets. `special` differs in all that clients get wrong: `~` and `?` stand where the two
# base64 alphabets part, and the space and `+` where form-encoding (RFC 6749 §2.3.1) and the raw pair (RFC 7617) do.
export GRANTLINT_CLIENT_SECRET='plain-secret-0001'
export GRANTLINT_SECOND_SECRET='plain-secret-0002'
export GRANTLINT_SPECIAL_SECRET='~a b+c?'

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/interop
grantlint=${GRANTLINT:-$root/target/release/grantlint}
server_pid= ready= origin=

main() {
  local answers_only=
  if [[ ${1-} == --answers ]]; then
    answers_only=1
    shift
  fi
  local runs=("$@") name failed=0
  ((${#runs[@]})) || runs=("${RUNS[@]}")
  # The clients of a server do not depend on the run, so the -special runs have no answers of their own.
  [[ -z $answers_only || $# != 0 ]] || runs=(oidc-provider oidc-provider-jwt authlib)
  for name in "${runs[@]}"; do
    [[ " ${RUNS[*]} " == *" $name "* ]] || stop "no run is called $name; there are: ${RUNS[*]}"
  done
  [[ -n $answers_only || -x $grantlint ]] ||
    stop "$grantlint is no program; build it with 'cargo build --release', or name one in GRANTLINT"

  trap stop_server EXIT
  trap 'exit 130' INT TERM
  mkdir -p "$work"
  install_python
  [[ " ${runs[*]}" != *' oidc-provider'* ]] || install_node
  (cd "$here" && "$work/venv/bin/python" -B -m unittest --quiet compare_test >"$work/compare.log" 2>&1) ||
    { cat "$work/compare.log" >&2; stop 'compare.py fails its own tests'; }

  for name in "${runs[@]}"; do
    start_server "$name"
    if [[ -n $answers_only ]]; then
      write_answers "$name"
    else
      check_server "$name" || failed=1
    fi
    stop_server
  done
  return "$failed"
}

# Runs both suites against the started server, and compares the findings of the first.
check_server() {
  local name=$1 out=$work/$1 code=0 leaked secret
  mkdir -p "$out"
  rm -f "$out"/*.json "$out"/*.log
  write_target "$name" >"$out/grantlint.yaml"
  # 3 is left to compare.py, which knows what is expected not to be testable.
  "$grantlint" check --config "$out/grantlint.yaml" --suite all \
    -o json="$out/standards.json" --fail-on never >"$out/standards.log" 2>&1 || code=$?
  if ((code != 0 && code != 3)); then
    cat "$out/standards.log" >&2
    stop "$name: grantlint ended with exit code $code"
  fi
  # For information only: these servers never promised anything to this caller.
  code=0
  "$grantlint" check --config "$out/grantlint.yaml" --suite coupa-call-out \
    -o console -o json="$out/coupa-call-out.json" --fail-on never >"$out/coupa-call-out.log" 2>&1 || code=$?
  echo "$name: coupa-call-out ended with exit code $code, see ${out#"$root"/}/coupa-call-out.log"

  code=0
  "$work/venv/bin/python" -B "$here/compare.py" "$here/expected/$name.yaml" "$out/standards.json" || code=$?
  ((code != 2)) || stop "$name: the findings cannot be compared"
  for secret in "$GRANTLINT_CLIENT_SECRET" "$GRANTLINT_SECOND_SECRET" "$GRANTLINT_SPECIAL_SECRET"; do
    if leaked=$(grep --files-with-matches --fixed-strings -- "$secret" "$out"/*.json "$out"/*.log); then
      echo "$name: the secret '$secret' stands in $leaked"
      code=1
    fi
  done
  return "$code"
}

write_answers() {
  local token introspection revocation
  name_endpoints "$1"
  mkdir -p "$here/answers"
  "$here/answers.sh" "$token" "$origin/invoices" "$introspection" "$revocation" >"$here/answers/$1.txt"
  echo "wrote tests/interop/answers/$1.txt"
}

# Prints the target file for a run. All endpoints are named, so that a run does not depend on metadata.
write_target() {
  local name=$1 id=grantlint variable=GRANTLINT_CLIENT_SECRET
  local token introspection revocation
  name_endpoints "$name"
  if [[ $name == *-special ]]; then
    id=special variable=GRANTLINT_SPECIAL_SECRET
  fi
  cat <<EOF
targets:
  $name:
    suites: [all]
    token_endpoint: $token
    introspection_endpoint: $introspection
    revocation_endpoint: $revocation
    scope: invoices.read invoices.write
    ungranted_scope: invoices.admin
    grant_types: [client_credentials]
    token_endpoint_auth_methods: [client_secret_basic, client_secret_post]
    client: { client_id: $id, client_secret: "\${env:$variable}" }
    second_client: { client_id: grantlint-second, client_secret: "\${env:GRANTLINT_SECOND_SECRET}" }
    resource:
      url: $origin/invoices
      method: POST
      content_type: application/json
      body: '{"invoice": 1}'
      scope: invoices.write
EOF
}

# Sets the caller's token, introspection and revocation.
name_endpoints() {
  if [[ $1 == oidc-provider* ]]; then
    token=$origin/token introspection=$origin/token/introspection revocation=$origin/token/revocation
  else
    token=$origin/oauth/token introspection=$origin/oauth/introspect revocation=$origin/oauth/revoke
  fi
}

# Starts the server of a run on a free port; sets server_pid and origin once it is ready.
start_server() {
  local name=$1 line='' log=$work/$1-server.log
  if [[ $name == oidc-provider* ]]; then
    # Node looks for packages beside the file that imports them.
    cp "$here/oidc-provider/server.mjs" "$work/oidc-provider/server.mjs"
    local format=opaque
    [[ $name != *-jwt ]] || format=jwt
    exec {ready}< <(TOKEN_FORMAT=$format exec node "$work/oidc-provider/server.mjs" 0 2>"$log")
  else
    # A fixed seed keeps the order of what Werkzeug takes from sets, such as Allow.
    exec {ready}< <(PYTHONHASHSEED=0 exec "$work/venv/bin/python" -B "$here/authlib/server.py" 0 2>"$log")
  fi
  server_pid=$!
  if ! read -r -t "$START_SECONDS" -u "$ready" line || [[ $line != 'listening on '* ]]; then
    cat "$log" >&2
    stop "$name: the server is not ready after $START_SECONDS seconds, or has ended"
  fi
  origin=${line#listening on }
}

stop_server() {
  if [[ -n $server_pid ]]; then
    exec {ready}<&-
    kill "$server_pid" 2>/dev/null || true
    wait "$server_pid" 2>/dev/null || true
    server_pid=
  fi
}

install_node() {
  local stamp
  stamp=$(cat "$here/oidc-provider/package.json" "$here/oidc-provider/package-lock.json" <(node --version) | sha256sum)
  [[ $(cat "$work/oidc-provider/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$work/oidc-provider"
  mkdir -p "$work/oidc-provider"
  cp "$here"/oidc-provider/package{,-lock}.json "$work/oidc-provider/"
  npm ci --prefix "$work/oidc-provider" --ignore-scripts --no-audit --no-fund >"$work/npm.log" 2>&1 ||
    { cat "$work/npm.log" >&2; stop 'npm ci failed'; }
  echo "$stamp" >"$work/oidc-provider/stamp"
}

install_python() {
  local stamp
  stamp=$(cat "$here/authlib/requirements.txt" <(python3 --version) | sha256sum)
  [[ $(cat "$work/venv/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$work/venv"
  python3 -m venv "$work/venv" >"$work/pip.log" 2>&1 &&
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      --requirement "$here/authlib/requirements.txt" >>"$work/pip.log" 2>&1 ||
    { cat "$work/pip.log" >&2; stop 'the python environment could not be made'; }
  echo "$stamp" >"$work/venv/stamp"
}

stop() {
  echo "$1" >&2
  exit 2
}

main "$@"
