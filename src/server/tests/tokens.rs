//! What the resource makes of JWTs, and what token exchange makes of what it is given: one forgotten rule each.

use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use ring::rsa::PublicKeyComponents;
use ring::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject as _;
use serde_json::{Value, json};

use super::super::{Policy, Rule};
use super::*;
use crate::clock::Clock as _;

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// A token with another header, signed by `sign`.
fn under(token: &str, header: &Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", encoded(header), token.split('.').nth(1).unwrap());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(sign(message.as_bytes())))
}

fn foreign(server: &AuthorizationServer, name: &str) -> String {
    server.target()["resource"][name].as_str().unwrap().to_owned()
}

/// The token that a resource without `rule` takes, and no other does.
fn forged(server: &AuthorizationServer, rule: Rule) -> String {
    let token = token(server, "invoices.write");
    let parts: Vec<&str> = token.split('.').collect();
    let none = |alg: &str| under(&token, &json!({ "alg": alg, "typ": "at+jwt" }), |_| Vec::new());
    match rule {
        Rule::ResourceSignatureChecked => format!("{}.{}.{}", parts[0], parts[1], URL_SAFE_NO_PAD.encode([7; 64])),
        Rule::ResourceSignatureRequired => format!("{}.{}.", parts[0], parts[1]),
        Rule::ResourceUnsignedRefused => none("none"),
        Rule::ResourceUnsignedAnyCase => none("NonE"),
        Rule::ResourceMacRefused => {
            let header = json!({ "alg": "HS256", "typ": "at+jwt", "kid": "grantlint-rsa" });
            let key = hmac::Key::new(hmac::HMAC_SHA256, include_bytes!("../keys/tokens-public.pem"));
            under(&token, &header, |message| hmac::sign(&key, message).as_ref().to_vec())
        }
        Rule::ResourceHeaderKeyIgnored => {
            let der = PrivatePkcs8KeyDer::from_pem_slice(include_bytes!("../../exchange/forger.pem")).unwrap();
            let key = RsaKeyPair::from_pkcs8(der.secret_pkcs8_der()).unwrap();
            let public = PublicKeyComponents::<Vec<u8>>::from(key.public());
            let jwk =
                json!({ "kty": "RSA", "n": URL_SAFE_NO_PAD.encode(public.n), "e": URL_SAFE_NO_PAD.encode(public.e) });
            under(&token, &json!({ "alg": "RS256", "typ": "at+jwt", "jwk": jwk }), |message| {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
                signature
            })
        }
        Rule::ResourceUnknownKeyRefused => {
            under(&token, &json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "x" }), |_| vec![7; 64])
        }
        Rule::ResourceIssuerChecked => foreign(server, "foreign_issuer_token"),
        Rule::ResourceAudienceChecked => foreign(server, "foreign_audience_token"),
        Rule::ResourceTypeChecked => foreign(server, "foreign_type_token"),
        _ => panic!("{rule} is not about JWTs"),
    }
}

#[test]
fn each_step_of_a_verification_refuses_what_the_others_let_pass() {
    let rules = [
        Rule::ResourceSignatureChecked,
        Rule::ResourceSignatureRequired,
        Rule::ResourceUnsignedRefused,
        Rule::ResourceUnsignedAnyCase,
        Rule::ResourceMacRefused,
        Rule::ResourceHeaderKeyIgnored,
        Rule::ResourceUnknownKeyRefused,
        Rule::ResourceIssuerChecked,
        Rule::ResourceAudienceChecked,
        Rule::ResourceTypeChecked,
    ];
    for rule in rules {
        for (dialect, status) in [(Dialect::default(), 401), (Dialect::of(&[rule], &[]), 200)] {
            let (server, _) = server(dialect);
            let sent = format!("authorization: Bearer {}", forged(&server, rule));
            assert_eq!(server.answer(&request("POST", "/invoices", &[&sent], "")).reply.status, status, "{rule}");
        }
    }
    let (server, _) = server(Dialect::of(&[Rule::ResourceUnsignedHandled], &[]));
    let sent = format!("authorization: Bearer {}", forged(&server, Rule::ResourceUnsignedRefused));
    assert_eq!(server.answer(&request("POST", "/invoices", &[&sent], "")).reply.status, 500);
}

