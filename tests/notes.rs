//! Every interpretation note of the ledger is respected: by lawful dialects that trip nothing, or for a reason that is told here.
//!
//! The notes stand in `specs/requirements/README.md` and `EXTENSIONS.md`; the self-test holds that no variation trips a check.

use std::collections::BTreeSet;
use std::fs;

/// Note → variations that show it, or why none can.
const README: [(u32, &[&str], &str); 56] = [
    (1, &[], "how probes are made: the kill matrix shows what each fault trips"),
    (2, &["get-400", "get-401", "get-404", "get-404-in-json", "get-explained"], ""),
    (3, &["rate-limited", "rate-limited-by-503", "long-bodies-refused", "accept-required"], ""),
    (4, &["json-refused"], ""),
    (5, &["one-resource-at-a-time"], ""),
    (6, &["resource-indicators-ignored"], ""),
    (7, &[], "nothing is sent behind the last parameter"),
    (8, &["token-type-lower-case", "token-type-upper-case", "basic-challenge-with-lower-case-charset"], ""),
    (9, &["http-redirected"], ""),
    (10, &[], "a server with TLS 1.3 only is looked at in tests/wire_tls.rs"),
    (11, &["invalid-client-400-without-header", "invalid-client-401-without-header"], ""),
    (12, &["unknown-grant-unauthorized-client", "public-client-refused-as-unauthenticated"], ""),
    (13, &["body-credentials-refused", "client-registered-for-post"], ""),
    (14, &["basic-raw-only"], ""),
    (15, &[], "the conforming server takes an equal client_id beside Basic; two secrets are a warning"),
    (16, &["missing-credentials-invalid-request"], ""),
    (17, &[], "order and number of wrong secrets are held by tests/invariants"),
    (18, &["media-type-with-charset", "accept-required"], ""),
    (19, &["cache-control-among-others", "cache-control-in-two-lines"], ""),
    (20, &[], "Pragma missing beside no-store is a note"),
    (21, &["token-lives-a-day", "token-short-lived"], ""),
    (22, &["extra-members"], ""),
    (23, &["token-type-lower-case", "token-type-upper-case"], ""),
    (24, &["scope-words-in-another-order", "scope-always-named"], ""),
    (25, &["scope-narrowed-and-named"], ""),
    (26, &["refresh-token-kept"], ""),
    (27, &["body-pretty", "metadata-byte-order-mark"], ""),
    (28, &["token-opaque"], ""),
    (29, &["unknown-grant-unauthorized-client"], ""),
    (30, &["errors-described"], ""),
    (31, &["errors-with-extra-members"], ""),
    (32, &[], "another code for a missing grant_type is a warning"),
    (33, &["grants-of-users"], ""),
    (34, &["one-resource-at-a-time"], ""),
    (35, &[], "a walk is driven through the login before anything is judged"),
    (36, &[], "the conforming server shows a page for a bad client or redirect URI"),
    (37, &["redirect-by-page", "redirect-with-302", "web-message-offered"], ""),
    (38, &["redirect-uri-required"], ""),
    (39, &[], "parameters are compared after decoding"),
    (40, &[], "the conforming server has no implicit grant"),
    (41, &[], "every probe of a code has a fresh one (`single_use`)"),
    (42, &["pkce-required"], ""),
    (43, &[], "a bare challenge is a warning"),
    (44, &["challenges-in-one-line", "challenges-in-two-lines"], ""),
    (45, &["resource-hidden"], ""),
    (46, &[], "an error without credentials is a warning"),
    (47, &["insufficient-scope-without-challenge", "insufficient-scope-unnamed", "resource-hidden"], ""),
    (48, &["token-in-query-taken"], ""),
    (49, &[], "a resource that answers without a token is told by rfc6750/resource-open, and proves nothing else"),
    (50, &["revocation-204", "revocation-with-body"], ""),
    (51, &["revocation-quiet", "revocation-foreign-forbidden"], ""),
    (52, &["revocation-of-refresh-tokens-only"], ""),
    (53, &["introspection-by-bearer-token", "introspection-not-for-clients"], ""),
    (54, &["introspection-for-resource-servers"], ""),
    (55, &["introspection-with-all-members"], ""),
    (56, &["introspection-by-get"], ""),
];

