#!/usr/bin/env bash
# Runs grantlint against authorization servers written by others, and compares what it finds with what was confirmed by
# hand (expected/*.yaml, NOTES.md).
#
#   tests/interop/run.sh [RUN…]            all runs, or those named: see RUNS below
#   tests/interop/run.sh --answers [RUN…]  no grantlint: write the servers' answers to curl into answers/RUN.txt
#
# Needs bash, node 20 with npm, python 3.11 with venv, Debian 12 for Doorkeeper, curl for --answers. The packages of npm and
# PyPI are installed below target/interop; those of Debian by apt-get, if they are missing and we are root.
# GRANTLINT names the binary (default target/release/grantlint), GRANTLINT_SPECS a folder of checks that is read in place of the
# embedded one, so that a check can be mended without a build: GRANTLINT_SPECS=specs tests/interop/run.sh
# Exit code: 0 as expected, 1 a difference, 2 something could not be run.
set -euo pipefail

RUNS=(
  oidc-provider oidc-provider-jwt oidc-provider-special oidc-provider-code
  authlib authlib-special authlib-code
  django-oauth-toolkit django-oauth-toolkit-special django-oauth-toolkit-code
  doorkeeper doorkeeper-special doorkeeper-code
  node-oauth2-server node-oauth2-server-special
)
# The clients of a server do not depend on the run, so the -special runs have no answers of their own; the -code runs differ in
# what has pages, which curl does not walk.
ANSWERS=(oidc-provider oidc-provider-jwt authlib django-oauth-toolkit doorkeeper node-oauth2-server)
# What is compared: every check of a standard that the claims of a target allow.
COMPARED=(--suite all --skip 'coupa/**')
START_SECONDS=120
RUBY_PACKAGES=(ruby-doorkeeper ruby-doorkeeper-openid-connect ruby-rails ruby-sqlite3 puma)
DOORKEEPER_VERSION=5.5.0

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/target/interop

# Values of these tests, not secrets. `special` differs in all that clients get wrong: `~` and `?` stand where the two
# base64 alphabets part, and the space and `+` where form-encoding (RFC 6749 §2.3.1) and the raw pair (RFC 7617) do.
export GRANTLINT_CLIENT_SECRET='plain-secret-0001'
export GRANTLINT_SECOND_SECRET='plain-secret-0002'
export GRANTLINT_SPECIAL_SECRET='~a b+c?'
# Of the user `alice`, who logs in where a server has an authorization endpoint (the -code runs).
export GRANTLINT_USER_PASSWORD='plain password & 0004'
# The key of the client `grantlint-key`, which authenticates by private_key_jwt where the server can; made with the folder.
export GRANTLINT_CLIENT_KEY=$work/client-key.pem
grantlint=${GRANTLINT:-$root/target/release/grantlint}
specs=()
[[ -z ${GRANTLINT_SPECS-} ]] || specs=(--specs "$GRANTLINT_SPECS")
server_pid= ready= origin=
# `PID:RUN` of the runs that go on in the background.
jobs=()

# shellcheck source=tests/packages.sh
source "$here/../packages.sh"