#[test]
fn a_good_token_that_was_forgotten_is_taken_by_its_signature() {
    for policies in [vec![], vec![Policy::TokenRs256], vec![Policy::TokenOwnLayout]] {
        let (issuer, _) = server(Dialect::of(&[], &policies));
        let (another, _) = server(Dialect::of(&[], &policies));
        let sent = format!("authorization: Bearer {}", token(&issuer, "invoices.write"));
        let status = another.answer(&request("POST", "/invoices", &[&sent], "")).reply.status;
        assert_eq!(status, 200, "{policies:?}");
    }
}

const GRANT: &str = "grant_type=urn:ietf:params:oauth:grant-type:token-exchange";
const TYPE: &str = "subject_token_type=urn:ietf:params:oauth:token-type:access_token";

fn exchange_of(server: &AuthorizationServer, more: &str) -> Answer {
    server.answer(&form("/token", &basic(PAIR), &format!("{GRANT}&{more}")))
}

#[test]
fn an_exchange_gives_another_token_with_the_scope_of_the_subject() {
    let (server, _) = server(Dialect::default());
    let subject = token(&server, "invoices.write");
    let answer = exchange_of(&server, &format!("subject_token={subject}&{TYPE}"));
    let issued = member(&answer, "access_token").unwrap();
    let expected = format!(
        "token.exchanged 200 {{\"access_token\":{issued},\"token_type\":\"Bearer\",\"expires_in\":3600,\
         \"issued_token_type\":\"urn:ietf:params:oauth:token-type:access_token\"}}"
    );
    assert_eq!(line(&answer), expected);
    assert_eq!(header(&answer, "cache-control"), Some("no-store"));
    assert_eq!(claims(issued.as_str().unwrap())["scope"], "invoices.write");
    assert_ne!(issued, subject);
    let wider = exchange_of(&server, &format!("subject_token={subject}&{TYPE}&scope=admin"));
    assert_eq!(line(&wider), "error.exchange 400 {\"error\":\"invalid_scope\"}");
}

#[test]
fn each_rule_of_an_exchange_refuses_one_request() {
    let actor = "actor_token_type=urn:ietf:params:oauth:token-type:access_token";
    let table: [(Rule, &str); 13] = [
        (Rule::ExchangeSubjectRequired, "TYPE"),
        (Rule::ExchangeSubjectTypeRequired, "subject_token=GOOD"),
        (
            Rule::ExchangeSubjectTypeChecked,
            "subject_token=GOOD&subject_token_type=urn:ietf:params:oauth:token-type:id_token",
        ),
        (Rule::ExchangeSubjectKnown, "subject_token=invented&TYPE"),
        (Rule::ExchangeSignatureChecked, "subject_token=FORGED&TYPE"),
        (Rule::ExchangeIssuerChecked, "subject_token=FOREIGN&TYPE"),
        (Rule::ExchangeExpiryChecked, "subject_token=EXPIRED&TYPE"),
        (Rule::ExchangeRevocationChecked, "subject_token=REVOKED&TYPE"),
        (Rule::ExchangeActorTypeRequired, "subject_token=GOOD&TYPE&actor_token=GOOD"),
        (Rule::ExchangeActorTypeAlone, "subject_token=GOOD&TYPE&ACTOR"),
        (Rule::ExchangeActorKnown, "subject_token=GOOD&TYPE&actor_token=invented&ACTOR"),
        (Rule::ExchangeResourceForm, "subject_token=GOOD&TYPE&resource=invoices"),
        (Rule::ExchangeTargetKnown, "subject_token=GOOD&TYPE&audience=nobody"),
    ];
    for (rule, asked) in table {
        for (dialect, granted) in [(Dialect::default(), false), (Dialect::of(&[rule], &[]), true)] {
            let (server, clock) = server(dialect);
            let expired = token(&server, "invoices.write");
            clock.jump_to(NOW_MS + 3_600_000);
            let revoked = token(&server, "invoices.write");
            let _ = server.answer(&form("/revoke", &basic(PAIR), &format!("token={revoked}")));
            let asked = asked
                .replace("GOOD", &token(&server, "invoices.write"))
                .replace("FORGED", &forged(&server, Rule::ResourceSignatureChecked))
                .replace("FOREIGN", &foreign(&server, "foreign_issuer_token"))
                .replace("EXPIRED", &expired)
                .replace("REVOKED", &revoked)
                .replace("ACTOR", actor)
                .replace("TYPE", TYPE);
            let answer = exchange_of(&server, &asked);
            assert_eq!(answer.reply.name == "token.exchanged", granted, "{rule}: {}", line(&answer));
        }
    }
}

