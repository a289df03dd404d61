//! What the server answers without any fault.

use super::*;

#[tokio::test]
async fn the_token_answer_is_this_byte_by_byte() {
    let running = running(Dialect::default()).await;
    let authorization = basic(PAIR);
    let asked = format!(
        "POST /token HTTP/1.1\r\nhost: as\r\n{authorization}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: 29\r\n\r\ngrant_type=client_credentials"
    );
    let answer = String::from_utf8(exchange(running.origin(), &asked, |_| false).await.unwrap()).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let token = body.split('"').nth(3).unwrap();
    assert_eq!(token.split('.').count(), 3);
    let expected =
        format!(r#"{{"access_token":"{token}","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}}"#);
    assert_eq!(body, expected);
    assert_eq!(
        head,
        format!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\npragma: no-cache\r\n\
             date: Fri, 15 Jan 2027 08:00:00 GMT\r\nconnection: close\r\ncontent-length: {}",
            body.len()
        )
    );
}

#[test]
fn the_conforming_server_answers_each_probe_so() {
    let lines: Vec<String> = super::probes::answers(Dialect::default())
        .iter()
        .map(|(probe, _, line)| format!("{}: {line}", probe.name))
        .collect();
    assert_eq!(lines, EXPECTED.trim().lines().collect::<Vec<_>>(), "{}", lines.join("\n"));
}

const EXPECTED: &str = r#"
ordinary: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
ordinary once more: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
basic, url-safe: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
basic, form-encoded: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
basic, lower case: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
basic, malformed: error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
another scheme: error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
client_id beside basic: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
secret beside basic: error.invalid_request 400 {"error":"invalid_request"}
body credentials: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
query credentials: error.invalid_client 400 {"error":"invalid_client"}
no secret: error.invalid_client 400 {"error":"invalid_client"}
no credentials: error.invalid_client 400 {"error":"invalid_client"}
public client: error.unauthorized_client 400 {"error":"unauthorized_client"}
get: http.405 405 method not allowed [POST]
cache-control: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
accept html: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
no grant_type: error.invalid_request 400 {"error":"invalid_request"}
unknown grant_type: error.unsupported_grant_type 400 {"error":"unsupported_grant_type"}
upper-case grant_type: error.unsupported_grant_type 400 {"error":"unsupported_grant_type"}
upper-case name: error.invalid_request 400 {"error":"invalid_request"}
repeated, equal: error.invalid_request 400 {"error":"invalid_request"}
repeated, different: error.invalid_request 400 {"error":"invalid_request"}
unknown parameter: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
empty scope: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600,"scope":"invoices.read"}
text body: error.invalid_request 400 {"error":"invalid_request"}
json: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600}
broken json: error.invalid_request 400 {"error":"invalid_request"}
raw space: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600}
other order: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600}
unknown scope: error.invalid_scope 400 {"error":"invalid_scope"}
ungranted scope: error.invalid_scope 400 {"error":"invalid_scope"}
upper-case scope: error.invalid_scope 400 {"error":"invalid_scope"}
resource: content 200 {"accepted":true}
resource, get: content 200 {"invoices":[{"number":"INV-1","total":"119.00","currency":"EUR"}]}
resource, lower case: content 200 {"accepted":true}
resource, other scheme: challenge 401  [Bearer realm="grantlint"]
resource, no token: challenge 401  [Bearer realm="grantlint"]
resource, token in query: challenge 401  [Bearer realm="grantlint"]
resource, token in body: challenge 401  [Bearer realm="grantlint"]
resource, invented token: challenge.invalid_token 401  [Bearer realm="grantlint", error="invalid_token"]
resource, forged token: challenge.invalid_token 401  [Bearer realm="grantlint", error="invalid_token"]
resource, long token: challenge.invalid_token 401  [Bearer realm="grantlint", error="invalid_token"]
resource, expired token: challenge.invalid_token 401  [Bearer realm="grantlint", error="invalid_token"]
resource, narrow token: challenge.insufficient_scope 403  [Bearer realm="grantlint", error="insufficient_scope", scope="invoices.write"]
introspection: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
introspection, expired: introspection.inactive 200 {"active":false}
introspection, unknown: introspection.inactive 200 {"active":false}
introspection, open: introspect.error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
introspection, public client: introspect.error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
revocation, foreign: revoke.error.invalid_grant 400 {"error":"invalid_grant"}
introspection after it: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
revocation, open: revoke.error.invalid_client 400 {"error":"invalid_client"}
revocation, unknown: revoked 200 
revocation: revoked 200 
resource, revoked token: challenge.invalid_token 401  [Bearer realm="grantlint", error="invalid_token"]
revocation, public client: revoke.error.invalid_grant 400 {"error":"invalid_grant"}
introspection after that: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
revocation, no token: revoke.error.invalid_request 400 {"error":"invalid_request"}
revocation, hint: revoked 200 
introspection after the hint: introspection.inactive 200 {"active":false}
revocation, odd hint: revoked 200 
introspection after the odd hint: introspection.inactive 200 {"active":false}
revocation, in clear: revoked 200 
revocation, options: http.405 405 method not allowed [POST]
revocation, get: http.405 405 method not allowed [POST]
introspection, get: http.405 405 method not allowed [POST]
introspection, no token: introspect.error.invalid_request 400 {"error":"invalid_request"}
introspection, unknown parameter: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
introspection, hint: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
introspection, odd hint: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
introspection, forged token: introspection.inactive 200 {"active":false}
introspection, foreign: introspection.inactive 200 {"active":false}
introspection, resource server: introspection.active 200 {"active":true,"scope":"invoices.write","client_id":"gl","token_type":"Bearer","exp":1800007200,"iat":1800003600,"sub":"gl","aud":"http://as","iss":"http://as"}
introspection, bearer: introspect.error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
introspection, bad bearer: introspect.error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
metadata: metadata 200 {"issuer":"http://as","token_endpoint":"http://as/token","token_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"response_types_supported":[],"grant_types_supported":["client_credentials"],"scopes_supported":["invoices.read","invoices.write"],"revocation_endpoint":"http://as/revoke","revocation_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"],"introspection_endpoint":"http://as/introspect","introspection_endpoint_auth_methods_supported":["client_secret_basic","client_secret_post"]}
elsewhere: http.404 404 not found
unknown client: error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
wrong secret: error.invalid_client 401 {"error":"invalid_client"} [Basic realm="grantlint"]
wrong secret in the body: error.invalid_client 400 {"error":"invalid_client"}
after a wrong secret: token.issued 200 {"access_token":"<new jwt>","token_type":"Bearer","expires_in":3600}
"#;