/// The same for the extensions.
const EXTENSIONS: [(u32, &[&str], &str); 52] = [
    (1, &["assertion-audience-issuer", "assertion-audience-endpoint"], ""),
    (2, &["refresh-token-kept"], ""),
    (3, &[], "the reuse of a rotated token is asked a minute and a half later"),
    (4, &["body-credentials-refused", "client-registered-for-post"], ""),
    (5, &[], "another redirect URI at the token endpoint is always wrong; a missing one is not judged"),
    (6, &[], "pushed requests are not sent"),
    (7, &["client-key-p256", "client-key-rsa"], ""),
    (8, &[], "request objects are not sent"),
    (9, &[], "request objects are not sent"),
    (10, &[], "an error that is redirected before the login is not judged"),
    (11, &["token-in-query-taken"], ""),
    (12, &[], "the implicit grant is a warning, and only where it is granted"),
    (13, &["metadata-of-an-issuer-with-a-path"], ""),
    (14, &["metadata-openid-appended", "metadata-openid-inserted", "metadata-openid-without-path"], ""),
    (15, &[], "a missing announcement of PKCE is a warning; missing PKCE is shown by a flow"),
    (16, &["metadata-without-response-types", "metadata-authorization-endpoint-unused"], ""),
    (17, &["metadata-with-client-assertions"], ""),
    (18, &["metadata-with-extra-members"], ""),
    (19, &[], "an absent list of grants is a note"),
    (20, &["metadata-with-iss-flag"], ""),
    (21, &["invalid-client-400-without-header", "invalid-client-401-without-header"], ""),
    (22, &[], "either error is taken for two methods with an assertion"),
    (23, &[], "another code than the expected one is a check of its own, a warning"),
    (24, &["assertion-used-once"], ""),
    (25, &[], "proofs of possession are not sent"),
    (26, &[], "proofs of possession are not sent"),
    (27, &[], "proofs of possession are not sent"),
    (28, &["assertion-life-limited"], ""),
    (
        29,
        &[],
        "a server that hands out one token several times has its fault, practice/token-reissued, and trips nothing else",
    ),
    (30, &["token-own-layout", "token-opaque"], ""),
    (31, &["audience-mapped", "audience-mapped-of-opaque-tokens"], ""),
    (32, &["token-lives-a-day", "token-short-lived"], ""),
    (33, &[], "307 is judged in answer to credentials only"),
    (34, &[], "a walk is driven through the login before anything is judged"),
    (35, &[], "the conforming server takes any port of a loopback address"),
    (36, &[], "either header is enough, on pages only"),
    (37, &["cors-offered"], ""),
    (38, &[], "pushed requests are not sent"),
    (39, &[], "the conforming server remembers consent"),
    (40, &[], "client certificates are not sent"),
    (41, &[], "resource metadata is not looked at"),
    (42, &[], "proofs of possession are not sent"),
    (43, &["revocation-of-refresh-tokens-only"], ""),
    (44, &[], "the device flow is not played"),
    (45, &[], "registration is not played"),
    (46, &["rate-limited", "rate-limited-by-503"], ""),
    (47, &[], "held by tests/invariants"),
    (48, &[], "one request, with a user who cannot exist"),
    (49, &[], "registration is not played"),
    (50, &[], "what spoils goes last within its story"),
    (51, &["forwarded-fields-refused"], ""),
    (52, &[], "no server is sent to any listener"),
];

/// The numbers of the notes on a page.
fn notes(page: &str) -> BTreeSet<u32> {
    let path = format!("{}/specs/requirements/{page}.md", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(path).unwrap();
    let notes = text.split("## Interpretation notes").nth(1).unwrap().split("\n## ").next().unwrap();
    notes.lines().filter_map(|line| line.split_once(". ")?.0.parse().ok()).collect()
}

#[test]
fn every_note_has_a_lawful_dialect_or_a_reason() {
    let fixtures = grantlint::suite::fixtures();
    for (page, held) in [("README", README.as_slice()), ("EXTENSIONS", EXTENSIONS.as_slice())] {
        let named: BTreeSet<u32> = held.iter().map(|(note, ..)| *note).collect();
        assert_eq!(named, notes(page), "{page}");
        for (note, variations, reason) in held {
            assert!(variations.is_empty() != reason.is_empty(), "{page} {note}: variations or a reason");
            for variation in *variations {
                assert!(fixtures["variations"].contains_key(*variation), "{page} {note}: no variation `{variation}`");
            }
        }
    }
}
