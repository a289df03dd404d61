//! A target file for a start: what is known of an endpoint, with the reasons as comments. Pure.

use crate::yaml::{quoted, scalar};

/// What is known before anything was tried.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// Of the target, for example `test`.
    pub name: String,
    /// Suites to run; without any, those that the endpoints allow.
    pub suites: Vec<String>,
    /// Endpoints by their names in RFC 8414, `issuer` first.
    pub endpoints: Vec<(String, String)>,
    /// From where endpoints were learned; `None` if nobody was asked.
    pub learned_from: Option<String>,
    /// How the client authenticates, by its name in RFC 7591.
    pub method: Option<String>,
    /// Words separated by spaces.
    pub scope: Option<String>,
    /// The client's identifier.
    pub client_id: String,
    /// The environment variable that its secret comes from.
    pub variable: String,
    /// The protected resource.
    pub resource: Option<String>,
}

/// Endpoints that are not asked unless somebody says so, and why.
const LATER: [(&str, &str); 1] =
    [("authorization_endpoint", "Walked with a login of its own (`login:`), or by you with --interactive.")];

impl Draft {
    /// The file, with comments, ending with a line break.
    #[must_use]
    pub fn render(&self) -> String {
        let mut lines: Vec<String> = vec![
            "# grantlint.yaml".into(),
            "# Written by `grantlint init`. What is commented out shows what else can be said; what is not said is not asked.".into(),
            "targets:".into(),
            format!("  {}:", scalar(&self.name)),
        ];
        match self.suites.as_slice() {
            [] => {
                lines.push("    # suites: [coupa-call-out]   # without it: every suite that the endpoints allow".into())
            }
            suites => {
                let suites: Vec<String> = suites.iter().map(|suite| scalar(suite)).collect();
                lines.push(format!("    suites: [{}]", suites.join(", ")));
            }
        }
        if let Some(from) = &self.learned_from {
            lines.push(format!("    # Endpoints as {} names them.", one_line(from)));
        }
        for (name, url) in &self.endpoints {
            if let Some((_, about)) = LATER.iter().find(|(later, _)| later == name) {
                lines.push(format!("    # {about}"));
                lines.push(format!("    # {name}: {}", scalar(url)));
            } else {
                lines.push(format!("    {name}: {}", scalar(url)));
            }
        }
        for (name, about) in [
            ("revocation_endpoint", "RFC 7009"),
            ("introspection_endpoint", "RFC 7662"),
            ("registration_endpoint", "RFC 7591: registers clients, and deletes them where the server lets them"),
        ] {
            if !self.endpoints.iter().any(|(known, _)| known == name) {
                lines.push(format!("    # {name}: https://…   # {about}"));
            }
        }
        match &self.scope {
            Some(scope) => lines.push(format!("    scope: {}", scalar(scope))),
            None => lines
                .push("    # scope: invoices.read   # what the client asks for; without it no scope is sent".into()),
        }
        let method = self.method.as_deref().unwrap_or("client_secret_basic");
        lines.push("    # client_secret_basic: in the Authorization header; client_secret_post: in the body".into());
        lines.push(format!("    token_endpoint_auth_methods: [{}]", scalar(method)));
        lines.push(
            "    # request_content_types: [form, json]   # only if the endpoint promises to take JSON too".into(),
        );
        lines.push("    client:".into());
        lines.push(format!("      client_id: {}", scalar(&self.client_id)));
        lines.push("      # The secret stays outside: from the environment, or ${file:PATH}, or ${command:…}".into());
        lines.push(format!("      client_secret: \"${{env:{}}}\"", self.variable));
        match &self.resource {
            Some(url) => {
                lines.push("    # What the token is for: asked with a token, without one, and with wrong ones".into());
                lines.push(format!("    resource: {{ url: {}, method: GET }}", quoted(url)));
            }
            None => {
                lines.push("    # What the token is for. Use a document that may be posted several times:".into());
                lines.push("    # resource: { url: https://…, method: POST, content_type: application/json, body_file: payload.json }".into());
            }
        }
        lines.push(String::new());
        lines.join("\n")
    }
}

fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::yaml;

    fn read(draft: &Draft) -> Value {
        yaml::parse(&draft.render()).map_err(|problems| problems.len()).unwrap().value
    }

    #[test]
    fn what_goes_in_is_what_is_read() {
        for text in ["test", "a b", "yes", "1", "a: b", "#x", "é\"\\", "x #y", "-", "*a", "a\nb", "{", "~", "a:", "0x1"]
        {
            let draft = Draft {
                name: "n".into(),
                endpoints: vec![("token_endpoint".into(), text.into())],
                client_id: text.into(),
                variable: "SECRET".into(),
                scope: Some(text.into()),
                resource: Some(text.into()),
                suites: vec![text.into()],
                learned_from: Some(text.into()),
                ..Draft::default()
            };
            let entry = &read(&draft)["targets"]["n"];
            for at in ["/token_endpoint", "/client/client_id", "/scope", "/resource/url", "/suites/0"] {
                assert_eq!(entry.pointer(at).and_then(Value::as_str), Some(text), "{at}\n{}", draft.render());
            }
            assert_eq!(entry["client"]["client_secret"], "${env:SECRET}");
        }
    }

    #[test]
    fn an_endpoint_that_needs_a_login_or_a_leave_is_shown_and_not_claimed() {
        for (name, _) in LATER {
            let endpoints = vec![(name.into(), "https://as.example/there".into())];
            let draft = Draft { name: "test".into(), endpoints, ..Draft::default() };
            assert!(draft.render().contains(&format!("# {name}: https://as.example/there")));
            assert!(read(&draft)["targets"]["test"][name].is_null());
        }
    }
}
