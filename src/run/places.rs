//! Where a walk may go, and where it ends.

use serde_json::Value;
use url::Url;

use crate::exchange::Sent;
use crate::target::Target;

/// Redirect URIs that end the walk: those that are asked for, and the registered one.
pub(super) fn ends(sent: &Sent, target: &Target) -> Vec<String> {
    let pairs = sent.query.iter().chain(&sent.params);
    let mut ends: Vec<String> =
        pairs.filter(|(name, _)| name == "redirect_uri").map(|(_, value)| value.clone()).collect();
    ends.extend(target.text("redirect_uri").filter(|registered| !ends.contains(registered)));
    ends
}

/// URLs of the authorization server: those that the target names, and that of the request.
pub(super) fn inside(target: &Target, sent: &Sent) -> Vec<Url> {
    named_urls(target).into_iter().chain(Url::parse(&sent.url)).collect()
}

/// What the target file names of the authorization server, and what it calls hosts of the login.
pub(super) fn named_urls(target: &Target) -> Vec<Url> {
    let names = ["issuer", "token_endpoint", "authorization_endpoint", "metadata_url"];
    let named = names.into_iter().filter_map(|name| target.text(name));
    let hosts = target.public.pointer("/login/hosts").and_then(Value::as_array).into_iter().flatten();
    let hosts = hosts
        .filter_map(Value::as_str)
        .map(|host| if host.contains("://") { host.to_owned() } else { format!("https://{host}") });
    named.chain(hosts).filter_map(|url| Url::parse(&url).ok()).collect()
}
