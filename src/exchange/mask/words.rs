//! Words that stand in every exchange. A value that is one of them cannot be hidden by searching for it.

use std::sync::LazyLock;

/// The vocabulary of requests, answers and exchange documents, in lower case and order.
const WORDS: &[&str] = &[
    "access_denied",
    "access_token",
    "active",
    "admin",
    "all",
    "answer",
    "answered",
    "application",
    "assertion",
    "at",
    "aud",
    "authorization",
    "basic",
    "bearer",
    "body",
    "bound",
    "cache-control",
    "challenge",
    "challenges",
    "charset",
    "claims",
    "client",
    "client_credentials",
    "client_id",
    "client_secret",
    "close",
    "code",
    "connection",
    "content-length",
    "content-type",
    "control",
    "crash",
    "date",
    "description",
    "echoes",
    "encode",
    "endpoint",
    "error",
    "error_description",
    "error_uri",
    "essence",
    "exp",
    "expires_in",
    "form",
    "get",
    "grant_type",
    "head_length",
    "header",
    "header_order",
    "headers",
    "host",
    "http",
    "https",
    "iat",
    "id",
    "id_token",
    "invalid",
    "invalid_client",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_token",
    "insufficient_scope",
    "iss",
    "issuer",
    "json",
    "jti",
    "jwt",
    "kid",
    "length",
    "let",
    "location",
    "login",
    "mac",
    "media_type",
    "message",
    "method",
    "name",
    "no-cache",
    "no-store",
    "none",
    "null",
    "outcome",
    "page",
    "params",
    "password",
    "post",
    "pragma",
    "query",
    "realm",
    "redirect",
    "refresh_token",
    "request",
    "resource",
    "response",
    "retry-after",
    "scheme",
    "scope",
    "secret",
    "server",
    "server_error",
    "status",
    "sub",
    "success",
    "target",
    "temporarily_unavailable",
    "test",
    "text",
    "timing",
    "title",
    "token",
    "token_endpoint",
    "token_type",
    "true",
    "false",
    "type",
    "typ",
    "alg",
    "unauthorized_client",
    "unsupported_grant_type",
    "url",
    "user",
    "username",
    "utf8",
    "value",
    "values",
    "www-authenticate",
];

/// The words by their length: every member name and value of every document is looked up here.
static BY_LENGTH: LazyLock<Vec<Vec<&str>>> = LazyLock::new(|| {
    let mut all = Vec::new();
    for word in WORDS {
        if all.len() <= word.len() {
            all.resize(word.len() + 1, Vec::new());
        }
        all[word.len()].push(*word);
    }
    all
});

/// Whether the value is a word of that vocabulary, in any letter case.
pub(super) fn is_word(value: &str) -> bool {
    BY_LENGTH.get(value.len()).is_some_and(|words| words.iter().any(|word| value.eq_ignore_ascii_case(word)))
}

/// Members and parameters whose values a server issues, in lower case without `_` and `-`.
const ISSUED: [&str; 10] = [
    "accesstoken",
    "refreshtoken",
    "idtoken",
    "devicecode",
    "usercode",
    "assertion",
    "token",
    "code",
    "clientsecret",
    "registrationaccesstoken",
];

/// Whether a member or parameter of this name holds what a server issued: `access_token`, but also `accessToken`,
/// `X-Access-Token`.
pub(super) fn names_issued(name: &str) -> bool {
    // Each of them ends in one of these letters, most other names do not.
    if !name.ends_with(['e', 'n', 't', 'E', 'N', 'T', '_', '-']) {
        return false;
    }
    let plain: String = name.chars().filter(|c| *c != '_' && *c != '-').map(|c| c.to_ascii_lowercase()).collect();
    let plain = plain.strip_prefix('x').filter(|rest| ISSUED.contains(rest)).unwrap_or(&plain);
    ISSUED.contains(&plain)
}

/// The same for numbers: an error `code` is often one, and no secret.
pub(super) fn names_issued_number(name: &str) -> bool {
    names_issued(name) && !name.eq_ignore_ascii_case("code")
}
