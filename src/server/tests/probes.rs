//! A fixed set of requests that together touch every rule and every choice.

use super::*;
use crate::clock::Clock as _;

/// One request of the set.
pub(super) struct Probe {
    /// What is asked.
    pub(super) name: &'static str,
    pub(super) request: Request,
}

/// The set, with tokens that this server has issued, one of them expired.
pub(super) fn probes(server: &AuthorizationServer, clock: &ManualClock) -> Vec<Probe> {
    let expired = token(server, "invoices.write");
    clock.jump_to(clock.now_ms() + 3_600_000);
    let (write, read, revoked) =
        (token(server, "invoices.write"), token(server, "invoices.read"), token(server, "invoices.write"));
    let (hinted, oddly_hinted) = (token(server, "invoices.write"), token(server, "invoices.write"));
    let archive = token(server, "invoices.write&resource=http://as/archive");
    let forged = format!("{}.AAAA", write.rsplit_once('.').map_or("x.y", |(message, _)| message));
    let long = "x".repeat(8192);
    let b = basic(PAIR);
    let second = basic("gl2:0ther-s3cret");
    let ask = |authorization: &str, body: &str| form("/token", authorization, body);
    let json = |body| request("POST", "/token", &[&b, "content-type: application/json"], body);
    let register = |body| request("POST", "/register", &["content-type: application/json"], body);
    let at = |method, target: &str, header: &str| {
        let headers: Vec<&str> = (!header.is_empty()).then_some(header).into_iter().collect();
        request(method, target, &headers, "")
    };
    let bearer = |token: &str| at("POST", "/invoices", &format!("authorization: Bearer {token}"));
    let about = |path, authorization: &str, token: &str| form(path, authorization, &format!("token={token}"));
    let post = "client_id=gl&client_secret=s3cret:~~?~%2B/%25&grant_type=client_credentials";
    let all: Vec<(&'static str, Request)> = vec![
        ("ordinary", token_request("")),
        ("ordinary once more", token_request("")),
        ("basic, url-safe", ask(&url_safe(PAIR), "grant_type=client_credentials")),
        ("basic, form-encoded", ask(&basic("g%6C:s3cret%3A%7E%7E%3F%7E%2B%2F%25"), "grant_type=client_credentials")),
        ("basic, lower case", ask(&b.replace("Basic", "basic"), "grant_type=client_credentials")),
        ("basic, malformed", ask("authorization: Basic %%%", "grant_type=client_credentials")),
        ("another scheme", ask("authorization: Token abc", "grant_type=client_credentials")),
        ("client_id beside basic", token_request("&client_id=gl")),
        ("secret beside basic", token_request("&client_id=gl&client_secret=s3cret")),
        ("body credentials", ask("", post)),
        ("query credentials", {
            let body = "grant_type=client_credentials";
            Request { query: "client_id=gl2&client_secret=0ther-s3cret".to_owned(), ..ask("", body) }
        }),
        ("no secret", ask("", "client_id=gl&grant_type=client_credentials")),
        ("no credentials", ask("", "grant_type=client_credentials")),
        ("public client", ask("", "client_id=pub&grant_type=client_credentials")),
        ("get", at("GET", "/token?grant_type=client_credentials", &b)),
        (
            "cache-control",
            request(
                "POST",
                "/token",
                &[&b, "content-type: application/x-www-form-urlencoded", "cache-control: no-cache"],
                "grant_type=client_credentials",
            ),
        ),
        (
            "accept html",
            request(
                "POST",
                "/token",
                &[&b, "content-type: application/x-www-form-urlencoded", "accept: text/html"],
                "grant_type=client_credentials",
            ),
        ),
        ("no grant_type", ask(&b, "x=y")),
        ("unknown grant_type", ask(&b, "grant_type=magic")),
        ("upper-case grant_type", ask(&b, "grant_type=CLIENT_CREDENTIALS")),
        ("longer grant_type", ask(&b, "grant_type=client_credentialsx")),
        ("upper-case name", ask(&b, "GRANT_TYPE=client_credentials")),
        ("repeated, equal", token_request("&grant_type=client_credentials")),
        ("repeated, different", token_request("&scope=invoices.read&scope=invoices.write")),
        ("unknown parameter", token_request("&x=y")),
        ("long parameter", token_request(&format!("&x={}", "y".repeat(2000)))),
        ("very long parameter", token_request(&format!("&x={}", "y".repeat(8000)))),
        ("parameter in UTF-8", token_request("&x=%C2%A3")),
        ("parameter in Latin 1", token_request("&x=%A3")),
        (
            "form with charset",
            request("POST", "/token", &[&b, &format!("{FORM};charset=UTF-8")], "grant_type=client_credentials"),
        ),
        ("empty scope", token_request("&scope=")),
        ("password grant", ask(&b, "grant_type=password&username=bob&password=x")),
        ("named resource", token_request("&resource=http://as/archive")),
        ("unknown resource", token_request("&resource=http://elsewhere/")),
        ("two resources", token_request("&resource=http://as/invoices&resource=http://as/archive")),
        ("resource, token for another", bearer(&archive)),
        ("text body", request("POST", "/token", &[&b, "content-type: text/plain"], "grant_type=client_credentials")),
        ("json", json(r#"{"grant_type":"client_credentials","scope":"invoices.read"}"#)),
        ("broken json", json(r#"{"grant_type":"#)),
        ("raw space", token_request("&scope=invoices.read invoices.write")),
        ("escaped space", token_request("&scope=invoices.read%20invoices.write")),
        ("long scope", token_request(&format!("&scope=invoices.read+{}", "x".repeat(300)))),
        ("other order", token_request("&scope=invoices.write+invoices.read")),
        ("unknown scope", token_request("&scope=invoices.read+magic")),
        ("ungranted scope", token_request("&scope=admin")),
        ("upper-case scope", token_request("&scope=INVOICES.READ")),
        ("resource", bearer(&write)),
        ("resource, get", at("GET", "/invoices", &format!("authorization: Bearer {read}"))),
        ("resource, lower case", at("POST", "/invoices", &format!("authorization: bearer {write}"))),
        ("resource, other scheme", at("POST", "/invoices", &format!("authorization: Token {write}"))),
        ("resource, no token", at("POST", "/invoices", "")),
        ("resource, token in query", at("POST", &format!("/invoices?access_token={write}"), "")),
        ("resource, token in body", form("/invoices", "", &format!("access_token={write}"))),
        ("resource, invented token", bearer("nonsense")),
        ("resource, forged token", bearer(&forged)),
        ("resource, long token", bearer(&long)),
        ("resource, very long token", bearer(&"x".repeat(12_000))),
        ("resource, lengthened token", bearer(&format!("{write}x"))),
        ("resource, empty bearer", at("POST", "/invoices", "authorization: Bearer")),
        ("resource, expired token", bearer(&expired)),
        ("resource, narrow token", bearer(&read)),
        ("introspection", about("/introspect", &b, &write)),
        ("introspection, expired", about("/introspect", &b, &expired)),
        ("introspection, unknown", about("/introspect", &b, "nonsense")),
        ("introspection, open", about("/introspect", "", &write)),
        ("introspection, public client", form("/introspect", "", &format!("client_id=pub&token={write}"))),
        ("revocation, foreign", about("/revoke", &second, &write)),
        ("introspection after it", about("/introspect", &b, &write)),
        ("revocation, open", about("/revoke", "", &read)),
        ("revocation, unknown", about("/revoke", &b, "nonsense")),
        ("revocation", about("/revoke", &b, &revoked)),
        ("resource, revoked token", bearer(&revoked)),
        ("revocation, public client", form("/revoke", "", &format!("client_id=pub&token={write}"))),
        ("introspection after that", about("/introspect", &b, &write)),
        ("revocation, no token", form("/revoke", &b, "")),
        ("revocation, hint", about("/revoke", &b, &format!("{hinted}&token_type_hint=refresh_token"))),
        ("introspection after the hint", about("/introspect", &b, &hinted)),
        ("revocation, odd hint", about("/revoke", &b, &format!("{oddly_hinted}&token_type_hint=magic"))),
        ("introspection after the odd hint", about("/introspect", &b, &oddly_hinted)),
        ("revocation, in clear", Request { in_clear: true, ..about("/revoke", &b, "nonsense") }),
        ("revocation, options", at("OPTIONS", "/revoke", "origin: https://page.example")),
        ("revocation, get", at("GET", "/revoke?token=nonsense&callback=f", "")),
        ("introspection, get", at("GET", "/introspect?token=nonsense", &b)),
        ("introspection, no token", form("/introspect", &b, "")),
        ("introspection, unknown parameter", about("/introspect", &b, &format!("{write}&x=y"))),
        ("introspection, hint", about("/introspect", &b, &format!("{write}&token_type_hint=refresh_token"))),
        ("introspection, odd hint", about("/introspect", &b, &format!("{write}&token_type_hint=magic"))),
        ("introspection, forged token", about("/introspect", &b, &forged)),
        ("introspection, foreign", about("/introspect", &second, &write)),
        ("introspection, resource server", about("/introspect", &basic("rs:res0urce-s3cret"), &write)),
        ("introspection, bearer", about("/introspect", &format!("authorization: Bearer {write}"), &write)),
        ("introspection, bad bearer", about("/introspect", "authorization: Bearer nonsense", &write)),
        ("metadata", at("GET", "/.well-known/oauth-authorization-server", "")),
        ("metadata, forwarded", at("GET", "/.well-known/oauth-authorization-server", "x-forwarded-host: evil")),
        (
            "question of a browser",
            request("OPTIONS", "/token", &["origin: http://page", "access-control-request-method: POST"], ""),
        ),
        ("metadata for openid", at("GET", "/.well-known/openid-configuration", "accept: application/json")),
        ("metadata of nobody", at("GET", "/.well-known/oauth-authorization-server/nobody", "accept: application/json")),
        ("keys", at("GET", "/jwks", "")),
        ("registration", register(r#"{"redirect_uris":["https://app.example/cb"]}"#)),
        ("registration, own id", register(r#"{"redirect_uris":["https://app.example/cb"],"client_id":"me"}"#)),
        ("registration, own scheme", register(r#"{"redirect_uris":["app:/cb"]}"#)),
        ("registration, no URI", register("{}")),
        ("elsewhere", at("GET", "/", "")),
        ("unknown client", ask(&basic("stranger:x"), "grant_type=client_credentials")),
        ("wrong secret", ask(&basic("gl:wrong"), "grant_type=client_credentials")),
        ("wrong secret in the body", ask("", "client_id=gl&client_secret=wrong&grant_type=client_credentials")),
        ("after a wrong secret", token_request("&scope=invoices.write")),
    ];
    let signed = super::assertions::probes(clock.now_ms() / 1000);
    all.into_iter().chain(signed).map(|(name, request)| Probe { name, request }).collect()
}

const FORM: &str = "content-type: application/x-www-form-urlencoded";

/// The answers to the set, each with the name of its probe; tokens are replaced by what can be said of them.
pub(super) fn answers(dialect: Dialect) -> Vec<(Probe, Answer, String)> {
    let (server, clock) = server(dialect);
    let mut seen: Vec<String> = Vec::new();
    let each = probes(&server, &clock).into_iter().map(|probe| {
        let answer = server.answer(&probe.request);
        let mut text = line(&answer);
        for name in ["access_token", "refresh_token"] {
            if let Some(serde_json::Value::String(token)) = member(&answer, name) {
                let kind = match super::super::token::unverified(&token) {
                    Some(facts) if facts.audience == ["http://as"] => "jwt".to_owned(),
                    Some(facts) => format!("jwt for {}", facts.audience.join(" ")),
                    None => "opaque".to_owned(),
                };
                let known = if seen.contains(&token) { "old" } else { "new" };
                let sequential = if token.starts_with("token-0") { "sequential " } else { "" };
                text = text.replace(&token, &format!("<{known} {sequential}{kind}>"));
                seen.push(token);
            }
        }
        for name in ["client_id", "client_secret", "registration_access_token"] {
            if let Some(serde_json::Value::String(drawn)) =
                member(&answer, name).filter(|_| text.contains("_issued_at"))
            {
                text = text.replace(drawn.as_str(), if drawn == "me" { "me" } else { "<drawn>" });
            }
        }
        text.retain(|character| character != '\n');
        for name in ["www-authenticate", "allow", "retry-after"] {
            text.extend(header(&answer, name).map(|value| format!(" [{value}]")));
        }
        (probe, answer, text)
    });
    each.collect()
}
