//! Cookies.

use cookie_store::CookieStore;
use url::Url;

/// The cookies of one session.
///
/// Source: RFC 6265, as the crate `cookie_store` has it.
#[derive(Debug, Default, Clone)]
pub struct Jar(CookieStore);

impl Jar {
    /// The value of `Cookie` for a URL; `None` without cookies.
    #[must_use]
    pub fn header(&self, url: &Url) -> Option<String> {
        let pairs: Vec<String> =
            self.0.get_request_values(url).map(|(name, value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }

    /// Takes the `Set-Cookie` fields of an answer; what is malformed is left out, as browsers do.
    pub fn take<'h>(&mut self, url: &Url, fields: impl Iterator<Item = &'h str>) {
        for field in fields {
            let _ = self.0.parse(field, url);
        }
    }
}
