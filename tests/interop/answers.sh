#!/usr/bin/env bash
# Writes down what a server answers to each request of NOTES.md, with curl alone, so that a finding of grantlint can be
# checked by eye against something that grantlint had no part in.
#
#   answers.sh TOKEN_URL RESOURCE_URL INTROSPECTION_URL REVOCATION_URL ISSUER ASSERTIONS > answers/SERVER.txt
#
# ISSUER is the server's own; ASSERTIONS is yes if it takes private_key_jwt. INTROSPECTION_URL and REVOCATION_URL may be empty.
# What changes from run to run (dates, ports, issued tokens, times in introspection) is replaced by a word.
# The clients are those of run.sh, whose secrets are in the environment.
set -euo pipefail
if (($# != 6)); then
  sed -n '2,10s/^# \{0,1\}//p' "$0" >&2
  exit 2
fi
token=$1 resource=$2 introspection=$3 revocation=$4 issuer=$5 assertions=$6
secret=$GRANTLINT_CLIENT_SECRET special=$GRANTLINT_SPECIAL_SECRET
grant='grant_type=client_credentials'
base64_of() { printf '%s' "$1" | base64 -w0; }
basic() { printf 'Authorization: Basic %s' "$(base64_of "$1")"; }
url_safe() { basic "$1" | sed 'y|+/|-_|'; }
client=$(basic "grantlint:$secret")
scratch=$(mktemp -d)
trap 'rm -r "$scratch"' EXIT

# ask WHAT CURL-ARGUMENT…
ask() {
  printf '### %s\n\n' "$1"
  shift
  curl --silent --show-error --include --max-time 10 "$@" 2>&1 | tr -d '\r' | sed -E \
    -e 's|127\.0\.0\.1:[0-9]+|HOST|g' \
    -e '/^(Date|Connection|Keep-Alive|X-Request-Id|X-Runtime|ETag):/Id' \
    -e 's/^Server: .*/Server: …/' \
    -e 's/("access_token": ?")[^"]+/\1TOKEN/' \
    -e 's/("(exp|iat|created_at)": ?)[0-9]+/\1TIME/g' \
    -e 's/("expires_in": ?)3599/\13600/' \
    -e 's/("(n|kid)": ?)"[^"]+"/\1"KEY"/g'
  printf '\n\n'
}
# issue CURL-ARGUMENT…: the access token of the answer
issue() { curl --silent --max-time 10 -H "$client" "$@" "$token" | sed -E 's/.*"access_token": ?"([^"]+)".*/\1/'; }
letters() { head -c "$1" /dev/zero | tr '\0' a; }

printf '## Ordinary requests\n\n'
ask 'Basic' -H "$client" -d "$grant" --data-urlencode 'scope=invoices.read invoices.write' "$token"
ask 'Basic, no scope' -H "$client" -d "$grant" "$token"
ask 'credentials in the body' -d "$grant&client_id=grantlint&client_secret=$secret" "$token"
ask 'second client, credentials in the body' -d "$grant&client_id=grantlint-second" --data-urlencode "client_secret=$GRANTLINT_SECOND_SECRET" "$token"
ask 'second client, Basic' -H "$(basic "grantlint-second:$GRANTLINT_SECOND_SECRET")" -d "$grant" "$token"

printf '## Client authentication that fails\n\n'
ask 'wrong secret, Basic' -H "$(basic grantlint:wrong)" -d "$grant" "$token"
ask 'wrong secret, Basic, Accept: text/html' -H 'Accept: text/html,*/*;q=0.8' -H "$(basic grantlint:wrong)" -d "$grant" "$token"
ask 'wrong secret, body' -d "$grant&client_id=grantlint&client_secret=wrong" "$token"
ask 'unknown client, Basic' -H "$(basic nobody:wrong)" -d "$grant" "$token"
ask 'unknown client, body' -d "$grant&client_id=nobody&client_secret=wrong" "$token"
ask 'no credentials at all' -d "$grant" "$token"
ask 'client_id alone, body' -d "$grant&client_id=grantlint" "$token"
ask 'scheme Bearer' -H 'Authorization: Bearer abc' -d "$grant" "$token"
ask 'unknown scheme' -H 'Authorization: Grantlint abc' -d "$grant" "$token"

printf '## Malformed Basic\n\n'
ask 'not base64' -H 'Authorization: Basic !!!!' -d "$grant" "$token"
ask 'no colon' -H "$(basic grantlint)" -d "$grant" "$token"
ask 'scheme alone, without a space' -H 'Authorization: Basic' -d "$grant" "$token"
ask 'scheme and a space, nothing else' -H 'Authorization: Basic ' -d "$grant" "$token"
ask 'a colon alone' -H "$(basic :)" -d "$grant" "$token"
ask 'empty secret' -H "$(basic grantlint:)" -d "$grant" "$token"
ask 'bytes that are not UTF-8' -H "Authorization: Basic $(printf 'grantlint:\xff\xfe' | base64 -w0)" -d "$grant" "$token"
ask 'bytes that are not UTF-8, no colon' -H 'Authorization: Basic //79Ov/+' -d "$grant" "$token"
ask 'a NUL in the secret' -H "Authorization: Basic $(printf 'grantlint:a\0b' | base64 -w0)" -d "$grant" "$token"

printf '## Lawful spellings of Basic\n\n'
ask 'scheme in lower case' -H "Authorization: basic $(base64_of "grantlint:$secret")" -d "$grant" "$token"
ask 'scheme in upper case' -H "Authorization: BASIC $(base64_of "grantlint:$secret")" -d "$grant" "$token"
ask 'two spaces after the scheme' -H "Authorization: Basic  $(base64_of "grantlint:$secret")" -d "$grant" "$token"
ask 'padding left out (not lawful)' -H "Authorization: Basic $(base64_of "grantlint:$secret" | tr -d =)" -d "$grant" "$token"

printf '## Encoding of identifier and secret; the client is special, its secret %s\n\n' "$special"
ask 'body, form-encoded' -d "$grant&client_id=special" --data-urlencode "client_secret=$special" "$token"
ask 'raw, standard alphabet (RFC 7617)' -H "$(basic "special:$special")" -d "$grant" "$token"
ask 'raw, URL-safe alphabet (Coupa)' -H "$(url_safe "special:$special")" -d "$grant" "$token"
ask 'form-encoded, space as + (RFC 6749 §2.3.1)' -H "$(basic 'special:%7Ea+b%2Bc%3F')" -d "$grant" "$token"
ask 'percent-encoded, space as %20' -H "$(basic 'special:%7Ea%20b%2Bc%3F')" -d "$grant" "$token"
ask 'form-encoded but for ~ and ?, URL-safe alphabet' -H "$(url_safe 'special:~a+b%2Bc?')" -d "$grant" "$token"
ask 'letters of the plain pair percent-encoded' -H "$(basic "%67rantlint:%70${secret#p}")" -d "$grant" "$token"
ask 'a percent sign that begins no escape (and a wrong secret)' -H "$(basic 'special:50% off')" -d "$grant" "$token"

printf '## Several methods at once\n\n'
ask 'Basic and body, both right' -H "$client" -d "$grant&client_id=grantlint&client_secret=$secret" "$token"
ask 'Basic and body, wrong secret in the body' -H "$client" -d "$grant&client_id=grantlint&client_secret=wrong" "$token"
ask 'Basic and body, wrong secret in the header' -H "$(basic grantlint:wrong)" -d "$grant&client_id=grantlint&client_secret=$secret" "$token"
ask 'Basic and the same client_id' -H "$client" -d "$grant&client_id=grantlint" "$token"
ask 'Basic and another client_id' -H "$client" -d "$grant&client_id=grantlint-second" "$token"
ask 'Basic and an empty client_secret' -H "$client" -d "$grant&client_id=grantlint&client_secret=" "$token"

printf '## grant_type\n\n'
ask 'missing' -H "$client" -d 'scope=invoices.read' "$token"
ask 'missing, empty body' -H "$client" -H 'Content-Type: application/x-www-form-urlencoded' -d '' "$token"
ask 'empty' -H "$client" -d 'grant_type=' "$token"
ask 'unknown' -H "$client" -d 'grant_type=grantlint_unknown' "$token"
ask 'unknown, with a quote and a backslash' -H "$client" --data-urlencode 'grant_type=a"b\c' "$token"
ask 'unknown, without credentials' -d 'grant_type=grantlint_unknown' "$token"
ask 'not for this client (authorization_code)' -H "$client" -d 'grant_type=authorization_code&code=x&redirect_uri=http://127.0.0.1/' "$token"
ask 'password, for nobody' -H "$client" -d 'grant_type=password&username=grantlint-nobody&password=grantlint' "$token"
ask 'repeated, the same value' -H "$client" -d "$grant&$grant" "$token"
ask 'repeated, another value' -H "$client" -d "$grant&grant_type=grantlint_unknown" "$token"
ask 'repeated, another value first' -H "$client" -d "grant_type=grantlint_unknown&$grant" "$token"
ask 'name in upper case' -H "$client" -d 'GRANT_TYPE=client_credentials' "$token"
ask 'value in upper case' -H "$client" -d 'grant_type=CLIENT_CREDENTIALS' "$token"

printf '## Other parameters\n\n'
ask 'unknown parameter' -H "$client" -d "$grant&grantlint_unknown=1" "$token"
ask 'unknown parameter, repeated' -H "$client" -d "$grant&grantlint_unknown=1&grantlint_unknown=2" "$token"
ask 'client_id repeated (body)' -d "$grant&client_id=grantlint&client_id=grantlint&client_secret=$secret" "$token"
ask 'percent-encoding that is none' -H "$client" -d "$grant&grantlint_unknown=%zz" "$token"
ask 'percent-encoding that is none, Accept: application/json' -H 'Accept: application/json' -H "$client" -d "$grant&grantlint_unknown=%zz" "$token"
ask 'a byte that is not UTF-8 in an unknown parameter, Accept: application/json' -H 'Accept: application/json' -H "$client" -d "$grant&grantlint_unknown=%ff" "$token"
ask 'bytes that are not UTF-8 in scope' -H "$client" -d "$grant&scope=%ff%fe" "$token"
{ printf '%s&grantlint_unknown=' "$grant"; letters 61440; } >"$scratch/long"
ask 'a parameter of 60 KiB' -H "$client" -d "@$scratch/long" "$token"

printf '## scope\n\n'
ask 'empty' -H "$client" -d "$grant&scope=" "$token"
ask 'unknown' -H "$client" -d "$grant&scope=grantlint_unknown" "$token"
ask 'unknown added' -H "$client" -d "$grant&scope=invoices.read+grantlint_unknown" "$token"
ask 'exists, not for this client' -H "$client" -d "$grant&scope=invoices.admin" "$token"
ask 'exists, not for this client, added' -H "$client" -d "$grant&scope=invoices.read+invoices.admin" "$token"
ask 'in upper case' -H "$client" -d "$grant&scope=INVOICES.READ" "$token"
ask 'with a quote' -H "$client" --data-urlencode 'scope=a"b' -d "$grant" "$token"
ask 'two spaces' -H "$client" -d "$grant&scope=invoices.read++invoices.write" "$token"
ask 'comma' -H "$client" -d "$grant&scope=invoices.read,invoices.write" "$token"
ask 'literal space, not encoded (Coupa)' -H "$client" -d "$grant&scope=invoices.read invoices.write" "$token"
ask 'repeated' -H "$client" -d "$grant&scope=invoices.read&scope=invoices.write" "$token"

printf '## Method, media type, query\n\n'
ask 'GET' -H "$client" "$token?$grant"
ask 'GET, Accept: application/json' -H 'Accept: application/json' -H "$client" "$token?$grant"
ask 'HEAD' --head -H "$client" "$token"
ask 'PUT' -X PUT -H "$client" -d "$grant" "$token"
ask 'JSON body, Basic' -H "$client" -H 'Content-Type: application/json' -d '{"grant_type":"client_credentials"}' "$token"
ask 'JSON body with credentials' -H 'Content-Type: application/json' -d "{\"grant_type\":\"client_credentials\",\"client_id\":\"grantlint\",\"client_secret\":\"$secret\"}" "$token"
ask 'form body, no Content-Type' -H "$client" -H 'Content-Type:' -d "$grant" "$token"
ask 'form body, Content-Type: text/plain' -H "$client" -H 'Content-Type: text/plain' -d "$grant" "$token"
ask 'form body, charset=UTF-8' -H "$client" -H 'Content-Type: application/x-www-form-urlencoded; charset=UTF-8' -d "$grant" "$token"
ask 'form body, media type in upper case' -H "$client" -H 'Content-Type: APPLICATION/X-WWW-FORM-URLENCODED' -d "$grant" "$token"
ask 'multipart body' -H "$client" -F grant_type=client_credentials "$token"
ask 'credentials in the query' -d "$grant" "$token?client_id=grantlint&client_secret=$secret"
ask 'everything in the query' -H 'Content-Type: application/x-www-form-urlencoded' -d '' "$token?$grant&client_id=grantlint&client_secret=$secret"
ask 'grant_type in the query, Basic' -H "$client" -H 'Content-Type: application/x-www-form-urlencoded' -d '' "$token?$grant"
ask 'scope in the query, Basic' -H "$client" -d "$grant" "$token?scope=invoices.read"
ask 'another grant_type in the query, Basic' -H "$client" -d "$grant" "$token?grant_type=grantlint_unknown"
ask 'unknown parameter in the query' -H "$client" -d "$grant" "$token?grantlint_unknown=1"

printf '## Resource\n\n'
both=$(issue -d "$grant&scope=invoices.read+invoices.write")
read_only=$(issue -d "$grant&scope=invoices.read")
ask 'POST with a token' -H "Authorization: Bearer $both" -H 'Content-Type: application/json' -d '{}' "$resource"
ask 'GET with a token' -H "Authorization: Bearer $both" "$resource"
ask 'scheme in lower case' -H "Authorization: bearer $both" "$resource"
ask 'POST with a token of too little scope' -H "Authorization: Bearer $read_only" -d '{}' "$resource"
ask 'no token' "$resource"
ask 'no token, POST' -H 'Content-Type: application/json' -d '{}' "$resource"
ask 'invented token' -H 'Authorization: Bearer grantlint-invented-token' "$resource"
ask 'token with a space' -H 'Authorization: Bearer a b' "$resource"
ask 'scheme and a space, nothing else' -H 'Authorization: Bearer ' "$resource"
ask 'Basic' -H "$client" "$resource"
{ printf 'Authorization: Bearer '; letters 65536; } >"$scratch/header"
# A server that refuses before it has read everything resets the connection, which is an error of curl's.
ask 'invented token of 65536 characters' -H "@$scratch/header" "$resource" || true
for length in 1258 1259 2048 4096 8192; do
  ask "invented token of $length characters" -H "Authorization: Bearer $(letters "$length")" "$resource"
done
ask 'token in the query' "$resource?access_token=$both"
ask 'token in the query and in the header' -H "Authorization: Bearer $both" "$resource?access_token=$both"
ask 'token in the form body' -d "access_token=$both" "$resource"
ask 'PUT' -X PUT -H "Authorization: Bearer $both" -d x "$resource"

if [[ -n $introspection ]]; then
  printf '## Introspection\n\n'
  second=$(basic "grantlint-second:$GRANTLINT_SECOND_SECRET")
  ask 'token of the caller' -H "$client" -d "token=$both" "$introspection"
  ask 'token of another client' -H "$second" -d "token=$both" "$introspection"
  ask 'invented token' -H "$client" -d 'token=grantlint-invented-token' "$introspection"
  ask 'no token' -H "$client" -d 'grantlint_unknown=1' "$introspection"
  ask 'no credentials' -d "token=$both" "$introspection"
  ask 'unknown client' -H "$(basic nobody:wrong)" -d "token=$both" "$introspection"
  ask 'invented bearer token in place of a client' -H 'Authorization: Bearer grantlint-invented-token' -d "token=$both" "$introspection"
  ask 'bearer token in place of a client' -H "Authorization: Bearer $read_only" -d "token=$both" "$introspection"
  ask 'the token introspects itself' -H "Authorization: Bearer $both" -d "token=$both" "$introspection"
  ask 'unknown hint' -H "$client" -d "token=$both&token_type_hint=grantlint_unknown" "$introspection"
  ask 'GET' -H "$client" "$introspection?token=$both"

  printf '## Revocation\n\n'
  ask 'token of another client' -H "$second" -d "token=$both" "$revocation"
  ask 'no credentials' -d "token=$both" "$revocation"
  ask 'unknown client' -H "$(basic nobody:wrong)" -d "token=$both" "$revocation"
  ask 'introspection after the refused revocations' -H "$client" -d "token=$both" "$introspection"
  ask 'invented token' -H "$client" -d 'token=grantlint-invented-token' "$revocation"
  ask 'no token' -H "$client" -d 'grantlint_unknown=1' "$revocation"
  ask 'unknown hint' -H "$client" -d "token=$read_only&token_type_hint=grantlint_unknown" "$revocation"
  ask 'token of the caller' -H "$client" -d "token=$both" "$revocation"
  ask 'introspection after revocation' -H "$client" -d "token=$both" "$introspection"
  ask 'resource after revocation' -H "Authorization: Bearer $both" "$resource"
fi

printf '## Metadata; the issuer is %s\n\n' "$(sed -E 's|127\.0\.0\.1:[0-9]+|HOST|' <<<"$issuer")"
origin=$(grep -oE '^https?://[^/]+' <<<"$issuer")
path=${issuer#"$origin"}
ask 'inserted (RFC 8414 §3.1)' "$origin/.well-known/oauth-authorization-server$path"
ask 'appended (OpenID Connect Discovery §4.1)' "$issuer/.well-known/openid-configuration"
ask 'inserted openid-configuration (RFC 8414 §5)' "$origin/.well-known/openid-configuration$path"
ask 'of the resource (RFC 9728 §3.1)' "$origin/.well-known/oauth-protected-resource/${resource##*/}"
ask 'of an issuer that there is not' "$origin/.well-known/oauth-authorization-server/grantlint-nowhere"
ask 'appended, with a forged X-Forwarded-Host' -H 'X-Forwarded-Host: grantlint.invalid' "$issuer/.well-known/openid-configuration"
ask 'inserted, with a forged X-Forwarded-Host' -H 'X-Forwarded-Host: grantlint.invalid' "$origin/.well-known/oauth-authorization-server$path"
jwks=$(curl --silent --max-time 10 "$issuer/.well-known/openid-configuration" | sed -nE 's/.*"jwks_uri": ?"([^"]+)".*/\1/p')
[[ -z $jwks ]] || ask 'keys' "$jwks"

[[ $assertions == yes ]] || exit 0
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d =; }
# signed HEADER CLAIMS: a JWT with an RS256 signature, whatever the header says
signed() {
  local input
  input=$(printf '%s' "$1" | base64url).$(printf '%s' "$2" | base64url)
  printf '%s.%s' "$input" "$(printf '%s' "$input" | openssl dgst -sha256 -sign "$GRANTLINT_CLIENT_KEY" -binary | base64url)"
}
rs256='{"alg":"RS256","kid":"grantlint"}'
now=$(date +%s)
# claims AUD [EXP [ISS [SUB [MORE]]]]: each with a jti of its own
claims() {
  printf '{"iss":"%s","sub":"%s","aud":%s,"iat":%d,"exp":%s,"jti":"%s-%s"%s}' \
    "${3-grantlint-key}" "${4-grantlint-key}" "$1" "$now" "${2-$((now + 60))}" "$now" "$RANDOM$RANDOM" "${5-}"
}
# assert WHAT JWT [CURL-ARGUMENT…]
assert() {
  local what=$1 jwt=$2
  shift 2
  ask "$what" -d "$grant&client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer&client_assertion=$jwt" "$@" "$token"
}
at_token="\"$token\""
printf '## Client assertions of grantlint-key (RFC 7523 §3)\n\n'
assert 'aud: token endpoint' "$(signed "$rs256" "$(claims "$at_token")")"
assert 'aud: issuer' "$(signed "$rs256" "$(claims "\"$issuer\"")")"
assert 'aud: issuer in an array' "$(signed "$rs256" "$(claims "[\"$issuer\"]")")"
assert 'aud: issuer and another' "$(signed "$rs256" "$(claims "[\"$issuer\",\"https://other.example\"]")")"
assert 'aud: another server' "$(signed "$rs256" "$(claims '"https://other.example"')")"
assert 'aud: the host of the Host header' "$(signed "$rs256" "$(claims "\"http://other.example${token#"$origin"}\"")")" -H 'Host: other.example'
assert 'aud: empty array' "$(signed "$rs256" "$(claims '[]')")"
assert 'no aud' "$(signed "$rs256" '{"iss":"grantlint-key","sub":"grantlint-key","exp":'"$((now + 60))"',"jti":"no-aud-'"$now"'"}')"
assert 'no exp' "$(signed "$rs256" '{"iss":"grantlint-key","sub":"grantlint-key","aud":'"$at_token"',"jti":"no-exp-'"$now"'"}')"
assert 'no jti' "$(signed "$rs256" '{"iss":"grantlint-key","sub":"grantlint-key","aud":'"$at_token"',"exp":'"$((now + 60))"'}')"
assert 'no iss' "$(signed "$rs256" '{"sub":"grantlint-key","aud":'"$at_token"',"exp":'"$((now + 60))"',"jti":"no-iss-'"$now"'"}')"
assert 'no sub' "$(signed "$rs256" '{"iss":"grantlint-key","aud":'"$at_token"',"exp":'"$((now + 60))"',"jti":"no-sub-'"$now"'"}')"
assert 'exp an hour ago' "$(signed "$rs256" "$(claims "$at_token" $((now - 3600)))")"
assert 'exp as a text' "$(signed "$rs256" "$(claims "$at_token" "\"$((now + 60))\"")")"
assert 'exp in ten years' "$(signed "$rs256" "$(claims "$at_token" $((now + 315360000)))")"
assert 'nbf in an hour' "$(signed "$rs256" "$(claims "$at_token" $((now + 7200)) grantlint-key grantlint-key ",\"nbf\":$((now + 3600))")")"
assert 'iss: another client' "$(signed "$rs256" "$(claims "$at_token" $((now + 60)) grantlint)")"
assert 'iss and sub: a client without a key' "$(signed "$rs256" "$(claims "$at_token" $((now + 60)) grantlint grantlint)")"
assert 'iss and sub: nobody' "$(signed "$rs256" "$(claims "$at_token" $((now + 60)) nobody nobody)")"
once=$(signed "$rs256" "$(claims "$at_token")")
assert 'used once' "$once"
assert 'used twice' "$once"
good=$(signed "$rs256" "$(claims "$at_token")")
assert 'claims changed after signing' "${good%%.*}.$(claims "$at_token" | base64url).${good##*.}"
assert 'no signature, alg RS256' "${good%.*}."
assert 'alg none' "$(printf '{"alg":"none"}' | base64url).$(claims "$at_token" | base64url)."
assert 'alg HS256, signed by RS256' "$(signed '{"alg":"HS256"}' "$(claims "$at_token")")"
assert 'crit unknown' "$(signed '{"alg":"RS256","crit":["grantlint"],"grantlint":1}' "$(claims "$at_token")")"
assert 'no JWT at all' 'grantlint'
assert 'the same client_id' "$(signed "$rs256" "$(claims "$at_token")")" -d 'client_id=grantlint-key'
assert 'another client_id' "$(signed "$rs256" "$(claims "$at_token")")" -d 'client_id=grantlint'
assert 'beside Basic' "$(signed "$rs256" "$(claims "$at_token")")" -H "$client"
ask 'unknown client_assertion_type' -d "$grant&client_assertion_type=urn:example:grantlint&client_assertion=$(signed "$rs256" "$(claims "$at_token")")" "$token"
ask 'no client_assertion_type' -d "$grant&client_assertion=$(signed "$rs256" "$(claims "$at_token")")" "$token"
