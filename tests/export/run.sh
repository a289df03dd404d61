#!/usr/bin/env bash
# Runs what `grantlint export` writes in the tools that it is for, against the reference server: the collection in Newman, the
# script in sh, the .http file in httpYac. All have to pass on the sound server, and to fail on one that refuses. nasty.py does the
# same with a secret that encodings write differently.
#
#   tests/export/run.sh
#
# Needs bash, curl, python 3, and node 20 with npm. Newman and httpYac are installed below target/export by its lock file. GRANTLINT names the
# binary (default target/release/grantlint). Exit code: 0 all as it must be, 1 something is not, 2 something could not be run.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
grantlint=${GRANTLINT:-$root/target/release/grantlint}
work=$root/target/export
server=''

# shellcheck source=tests/packages.sh
source "$here/../packages.sh"

stop() {
  echo "$1" >&2
  exit 2
}

end_server() {
  [[ -z $server ]] || kill "$server" 2>/dev/null || true
  server=''
}
trap end_server EXIT

# serve ARGUMENT…: starts the server, and sets the variables of its secrets.
serve() {
  end_server
  # What an earlier server wrote would be taken for this one's.
  : >"$work/reference.yaml"
  "$grantlint" serve "$@" >"$work/reference.yaml" 2>/dev/null &
  server=$!
  local tries=0
  until grep -q '^}$' "$work/reference.yaml"; do
    ((++tries < 100)) || stop 'the reference server does not start'
    sleep 0.1
  done
  secret() {
    tail -n +2 "$work/reference.yaml" |
      python3 -c 'import json, sys; print(json.load(sys.stdin)["targets"]["reference"][sys.argv[1]]["client_secret"])' "$1"
  }
  CLIENT_SECRET=$(secret client) SECOND_CLIENT_SECRET=$(secret second_client)
  export CLIENT_SECRET SECOND_CLIENT_SECRET
}

export_as() {
  "$grantlint" export "$1" --config "$work/reference.yaml" --allow-literal-secrets -o "$2" "${@:3}" 2>/dev/null
}

newman() {
  "$work/node_modules/.bin/newman" run "$1" --reporters cli --color off \
    --env-var "client_secret=$CLIENT_SECRET" --env-var "second_client_secret=$SECOND_CLIENT_SECRET" >"$work/newman.log" 2>&1
}

script() {
  sh "$1" >"$work/script.log" 2>&1
}

httpyac() {
  # From the folder of the file: what git ignores is no file elsewhere, and none is no failure.
  (cd "$work" && node_modules/.bin/httpyac send "${1##*/}" --all --json --output none) >"$work/httpyac.log" 2>&1 &&
    grep -q '"SUCCESS"' "$work/httpyac.log"
}

# passes|fails TOOL FILE
passes() {
  "$1" "$2" || { cat "$work/$1.log"; echo "$1 does not pass on the sound server"; exit 1; }
}
fails() {
  ! "$1" "$2" || { cat "$work/$1.log"; echo "$1 passes on a server that refuses"; exit 1; }
}

[[ -x $grantlint ]] || stop "$grantlint is no program; build it, or name one in GRANTLINT"
mkdir -p "$work"
install_node "$here" "$work" || stop 'its packages are missing'
serve
for suite in all coupa-call-out; do
  export_as postman "$work/$suite.json" --suite "$suite"
  export_as curl "$work/$suite.sh" --suite "$suite"
  export_as httpyac "$work/$suite.http" --suite "$suite"
  passes newman "$work/$suite.json"
  passes script "$work/$suite.sh"
  passes httpyac "$work/$suite.http"
  echo "ok: $suite: $(grep -c '^ok' "$work/script.log") requests with curl, in Newman$(sed -n 's/.*assertions │ *\([0-9]*\).*/ \1 assertions/p' "$work/newman.log"), in httpYac $(grep -c '"SUCCESS"' "$work/httpyac.log")"
done
export_as postman "$work/everything.json" --all
export_as curl "$work/everything.sh" --all
sh -n "$work/everything.sh"
! grep -qF "$CLIENT_SECRET" "$work"/*.json "$work"/*.sh "$work"/*.http || { echo 'an export holds the secret'; exit 1; }

# The same requests where every token response lacks its token.
serve --fault rfc6749/access-token-missing
for form in postman curl httpyac; do
  export_as "$form" "$work/refused.$form" --suite coupa-call-out
done
fails newman "$work/refused.postman"
fails script "$work/refused.curl"
fails httpyac "$work/refused.httpyac"
echo 'ok: all fail where no token is issued'
end_server

python3 -B "$here/nasty.py" "$grantlint" "$work"
