//! What a target lacks of what something needs, in a sentence for the reader of a report.

/// Why something does not apply to a target: by a word of `needs`, or by the place in the target file that is empty.
#[must_use]
pub fn unclaimed_words(word: &str) -> String {
    if let Some(endpoint) = word.strip_suffix(" on a host of its own") {
        return format!(
            "the {} is not named, is no https URL, or shares its host with an endpoint that stands for it",
            spoken(endpoint)
        );
    }
    if let Some(endpoint) = word.strip_suffix(" over https") {
        return format!("the {} is not named, or is no https URL", spoken(endpoint));
    }
    match word {
        "https" => "the token endpoint is no https URL".into(),
        "metadata_url" => "the target names no place of its metadata (issuer or metadata_url)".into(),
        "jwks_uri" => "the target names no keys (jwks_uri)".into(),
        "client_secret" | "client.client_secret" => "the target's client has no secret".into(),
        "client_assertion" => "the target's client does not sign assertions".into(),
        "client_secret_basic" | "client_secret_post" | "client_secret_jwt" | "private_key_jwt" => {
            format!("the target's client does not authenticate by {word}")
        }
        "private_key_jwt or client_secret_jwt" => {
            "the target's client authenticates neither by private_key_jwt nor by client_secret_jwt".into()
        }
        "authorization_code" | "client_credentials" | "refresh_token" | "password" => {
            format!("the target does not list {word} among its grant_types")
        }
        "json" => "the target does not list json among its request_content_types".into(),
        "scope_list" => "the target names no scope of several words".into(),
        "ungranted_scope" => "the target names no scope that its client may not have (ungranted_scope)".into(),
        "authorization_scope" => "the target names no scope for logins (authorization_scope)".into(),
        "other_resource_scope" => "the target names no scope of another resource (other_resource_scope)".into(),
        "login" => "the target names no test user who can log in (login)".into(),
        "redirect_uri" => "the target's client has no redirect URI".into(),
        "second_client_redirect_uri" => "the target's second client has no redirect URI".into(),
        "public_client_redirect_uri" => "the target's public client has no redirect URI".into(),
        "resource_indicators" => {
            "the target names no resources that a token can be asked for (resource_indicators)".into()
        }
        "oauth-2.1" => "the target does not claim OAuth 2.1".into(),
        _ if NAMED.contains(&word) => format!("the target names no {}", spoken(word)),
        _ if word.contains('.') => format!("the target file says nothing of {word}"),
        _ if word.starts_with("urn:") => format!("the target does not list {word} among its grant_types"),
        _ => format!("the target does not claim {word}"),
    }
}

/// The name of an endpoint or client as people say it.
fn spoken(name: &str) -> String {
    match name {
        "metadata_url" => "place of the metadata".into(),
        _ => name.replace('_', " "),
    }
}

/// Members of the target file that are told by their names.
const NAMED: [&str; 12] = [
    "token_endpoint",
    "authorization_endpoint",
    "revocation_endpoint",
    "introspection_endpoint",
    "registration_endpoint",
    "issuer",
    "resource",
    "scope",
    "client",
    "second_client",
    "public_client",
    "assertion_grant",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_of_needs_become_sentences() {
        for (word, sentence) in [
            ("introspection_endpoint", "the target names no introspection endpoint"),
            ("refresh_token", "the target does not list refresh_token among its grant_types"),
            (
                "private_key_jwt or client_secret_jwt",
                "the target's client authenticates neither by private_key_jwt nor by client_secret_jwt",
            ),
            ("introspection_endpoint over https", "the introspection endpoint is not named, or is no https URL"),
            ("resource.scope", "the target file says nothing of resource.scope"),
            ("rfc7523bis", "the target does not claim rfc7523bis"),
        ] {
            assert_eq!(unclaimed_words(word), sentence);
        }
    }
}
