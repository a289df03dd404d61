//! Applies the `reply` part of a fault to an answer.

use serde_json::{Map, Value};
use url::Url;

use super::fault::Rewrite;
use super::message::{Body, Reply, set};
use super::shape::fits;

/// Applies every rewrite that fits the reply's name, in order. `secret` is the client secret that the request carried.
pub(super) fn apply(rewrites: &[Rewrite], reply: &mut Reply, secret: Option<&str>) {
    for rewrite in rewrites {
        if rewrite.to.0.iter().any(|to| fits(to, &reply.name)) {
            apply_one(rewrite, reply, secret);
        }
    }
}

/// Rewrites the query of where the answer leads; without a Location that is a URL there is nothing to rewrite.
fn rewrite_query(rewrite: &Rewrite, reply: &mut Reply) {
    let (set, removed) = (&rewrite.set_parameter, &rewrite.remove_parameter.0);
    if set.is_empty() && removed.is_empty() {
        return;
    }
    let location = reply.headers.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("location"));
    if let Some((_, value)) = location
        && let Ok(mut url) = Url::parse(value)
    {
        let mut pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
        pairs.retain(|(name, _)| !set.contains_key(name) && !removed.contains(name));
        pairs.extend(set.iter().flat_map(|(name, all)| all.0.iter().map(|one| (name.clone(), one.clone()))));
        url.query_pairs_mut().clear().extend_pairs(pairs);
        *value = url.into();
    }
}

/// Repeats a received secret the way a careless server does.
fn echo(reply: &mut Reply, secret: &str) {
    if let Body::Members(members) = &mut reply.body {
        let is_error = members.iter().any(|(name, _)| name == "error");
        let (name, text) = if is_error {
            ("error_description", format!("not accepted: {secret}"))
        } else {
            ("client_secret", secret.to_owned())
        };
        set(members, name, text.into());
    }
}

fn apply_one(rewrite: &Rewrite, reply: &mut Reply, secret: Option<&str>) {
    if let Some(status) = rewrite.status {
        reply.status = status;
    }
    for name in &rewrite.remove_header.0 {
        reply.remove_header(name);
    }
    for (name, values) in &rewrite.set_header {
        reply.remove_header(name);
        reply.headers.extend(values.0.iter().map(|value| (name.clone(), value.clone())));
    }
    rewrite_query(rewrite, reply);
    if !rewrite.set_member.is_empty() && reply.body == Body::Empty {
        reply.body = Body::Members(Vec::new());
    }
    if let Body::Members(members) = &mut reply.body {
        members.retain(|(name, _)| !rewrite.remove_member.0.contains(name));
        for (name, value) in &rewrite.set_member {
            set(members, name, value.clone());
        }
        for (name, _) in members.iter_mut() {
            if let Some(new) = rewrite.rename_member.get(name) {
                name.clone_from(new);
            }
        }
    }
    if let (true, Some(secret)) = (rewrite.echo_secret, secret) {
        echo(reply, secret);
    }
    if let Body::Members(members) = &mut reply.body {
        let twice: Vec<_> =
            members.iter().filter(|(name, _)| rewrite.duplicate_member.0.contains(name)).cloned().collect();
        members.extend(twice);
        if let Some(outer) = &rewrite.wrap_in {
            let inner: Map<String, Value> = members.drain(..).collect();
            members.push((outer.clone(), inner.into()));
        }
    }
    if let Some(text) = &rewrite.body {
        reply.body = Body::Bytes(text.as_bytes().to_vec());
    }
    if let Some(bytes) = &rewrite.body_base64 {
        reply.body = Body::Bytes(bytes.0.clone());
    }
    if rewrite.prepend.is_some() || rewrite.append.is_some() {
        let mut bytes = rewrite.prepend.clone().unwrap_or_default().into_bytes();
        bytes.extend(reply.body.render(false));
        bytes.extend(rewrite.append.as_deref().unwrap_or_default().as_bytes());
        reply.body = Body::Bytes(bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(rewrite: Value) -> Reply {
        let members = serde_json::json!({ "access_token": "t", "token_type": "Bearer" });
        let mut reply = Reply::json("token.issued", 200, members.as_object().cloned().unwrap_or_default())
            .with("Pragma", "no-cache");
        let rewrites: super::super::shape::Many<Rewrite> = serde_json::from_value(rewrite).unwrap();
        apply(&rewrites.0, &mut reply, Some("s3cret"));
        reply
    }

    fn body(rewrite: Value) -> String {
        String::from_utf8(rewritten(rewrite).body.render(false)).unwrap()
    }

    #[test]
    fn members_are_rewritten_each_in_its_way() {
        for (rewrite, expected) in [
            (
                serde_json::json!({ "to": "token.issued", "remove_member": ["access_token"] }),
                r#"{"token_type":"Bearer"}"#,
            ),
            (
                serde_json::json!({ "to": "*", "set_member": { "token_type": 1, "x": null } }),
                r#"{"access_token":"t","token_type":1,"x":null}"#,
            ),
            (
                serde_json::json!({ "to": "token.*", "rename_member": { "access_token": "accessToken" } }),
                r#"{"accessToken":"t","token_type":"Bearer"}"#,
            ),
            (
                serde_json::json!({ "to": "*", "duplicate_member": "token_type" }),
                r#"{"access_token":"t","token_type":"Bearer","token_type":"Bearer"}"#,
            ),
            (
                serde_json::json!({ "to": "*", "wrap_in": "data" }),
                r#"{"data":{"access_token":"t","token_type":"Bearer"}}"#,
            ),
            (
                serde_json::json!({ "to": "*", "echo_secret": true, "remove_member": "access_token" }),
                r#"{"token_type":"Bearer","client_secret":"s3cret"}"#,
            ),
            (serde_json::json!({ "to": "*", "body": "oops" }), "oops"),
            (serde_json::json!({ "to": "*", "body": "{}", "prepend": "\u{feff}", "append": "x" }), "\u{feff}{}x"),
            (serde_json::json!({ "to": "error.*", "body": "oops" }), r#"{"access_token":"t","token_type":"Bearer"}"#),
        ] {
            assert_eq!(body(rewrite.clone()), expected, "{rewrite}");
        }
    }

    #[test]
    fn headers_and_status_are_replaced() {
        let reply = rewritten(serde_json::json!([
            { "to": "*", "status": 201, "remove_header": "pragma" },
            { "to": "*", "set_header": { "Content-Type": "text/plain", "x": ["1", "2"] } }
        ]));
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            (reply.status, reply.headers),
            (201, vec![pair("Content-Type", "text/plain"), pair("x", "1"), pair("x", "2")])
        );
    }

    #[test]
    fn the_query_of_a_redirect_is_rewritten() {
        let mut reply = Reply::new("redirect.code", 302).with("location", "https://c.example/cb?code=1&state=a%20b");
        let rewrite = serde_json::json!({ "to": "redirect.*", "set_parameter": { "code": ["1", "2"] }, "remove_parameter": "state" });
        let rewrites: super::super::shape::Many<Rewrite> = serde_json::from_value(rewrite).unwrap();
        apply(&rewrites.0, &mut reply, None);
        assert_eq!(reply.headers[0].1, "https://c.example/cb?code=1&code=2");
    }

    #[test]
    fn bytes_need_not_be_text() {
        assert_eq!(
            rewritten(serde_json::json!({ "to": "*", "body_base64": "//79" })).body,
            Body::Bytes(vec![255, 254, 253])
        );
    }
}
