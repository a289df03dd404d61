//! Where the documents stand that a source names.
//!
//! A source may come from a saved run or from a user's own checks, so an address is put together from numbers and names that
//! were looked at letter by letter, and never taken over.

/// A document with its section, and the address if it is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    /// As the source says it.
    pub text: String,
    /// `None` if the document has no known place.
    pub url: Option<String>,
    /// The document's title, if it is known.
    pub title: Option<&'static str>,
}

impl Link {
    /// For example of `RFC 6749 §5.1`.
    pub(super) fn to(source: &str) -> Self {
        Self { text: super::facts::line(source), url: url(source), title: title(document(source)) }
    }
}

/// The document that a source names: `RFC 6749 §5.1` → `RFC 6749`.
pub(super) fn document(source: &str) -> &str {
    source.split(" §").next().unwrap_or(source).trim()
}

fn url(source: &str) -> Option<String> {
    let document = document(source);
    let section = source.split_once(" §").map(|(_, section)| {
        let end = section.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(section.len());
        section[..end].trim_end_matches('.')
    });
    let fragment = match section {
        Some(section) if section.starts_with(|c: char| c.is_ascii_digit()) => format!("#section-{section}"),
        Some(section) if section.starts_with(|c: char| c.is_ascii_uppercase()) => format!("#appendix-{section}"),
        _ => String::new(),
    };
    if let Some(number) = document.strip_prefix("RFC ") {
        let plain = (1..=5).contains(&number.len()) && number.bytes().all(|c| c.is_ascii_digit());
        return plain.then(|| format!("https://www.rfc-editor.org/rfc/rfc{number}{fragment}"));
    }
    if document.starts_with("draft-") {
        let plain =
            document.len() < 100 && document.bytes().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'-');
        return plain.then(|| format!("https://datatracker.ietf.org/doc/html/{document}{fragment}"));
    }
    let page = OPENID.iter().find(|(name, _)| *name == document)?.1;
    Some(format!("https://openid.net/specs/{page}.html"))
}

fn title(document: &str) -> Option<&'static str> {
    TITLES.iter().find(|(name, _)| *name == document).map(|(_, title)| *title)
}

/// Sections of these have names of their own, so the links go to the documents.
const OPENID: [(&str, &str); 5] = [
    ("OpenID Connect Core 1.0", "openid-connect-core-1_0"),
    ("OpenID Connect Discovery 1.0", "openid-connect-discovery-1_0"),
    ("OpenID Connect Dynamic Client Registration 1.0", "openid-connect-registration-1_0"),
    ("OAuth 2.0 Form Post Response Mode", "oauth-v2-form-post-response-mode-1_0"),
    ("OAuth 2.0 Multiple Response Type Encoding Practices", "oauth-v2-multiple-response-types-1_0"),
];

/// What the documents are about, for readers who do not know them by number.
const TITLES: [(&str, &str); 32] = [
    ("RFC 3986", "Uniform Resource Identifier"),
    ("RFC 6585", "Additional HTTP Status Codes"),
    ("RFC 6749", "The OAuth 2.0 Authorization Framework"),
    ("RFC 6750", "Bearer Token Usage"),
    ("RFC 7009", "Token Revocation"),
    ("RFC 7515", "JSON Web Signature"),
    ("RFC 7517", "JSON Web Key"),
    ("RFC 7519", "JSON Web Token"),
    ("RFC 7521", "Assertion Framework"),
    ("RFC 7523", "JWT Client Authentication and Grants"),
    ("RFC 7591", "Dynamic Client Registration"),
    ("RFC 7617", "Basic HTTP Authentication"),
    ("RFC 7636", "Proof Key for Code Exchange"),
    ("RFC 7662", "Token Introspection"),
    ("RFC 8252", "OAuth 2.0 for Native Apps"),
    ("RFC 8259", "JSON"),
    ("RFC 8414", "Authorization Server Metadata"),
    ("RFC 8628", "Device Authorization Grant"),
    ("RFC 8693", "Token Exchange"),
    ("RFC 8705", "Mutual-TLS Client Authentication"),
    ("RFC 8707", "Resource Indicators"),
    ("RFC 8725", "JWT Best Current Practices"),
    ("RFC 8996", "Deprecating TLS 1.0 and TLS 1.1"),
    ("RFC 9068", "JWT Profile for Access Tokens"),
    ("RFC 9110", "HTTP Semantics"),
    ("RFC 9112", "HTTP/1.1"),
    ("RFC 9126", "Pushed Authorization Requests"),
    ("RFC 9207", "Issuer Identification"),
    ("RFC 9449", "Demonstrating Proof of Possession"),
    ("RFC 9700", "Best Current Practice for OAuth 2.0 Security"),
    ("draft-ietf-oauth-v2-1", "The OAuth 2.1 Authorization Framework, a draft"),
    ("grantlint practice", "what servers have to do that no document says"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_linked_where_it_stands() {
        for (source, expected) in [
            ("RFC 6749 §5.1", "https://www.rfc-editor.org/rfc/rfc6749#section-5.1"),
            ("RFC 6749 §A.12", "https://www.rfc-editor.org/rfc/rfc6749#appendix-A.12"),
            ("RFC 6749 §B", "https://www.rfc-editor.org/rfc/rfc6749#appendix-B"),
            ("RFC 6749 §5.2. A charset is accepted", "https://www.rfc-editor.org/rfc/rfc6749#section-5.2"),
            ("RFC 8996", "https://www.rfc-editor.org/rfc/rfc8996"),
            (
                "draft-ietf-oauth-v2-1 §5.1.1",
                "https://datatracker.ietf.org/doc/html/draft-ietf-oauth-v2-1#section-5.1.1",
            ),
            (
                "OAuth 2.0 Form Post Response Mode §2",
                "https://openid.net/specs/oauth-v2-form-post-response-mode-1_0.html",
            ),
        ] {
            assert_eq!(url(source).as_deref(), Some(expected), "{source}");
        }
    }

    #[test]
    fn nothing_is_linked_that_was_made_up() {
        for source in [
            "Coupa call-out §A1",
            "RFC x",
            "RFC ",
            "RFC 123456",
            "RFC 6749/../x §1",
            "draft-\"x",
            "javascript:alert(1)",
        ] {
            assert_eq!(url(source), None, "{source}");
        }
        assert_eq!(url("RFC 6749 §\"><b>").as_deref(), Some("https://www.rfc-editor.org/rfc/rfc6749"));
    }
}
