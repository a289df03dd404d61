//! What a refusal says, apart from what it repeats of the request.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::form_urlencoded;

use super::Sent;

/// Shorter ids and secrets are found in every word, so they stay.
const SHORTEST: usize = 3;

/// `error_description` with the client id and secret of the request taken out; `None` when there is no such text.
///
/// Two requests with different credentials can be compared by it: that a server repeats an id is no statement about the client.
/// Recorded because the credentials are masked, and those that were made up are told nowhere else.
pub(super) fn error_text(sent: &Sent, response: &Value) -> Option<String> {
    let mut text = response.pointer("/json/error_description")?.as_str()?.to_owned();
    let mut repeated: Vec<String> = basic(sent).into_iter().flatten().collect();
    let credentials = ["client_id", "client_secret"];
    repeated.extend(
        sent.params.iter().filter(|(name, _)| credentials.contains(&name.as_str())).map(|(_, value)| value.clone()),
    );
    repeated.retain(|value| value.chars().count() >= SHORTEST);
    // The longest first: an id may stand in a secret.
    repeated.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in repeated {
        text = text.replace(&value, "…");
    }
    Some(text)
}

/// Id and secret of a Basic header, as they are and form-decoded.
fn basic(sent: &Sent) -> Option<Vec<String>> {
    let (_, value) = sent.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("authorization"))?;
    let (_, pair) = value.split_once(' ').filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))?;
    let pair = STANDARD.decode(pair.trim().replace('-', "+").replace('_', "/")).ok()?;
    let pair = String::from_utf8(pair).ok()?;
    let (id, secret) = pair.split_once(':')?;
    let decoded = |text: &str| {
        form_urlencoded::parse(text.as_bytes()).next().map(|(name, _)| name.into_owned()).unwrap_or_default()
    };
    Some(vec![decoded(id), decoded(secret), id.to_owned(), secret.to_owned()])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(id: &str, secret: &str, text: &str) -> Option<String> {
        let pair = STANDARD.encode(format!("{id}:{secret}"));
        let sent = Sent { headers: vec![("authorization".into(), format!("Basic {pair}"))], ..Sent::default() };
        error_text(&sent, &json!({"json": {"error": "invalid_client", "error_description": text}}))
    }

    #[test]
    fn what_the_server_repeats_of_the_credentials_makes_no_difference() {
        let known = refused("gl-app", "wrong-1", "client gl-app may not use wrong-1");
        assert_eq!(known, refused("nobody", "wrong-2", "client nobody may not use wrong-2"));
        assert_ne!(known, refused("nobody", "wrong-2", "client nobody is not known"));
    }

    #[test]
    fn without_a_text_there_is_nothing_to_compare() {
        assert_eq!(error_text(&Sent::default(), &json!({"json": {"error": "invalid_client"}})), None);
    }
}