main() {
  local answers_only=
  if [[ ${1-} == --answers ]]; then
    answers_only=1
    shift
  fi
  local runs=("$@") name failed=0 code=0 job
  ((${#runs[@]})) || runs=("${RUNS[@]}")
  [[ -z $answers_only || $# != 0 ]] || runs=("${ANSWERS[@]}")
  for name in "${runs[@]}"; do
    [[ " ${RUNS[*]} " == *" $name "* ]] || stop "no run is called $name; there are: ${RUNS[*]}"
  done
  [[ -n $answers_only || -x $grantlint ]] ||
    stop "$grantlint is no program; build it with 'cargo build --release', or name one in GRANTLINT"

  trap stop_all EXIT
  trap 'exit 130' INT TERM
  mkdir -p "$work"
  install_python
  make_client_key
  [[ " ${runs[*]}" != *' oidc-provider'* ]] || node_of oidc-provider
  [[ " ${runs[*]}" != *' node-oauth2-server'* ]] || node_of node-oauth2-server
  [[ " ${runs[*]}" != *' doorkeeper'* ]] || install_ruby
  (cd "$here" && "$work/venv/bin/python" -B -m unittest --quiet compare_test >"$work/compare.log" 2>&1) ||
    { cat "$work/compare.log" >&2; stop 'compare.py fails its own tests'; }

  # Runs with codes spend half a minute on waiting whether what a replayed code gave is revoked after all (RFC 6749 §4.1.2), so
  # they wait side by side, while the others go on.
  for name in "${runs[@]}"; do
    if [[ $name == *-code && -z $answers_only ]]; then
      run_one "$name" >"$work/$name.log" 2>&1 &
      jobs+=("$!:$name")
    fi
  done
  for name in "${runs[@]}"; do
    if [[ -n $answers_only ]]; then
      start_server "$name"
      write_answers "$name"
      stop_server
    elif [[ $name != *-code ]]; then
      (run_one "$name") || code=$?
      ((code < 2)) || exit 2
      ((code == 0)) || failed=1
      code=0
    fi
  done
  for job in "${jobs[@]}"; do
    wait "${job%%:*}" || code=$?
    jobs=("${jobs[@]:1}")
    cat "$work/${job#*:}.log"
    ((code == 0)) || failed=1
    ((code < 2)) || failed=2
    code=0
  done
  return "$failed"
}

# Whatever ends this script ends its servers.
stop_all() {
  local job
  for job in "${jobs[@]}"; do
    kill "${job%%:*}" 2>/dev/null || true
  done
  stop_server
}

# One run from the start of its server to its end; to be called in a process of its own, which takes the server along when it ends.
run_one() {
  jobs=()
  trap stop_server EXIT
  start_server "$1"
  check_server "$1"
}

# Runs the standards against the started server and compares the findings, then the suite of a caller.
check_server() {
  local name=$1 out=$work/$1 code=0 leaked secret
  mkdir -p "$out"
  rm -f "$out"/*.json "$out"/*.log
  write_target "$name" >"$out/grantlint.yaml"
  # 3 is left to compare.py, which knows what is expected not to be testable.
  "$grantlint" check --config "$out/grantlint.yaml" "${COMPARED[@]}" "${specs[@]}" \
    -o json="$out/standards.json" --fail-on never >"$out/standards.log" 2>&1 || code=$?
  if ((code != 0 && code != 3)); then
    cat "$out/standards.log" >&2
    stop "$name: grantlint ended with exit code $code"
  fi
  # For information only: these servers never promised anything to this caller, which has no users.
  if [[ $name != *-code ]]; then
    code=0
    "$grantlint" check --config "$out/grantlint.yaml" --suite coupa-call-out "${specs[@]}" \
      -o console -o json="$out/coupa-call-out.json" --fail-on never >"$out/coupa-call-out.log" 2>&1 || code=$?
    echo "$name: coupa-call-out ended with exit code $code, see ${out#"$root"/}/coupa-call-out.log"
  fi

  code=0
  "$work/venv/bin/python" -B "$here/compare.py" "$here/expected/$name.yaml" "$out/standards.json" || code=$?
  ((code != 2)) || stop "$name: the findings cannot be compared"
  for secret in "$GRANTLINT_CLIENT_SECRET" "$GRANTLINT_SECOND_SECRET" "$GRANTLINT_SPECIAL_SECRET" "$GRANTLINT_USER_PASSWORD"; do
    if leaked=$(grep --files-with-matches --fixed-strings -- "$secret" "$out"/*.json "$out"/*.log); then
      echo "$name: the secret '$secret' stands in $leaked"
      code=1
    fi
  done
  return "$code"
}

write_answers() {
  local token introspection revocation issuer metadata authorization assertions=no
  name_endpoints "$1"
  mkdir -p "$here/answers"
  [[ $1 != oidc-provider* && $1 != authlib* ]] || assertions=yes
  "$here/answers.sh" "$token" "$origin/invoices" "$introspection" "$revocation" "$issuer" "$assertions" >"$here/answers/$1.txt"
  echo "wrote tests/interop/answers/$1.txt"
}

# Prints the target file for a run. All endpoints are named, so that a run does not depend on metadata.
write_target() {
  local name=$1 id=grantlint variable=GRANTLINT_CLIENT_SECRET
  local token introspection revocation issuer metadata authorization grants=client_credentials second= code_flow=
  name_endpoints "$name"
  if [[ $name == *-code ]]; then
    grants+=', authorization_code, refresh_token'
    second=', redirect_uri: "https://second.example/cb"'
    code_flow="    public_client: { client_id: grantlint-public, redirect_uri: \"https://public.example/cb\" }
    authorization_endpoint: $authorization
    redirect_uri: https://client.example/cb
    authorization_scope: invoices.read invoices.write
    login: { username: alice, password: \"\${env:GRANTLINT_USER_PASSWORD}\" }
"
  fi
  if [[ $name == *-special ]]; then
    id=special variable=GRANTLINT_SPECIAL_SECRET
  fi
  cat <<EOF
targets:
  $name:
    suites: [all]
${metadata:+    issuer: $issuer
    metadata_url: $metadata
}    token_endpoint: $token
${introspection:+    introspection_endpoint: $introspection
    revocation_endpoint: $revocation
}    scope: invoices.read invoices.write
    ungranted_scope: invoices.admin
    grant_types: [$grants]
    token_endpoint_auth_methods: [client_secret_basic, client_secret_post]
    client: { client_id: $id, client_secret: "\${env:$variable}" }
    second_client: { client_id: grantlint-second, client_secret: "\${env:GRANTLINT_SECOND_SECRET}"$second }
$code_flow    resource:
      url: $origin/invoices
      method: POST
      content_type: application/json
      body: '{"invoice": 1}'
      scope: invoices.write
EOF
}

# Sets the caller's token, introspection, revocation, issuer, metadata and authorization; those that a server has not are empty.
name_endpoints() {
  case $1 in
    oidc-provider*)
      token=$origin/token introspection=$origin/token/introspection revocation=$origin/token/revocation
      authorization=$origin/auth
      issuer=$origin metadata=$origin/.well-known/oauth-authorization-server ;;
    django-oauth-toolkit*)
      token=$origin/o/token/ introspection=$origin/o/introspect/ revocation=$origin/o/revoke_token/
      authorization=$origin/o/authorize/
      issuer=$origin/o metadata=$origin/.well-known/oauth-authorization-server/o ;;
    node-oauth2-server*)
      token=$origin/oauth/token introspection= revocation= issuer=$origin metadata= authorization= ;;
    doorkeeper*)
      token=$origin/oauth/token introspection=$origin/oauth/introspect revocation=$origin/oauth/revoke
      authorization=$origin/oauth/authorize
      issuer=$origin metadata=$origin/.well-known/openid-configuration ;;
    *)
      token=$origin/oauth/token introspection=$origin/oauth/introspect revocation=$origin/oauth/revoke
      authorization=$origin/oauth/authorize
      issuer=$origin metadata= ;;
  esac
}

# Starts the server of a run on a free port; sets server_pid and origin once it is ready.
start_server() {
  local name=$1 folder=${1%-special} line='' log=$work/$1-server.log
  unset CODE_FLOW
  [[ $name != *-code ]] || export CODE_FLOW=1
  case $name in
    oidc-provider*)
      # Node looks for packages beside the file that imports them.
      cp "$here/oidc-provider/server.mjs" "$work/oidc-provider/server.mjs"
      local format=opaque
      [[ $name != *-jwt ]] || format=jwt
      exec {ready}< <(TOKEN_FORMAT=$format exec node "$work/oidc-provider/server.mjs" 0 2>"$log") ;;
    node-oauth2-server*)
      cp "$here/node-oauth2-server/server.mjs" "$work/node-oauth2-server/server.mjs"
      exec {ready}< <(NODE_ENV=production exec node "$work/node-oauth2-server/server.mjs" 0 2>"$log") ;;
    doorkeeper*)
      exec {ready}< <(exec ruby "$here/doorkeeper/server.rb" 0 2>"$log") ;;
    *)
      # A fixed seed keeps the order of what Werkzeug takes from sets, such as Allow.
      exec {ready}< <(PYTHONHASHSEED=0 exec "$work/venv/bin/python" -B "$here/${folder%-code}/server.py" 0 2>"$log") ;;
  esac
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

make_client_key() {
  local public=$work/client-key.jwk
  [[ -s $public ]] || "$work/venv/bin/python" -B - "$GRANTLINT_CLIENT_KEY" "$public" <<'EOF' || stop 'no key could be made'
import json, pathlib, sys
from joserfc.jwk import RSAKey

private, public = map(pathlib.Path, sys.argv[1:])
key = RSAKey.generate_key(2048, {"kid": "grantlint", "use": "sig", "alg": "RS256"})
private.write_bytes(key.as_pem(private=True))
public.write_text(json.dumps(key.as_dict(private=False)))
EOF
  GRANTLINT_CLIENT_JWK=$(<"$public")
  export GRANTLINT_CLIENT_JWK
}

# The packages of a server; its runs write into the same folder.
node_of() {
  install_node "$here/$1" "$work/$1" || stop "$1 cannot be run"
}

install_python() {
  local stamp
  stamp=$(cat "$here"/{authlib,django-oauth-toolkit}/requirements.txt <(python3 --version) | sha256sum)
  [[ $(cat "$work/venv/stamp" 2>/dev/null) != "$stamp" ]] || return 0
  rm -rf "$work/venv"
  python3 -m venv "$work/venv" >"$work/pip.log" 2>&1 &&
    "$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
      --requirement "$here/authlib/requirements.txt" \
      --requirement "$here/django-oauth-toolkit/requirements.txt" >>"$work/pip.log" 2>&1 ||
    { cat "$work/pip.log" >&2; stop 'the python environment could not be made'; }
  echo "$stamp" >"$work/venv/stamp"
}

# Debian's gems: rubygems.org is one more registry that would have to be reached, and nothing here needs it.
install_ruby() {
  local have
  if have=$(doorkeeper_version) && [[ $have == "$DOORKEEPER_VERSION" ]]; then
    return 0
  fi
  install_packages "$work/apt.log" "${RUBY_PACKAGES[@]}" || stop "Doorkeeper $DOORKEEPER_VERSION cannot be run"
  have=$(doorkeeper_version) || stop 'Doorkeeper was installed, and ruby does not find it'
  [[ $have == "$DOORKEEPER_VERSION" ]] || stop "Doorkeeper $have is installed; the findings are those of $DOORKEEPER_VERSION"
}

# Prints Doorkeeper's version; fails if it or a gem that it is served with is missing.
doorkeeper_version() {
  ruby -e 'puts %w[doorkeeper doorkeeper-openid_connect rails sqlite3 puma].map { |gem| Gem::Specification.find_by_name(gem).version }.first' 2>/dev/null
}

stop() {
  echo "$1" >&2
  exit 2
}

main "$@"