#[test]
fn an_actor_is_named_in_the_token() {
    let acts = [
        (Dialect::default(), json!({ "sub": "gl" })),
        (Dialect::of(&[Rule::ExchangeActObject], &[]), json!("gl")),
        (Dialect::of(&[Rule::ExchangeActIdentityOnly], &[]), json!({ "sub": "gl", "exp": NOW_MS / 1000 + 3600 })),
        (Dialect::of(&[], &[Policy::ExchangeWithoutActor]), Value::Null),
    ];
    for (dialect, act) in acts {
        let (server, _) = server(dialect);
        let good = token(&server, "invoices.write");
        let actor = TYPE.replace("subject", "actor");
        let answer = exchange_of(&server, &format!("subject_token={good}&{TYPE}&actor_token={good}&{actor}"));
        assert_eq!(claims(member(&answer, "access_token").unwrap().as_str().unwrap())["act"], act);
    }
}

#[test]
fn what_is_no_access_token_is_called_so() {
    for (skip, expected) in [(vec![], "N_A"), (vec![Rule::ExchangeTypeNa], "Bearer")] {
        let (server, _) = server(Dialect::of(&skip, &[Policy::ExchangeIdToken]));
        let wanted = "requested_token_type=urn:ietf:params:oauth:token-type:id_token";
        let asked = format!("subject_token={}&{TYPE}&{wanted}", token(&server, "invoices.write"));
        assert_eq!(member(&exchange_of(&server, &asked), "token_type"), Some(expected.into()));
    }
}

#[test]
fn a_subject_token_stays_as_it_is() {
    for (skip, status) in [(vec![], 200), (vec![Rule::ExchangeSubjectSurvives], 401)] {
        let (server, _) = server(Dialect::of(&skip, &[]));
        let good = token(&server, "invoices.write");
        let _ = exchange_of(&server, &format!("subject_token={good}&{TYPE}"));
        let sent = format!("authorization: Bearer {good}");
        assert_eq!(server.answer(&request("POST", "/invoices", &[&sent], "")).reply.status, status);
    }
}

#[test]
fn tokens_for_another_resource_are_for_it_alone() {
    for (skip, audience) in [(vec![], "http://as/orders"), (vec![Rule::TokenAudienceByScope], "http://as")] {
        let (server, _) = server(Dialect::of(&skip, &[]));
        assert_eq!(claims(&token(&server, "orders.read"))["aud"], audience);
    }
    for (skip, name) in [(vec![], "error.invalid_scope"), (vec![Rule::ScopeOneResource], "token.issued")] {
        let (server, _) = server(Dialect::of(&skip, &[]));
        assert_eq!(server.answer(&token_request("&scope=invoices.read+orders.read")).reply.name, name);
    }
}

#[test]
fn what_a_server_says_of_itself_in_tokens_can_be_wrong_in_one_way_each() {
    let (plain, _) = server(Dialect::default());
    assert_eq!(claims(&token(&plain, "invoices.write"))["iss"], plain.target()["issuer"]);
    let (server, _) = server(Dialect::of(&[Rule::TokenIssuerAnnounced, Rule::TokenSubjectStable], &[]));
    let (one, other) = (claims(&token(&server, "invoices.write")), claims(&token(&server, "invoices.write")));
    assert_eq!(one["iss"], "http://as/");
    assert_ne!(one["sub"], other["sub"]);
}
