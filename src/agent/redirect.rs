//! Where a walk ends: the redirect URI, and what the server added to it.

use url::{Url, form_urlencoded};

use super::page::Form;
use super::{End, Ended, quoted};

/// How the browser was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// A redirect with this status.
    Status(u16),
    /// A form that sends itself (OAuth 2.0 Form Post Response Mode), or one that only waits for a click.
    FormPost,
    /// `Refresh`, as a header field or as a meta element.
    Meta,
    /// A script that sets the location.
    Script,
    /// A link that the person follows.
    Link,
}

impl Via {
    /// The word in the document.
    #[must_use]
    pub fn word(self) -> String {
        match self {
            Self::Status(status) => status.to_string(),
            Self::FormPost => "form_post".into(),
            Self::Meta => "meta".into(),
            Self::Script => "script".into(),
            Self::Link => "link".into(),
        }
    }
}

/// The browser was sent to a redirect URI; nobody goes there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redirect {
    /// The redirect URI as it was asked for or registered.
    pub base: String,
    /// The whole URL.
    pub url: String,
    /// How.
    pub via: Via,
    /// Pairs that the server added to the query, in order.
    pub query: Vec<(String, String)>,
    /// Pairs of the fragment.
    pub fragment: Vec<(String, String)>,
    /// Pairs of a form that is posted there.
    pub form: Vec<(String, String)>,
}

/// A URL that begins at one of the redirect URIs; what stands in the redirect URI itself was not added by the server.
///
/// Compared as text, in the form that was asked for and in the one that a browser makes of it.
pub(super) fn matched(ends: &[String], target: &str, via: Via) -> Option<Redirect> {
    let (whole, fragment) = target.split_once('#').map_or((target, ""), |(whole, fragment)| (whole, fragment));
    let (path, query) = whole.split_once('?').map_or((whole, ""), |(path, query)| (path, query));
    ends.iter().find_map(|end| {
        let own = end.split('#').next().unwrap_or_default();
        let (end_path, end_query) = own.split_once('?').map_or((own, ""), |(path, query)| (path, query));
        let normal = Url::parse(end_path).map(String::from).unwrap_or_default();
        if path != end_path && path != normal {
            return None;
        }
        let mut added = pairs(query);
        for pair in pairs(end_query) {
            added.remove(added.iter().position(|known| *known == pair)?);
        }
        let fragment = pairs(fragment);
        Some(Redirect { base: end.clone(), url: target.to_owned(), via, query: added, fragment, form: Vec::new() })
    })
}

/// A form that is posted to one of the redirect URIs.
pub(super) fn posted(ends: &[String], form: &Form) -> Option<Redirect> {
    let redirect = matched(ends, form.action.as_ref()?.as_str(), Via::FormPost)?;
    let form = form.values(None);
    Some(Redirect { form, ..redirect })
}

/// Why a browser does not go on to a URL.
#[must_use]
pub fn elsewhere(url: &Url) -> String {
    if url.has_host() {
        let origin = url.origin().ascii_serialization();
        return format!(
            "the browser is sent to {origin}, which is no host of this authorization server; name it under `login.hosts` if it is"
        );
    }
    format!("the browser is sent to `{url}`, which is not the redirect URI")
}

impl From<Redirect> for End {
    fn from(redirect: Redirect) -> Self {
        let value = |name: &str| {
            let mut all = [&redirect.query, &redirect.fragment, &redirect.form].into_iter().flatten();
            all.find(|(known, _)| known == name).map(|(_, value)| value)
        };
        let described = value("error_description").map(|text| format!(": {}", quoted(text))).unwrap_or_default();
        let error = value("error").map(|code| format!(" with the error `{code}`{described}")).unwrap_or_default();
        let reason = format!("the browser is sent to {}{error}", redirect.base);
        Self { ended: Ended::Redirected, redirect: Some(redirect), reason }
    }
}

fn pairs(text: &str) -> Vec<(String, String)> {
    form_urlencoded::parse(text.as_bytes()).into_owned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "https://client.example/cb?x=1&y=a%2Fb";

    fn find(target: &str) -> Option<Redirect> {
        matched(&[END.to_owned()], target, Via::Status(302))
    }

    #[test]
    fn what_the_redirect_uri_brings_was_not_added() {
        let redirect = find("https://client.example/cb?x=1&y=a%2Fb&code=c%2B1&state=s+t#f=g").unwrap();
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(redirect.query, [pair("code", "c+1"), pair("state", "s t")]);
        assert_eq!(redirect.fragment, [pair("f", "g")]);
    }

    #[test]
    fn another_uri_is_none() {
        for other in [
            "https://client.example/cb?code=1",
            "https://client.example/cb/x?x=1&y=a/b",
            "https://client.example.evil.example/cb?x=1&y=a%2Fb",
        ] {
            assert_eq!(find(other), None, "{other}");
        }
    }

    #[test]
    fn a_browser_writes_the_host_in_lower_case() {
        let ends = ["HTTPS://Client.example/cb".to_owned()];
        assert!(matched(&ends, "https://client.example/cb?code=1", Via::Meta).is_some());
    }
}
