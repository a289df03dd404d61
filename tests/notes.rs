//! Every interpretation note of the ledger is respected: by lawful dialects that trip nothing, or for a reason that is told here.
//!
//! The notes stand in `specs/requirements/README.md` and `EXTENSIONS.md`; the self-test holds that no variation trips a check,
//! save warnings that the variation names.

use std::collections::BTreeSet;
use std::fs;

use grantlint::mutation::{self, Extent, Subject};
use grantlint::server::Variation;
use grantlint::suite;

/// Note → variations that show it, or why none can.
const README: [(u32, &[&str], &str); 56] = [
    (1, &["grant-type-checked-first"], ""),
    (2, &["get-400", "get-401", "get-404", "get-404-in-json", "get-explained"], ""),
    (3, &["rate-limited", "rate-limited-by-503", "long-bodies-refused", "accept-required"], ""),
    (4, &["json-refused"], ""),
    (5, &["one-resource-at-a-time"], ""),
    (6, &["resource-indicators-ignored"], ""),
    (7, &["trailing-data-refused"], ""),
    (8, &["token-type-lower-case", "token-type-upper-case", "basic-challenge-with-lower-case-charset"], ""),
    (9, &["http-redirected"], ""),
    (10, &["tls-1.3-only"], ""),
    (11, &["invalid-client-400-without-header", "invalid-client-401-without-header"], ""),
    (12, &["unknown-grant-unauthorized-client", "public-client-refused-as-unauthenticated"], ""),
    (13, &["body-credentials-refused", "client-registered-for-post"], ""),
    (14, &["basic-raw-only"], ""),
    (15, &["two-methods-secret-ignored", "two-methods-invalid-client"], ""),
    (16, &["missing-credentials-invalid-request"], ""),
    (17, &["client-locked-after-three-guesses"], ""),
    (18, &["media-type-with-charset", "accept-required"], ""),
    (19, &["cache-control-among-others", "cache-control-in-two-lines"], ""),
    (20, &["pragma-absent"], ""),
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
    (32, &["missing-grant-type-unsupported"], ""),
    (33, &["grants-of-users", "pkce-failure-invalid-request"], ""),
    (34, &["one-resource-at-a-time"], ""),
    (35, &["login-before-everything", "errors-after-login"], ""),
    (36, &["error-page-200", "error-page-401", "error-page-403", "error-page-404", "error-page-elsewhere"], ""),
    (
        37,
        &[
            "redirect-by-page",
            "redirect-by-script",
            "redirect-with-302",
            "redirect-with-303",
            "redirect-with-further-parameters",
            "web-message-offered",
        ],
        "",
    ),
    (38, &["redirect-uri-required"], ""),
    (39, &["state-escaped-in-small-letters"], ""),
    (40, &["implicit-refused-as-unauthorized", "implicit-refused-in-fragment"], ""),
    (41, &["tokens-outlive-replayed-code", "code-burnt-by-failure"], ""),
    (42, &["pkce-required"], ""),
    (43, &["challenge-bare"], ""),
    (44, &["challenges-in-one-line", "challenges-in-two-lines"], ""),
    (45, &["resource-hidden"], ""),
    (46, &["challenge-names-error-without-token"], ""),
    (47, &["insufficient-scope-without-challenge", "insufficient-scope-unnamed", "resource-hidden"], ""),
    (48, &["token-in-query-taken"], ""),
    (49, &["resource-reading-public"], ""),
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
    (3, &["refresh-reuse-interval"], ""),
    (4, &["body-credentials-refused", "client-registered-for-post"], ""),
    (5, &["redirect-uri-not-asked-for-again"], ""),
    (6, &[], "pushed requests are not sent"),
    (7, &["client-key-p256", "client-key-rsa"], ""),
    (8, &[], "request objects are not sent"),
    (9, &[], "request objects are not sent"),
    (10, &["errors-after-login", "login-before-everything"], ""),
    (11, &["token-in-query-taken"], ""),
    (12, &["implicit-announced"], ""),
    (13, &["metadata-of-an-issuer-with-a-path"], ""),
    (14, &["metadata-openid-appended", "metadata-openid-inserted", "metadata-openid-without-path"], ""),
    (15, &["pkce-not-announced"], ""),
    (16, &["metadata-without-response-types", "metadata-authorization-endpoint-unused"], ""),
    (17, &["metadata-with-client-assertions", "implicit-announced"], ""),
    (18, &["metadata-with-extra-members"], ""),
    (19, &["grants-not-announced"], ""),
    (20, &["metadata-with-iss-flag"], ""),
    (21, &["invalid-client-400-without-header", "invalid-client-401-without-header"], ""),
    (22, &["two-methods-invalid-client"], ""),
    (23, &["pkce-failure-invalid-request", "exchange-invalid-grant", "unknown-scope-invalid-request"], ""),
    (24, &["assertion-used-once"], ""),
    (25, &[], "proofs of possession are not sent"),
    (26, &[], "proofs of possession are not sent"),
    (27, &[], "proofs of possession are not sent"),
    (28, &["assertion-life-limited"], ""),
    (29, &["token-handed-out-again"], ""),
    (30, &["token-own-layout", "token-opaque"], ""),
    (31, &["audience-mapped", "audience-mapped-of-opaque-tokens"], ""),
    (32, &["token-lives-a-day", "token-short-lived"], ""),
    (33, &["authorization-endpoint-moved-307", "authorization-endpoint-moved-308", "http-redirected"], ""),
    (34, &["login-before-everything", "errors-after-login"], ""),
    (35, &["localhost-compared-whole", "loopback-of-ipv6"], ""),
    (36, &["frame-options-alone", "frame-ancestors-alone"], ""),
    (37, &["cors-offered"], ""),
    (38, &[], "pushed requests are not sent"),
    (39, &["consent-never-asked", "consent-remembered"], ""),
    (40, &[], "client certificates are not sent"),
    (41, &[], "resource metadata is not looked at"),
    (42, &[], "proofs of possession are not sent"),
    (43, &["revocation-of-refresh-tokens-only"], ""),
    (44, &[], "the device flow is not played"),
    (45, &[], "registration is not played"),
    (46, &["rate-limited", "rate-limited-by-503"], ""),
    (47, &["client-locked-after-three-guesses"], ""),
    (48, &["unknown-grant-unauthorized-client"], ""),
    (49, &[], "registration is not played"),
    (50, &["replay-revokes-grant"], ""),
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
    let fixtures = suite::fixtures();
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

/// What a variation may be told: warnings that it names, and nothing else.
#[test]
fn what_is_lawful_may_get_warnings_that_it_names() {
    let catalogue = suite::embedded();
    let remarked = |id: &str, server: serde_json::Value| {
        let mut file = serde_json::json!({ "behaviour": "under test", "source": "RFC 6749 §5.1" });
        file.as_object_mut().unwrap().extend(server.as_object().unwrap().clone());
        let variation: Variation = serde_json::from_value(file).unwrap();
        Subject { id: id.to_owned(), lawful: true, fault: variation.into(), check: None }
    };
    let (open, pragma) = ("rfc6750/resource-open", "rfc6749/pragma-missing");
    let because = |check: &str| serde_json::json!({ check: "under test" });
    let subjects = [
        remarked("named", serde_json::json!({ "policy": "pragma.absent", "may_warn": because(pragma) })),
        remarked("unnamed", serde_json::json!({ "policy": "pragma.absent" })),
        remarked("stale", serde_json::json!({ "may_warn": because(pragma) })),
        remarked("error", serde_json::json!({ "skip": "resource.token_required", "may_warn": because(open) })),
    ];
    let outcomes = mutation::selftest(&catalogue, &["all".to_owned()], &subjects, Extent::Own).unwrap();
    let complaints = |id: &str| outcomes.iter().find(|outcome| outcome.id == id).unwrap().complaints.join("\n");
    assert_eq!(complaints("named"), "");
    assert!(complaints("unnamed").starts_with("trips `rfc6749/pragma-missing`, although it is lawful"));
    assert_eq!(complaints("stale"), "`may_warn` names `rfc6749/pragma-missing`, which says nothing");
    assert_eq!(complaints("error"), "`may_warn` names `rfc6750/resource-open`, which is an error");
}
