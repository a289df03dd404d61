//! Lawful choices of an authorization server, by name. A conforming server may make any of them.

use super::names::words;

words! {
    /// A choice that the standards leave to the server; off unless a variation switches it on.
    "policy" Policy {
        ScopeNarrow = "scope.narrow": "scopes that cannot be granted are dropped, and the answer names what was granted (RFC 6749 §3.3)",
        ScopeAlwaysReported = "scope.always_reported": "the answer always names the scope (RFC 6749 §5.1: optional if identical)",
        ScopeOmittedWhenSame = "scope.omitted_when_same": "the scope is left out when it is the requested one; the default (RFC 6749 §5.1)",
        ErrorPost400 = "error.post_400": "invalid_client without an Authorization header has status 400; the default (RFC 6749 §5.2)",
        ErrorPost401 = "error.post_401": "invalid_client without an Authorization header has status 401 and a challenge (RFC 6749 §5.2, RFC 9110 §15.5.2)",
        ErrorDescribed = "error.described": "errors carry error_description and error_uri (RFC 6749 §5.2)",
        BasicRawOnly = "basic.raw_only": "the Basic pair is taken as it is, without form-decoding (RFC 7617 §2)",
        BasicDecodedOnly = "basic.decoded_only": "the Basic pair is form-decoded and the raw pair is not tried (RFC 6749 §2.3.1)",
        JsonRefused = "json.refused": "JSON bodies are refused with invalid_request (RFC 6749 §4.4.2 knows forms only)",
        TokenJwt = "token.jwt": "access tokens are signed JWTs; the default (RFC 6749 §1.4, RFC 7519)",
        TokenOpaque = "token.opaque": "access tokens are random strings without meaning (RFC 6749 §1.4)",
        TokenShortLived = "token.short_lived": "access tokens live five seconds (RFC 6750 §5.3)",
        RateLimited = "rate.limited": "after the first refused secret every token request is answered 429 with Retry-After: 1 (RFC 6585 §4)",
        RateLimitedAlways = "rate.limited_always": "every token request is answered 429 with Retry-After: 1 (RFC 6585 §4)",
        Get404 = "get.404": "GET at the token endpoint is answered 404 (RFC 9110 §15.5.5)",
        Get400 = "get.400": "GET at the token endpoint is answered 400 invalid_request (RFC 6749 §5.2)",
        Get401 = "get.401": "GET at the token endpoint is answered 401 invalid_client (RFC 6749 §5.2)",
        MediaType415 = "media_type.415": "a body of a foreign media type is answered 415 instead of 400 (RFC 9110 §15.5.16)",
        MediaTypeCharset = "media_type.charset": "answers are of type application/json;charset=UTF-8, as in the examples of RFC 6749 §5.1",
        CacheExtra = "cache.extra": "no-store stands among other cache directives, with Expires beside it (RFC 9111 §5.2.2)",
        PragmaAbsent = "pragma.absent": "Pragma is not sent beside Cache-Control: no-store (RFC 9111 §5.4 deprecates it)",
        HeadersLower = "headers.lower": "header names are sent in lower case; the default (RFC 9110 §5.1)",
        HeadersTitle = "headers.title": "header names are sent in title case (RFC 9110 §5.1)",
        ExpiresInAbsent = "expires_in.absent": "expires_in is left out; the life of tokens is documented elsewhere (RFC 6749 §5.1)",
        ExtraMembers = "extra_members": "answers carry members that the standard does not know (RFC 6749 §5.1)",
        DuplicatesSameAccepted = "duplicates.same_accepted": "a parameter that is repeated with an equal value is accepted (field practice)",
        TwoMethodsHeaderWins = "two_methods.header_wins": "with two authentication methods the header is used (RFC 6749 §2.3 binds the client)",
        MissingGrantUnsupported = "missing_grant.unsupported": "a missing grant_type is answered unsupported_grant_type (RFC 6749 §5.2 leaves room)",
        MissingAuthInvalidRequest = "missing_auth.invalid_request": "a request without any client_id is answered invalid_request (RFC 6749 §5.2)",
        UnknownGrantUnauthorizedClient = "unknown_grant.unauthorized_client": "the registration is looked at first: an unknown grant is answered unauthorized_client (RFC 6749 §5.2)",
        ChallengesSeveral = "challenges.several": "challenges of both Bearer and Basic stand in one line (RFC 9110 §11.6.1)",
        Resource404Hidden = "resource.404_hidden": "a resource that the token may not reach is answered 404 (RFC 9110 §15.5.4)",
        BodyPretty = "body.pretty": "JSON is indented and ends with a newline (RFC 8259 §2)",
        JsonCase = "json.case": "token_type is spelt `bearer` (RFC 6749 §5.1: no case)",
        JsonCaseUpper = "json.case_upper": "token_type is spelt `BEARER` (RFC 6749 §5.1: no case)",
        Chunked = "chunked": "answers are sent with chunked transfer coding (RFC 9112 §7.1)",
        KeepaliveClosed = "keepalive.closed": "every answer closes its connection (RFC 9112 §9.6)",
        AcceptRequired = "accept.required": "a request whose Accept header has no room for JSON is answered 406 (RFC 9110 §15.5.7)",
        RevokeQuiet = "revoke.quiet": "revoking the token of another client is answered 200 and does nothing (RFC 7009 §2.2)",
        IntrospectionExtra = "introspection.extra": "introspection tells more members than the standard knows (RFC 7662 §2.2)",
    }
}
