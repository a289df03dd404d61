//! Resource indicators: which resources a client names, and whom its token is then for.

use url::Url;

use super::message::Reply;
use super::parameters::Parameters;
use super::setup::{RESOURCE, Setup};
use super::{Policy, Rule, errors};

/// A resource that has no endpoint here; its tokens are not for the one that has.
const ARCHIVE: &str = "/archive";

/// What a client may name as `resource`: first the resource of the target entry, then another one.
pub(super) fn known(setup: &Setup) -> [String; 2] {
    [RESOURCE, ARCHIVE].map(|path| format!("{}{path}", setup.origin))
}

/// Whom a token is for, by the resources that the request names; without any, every resource of this server.
///
/// Source: RFC 8707 §2.
pub(super) fn audience(sent: &Parameters, setup: &Setup) -> Result<Vec<String>, Reply> {
    let named: Vec<&str> = sent.all("resource").collect();
    if named.is_empty() || setup.makes(Policy::IndicatorsIgnored) {
        return Ok(vec![setup.origin.clone()]);
    }
    if named.len() > 1 && !setup.keeps(Rule::IndicatorRepeatable) {
        return Err(errors::error(setup, "invalid_request", "a parameter is repeated"));
    }
    let known = known(setup);
    let absolute = |name: &&str| Url::parse(name).is_ok_and(|url| url.fragment().is_none());
    let too_many = named.len() > 1 && setup.makes(Policy::IndicatorSingle);
    let fits = |name: &&str| absolute(name) && known.iter().any(|known| known == name);
    if too_many || setup.keeps(Rule::IndicatorKnown) && !named.iter().all(fits) {
        return Err(errors::error(setup, "invalid_target", "the resource is unknown, or one too many"));
    }
    if !setup.keeps(Rule::AudienceFollowsIndicator) {
        return Ok(vec![setup.origin.clone()]);
    }
    let mapped = |name: &str| match setup.makes(Policy::AudienceMapped) {
        true => format!("urn:grantlint:{}", name.rsplit('/').next().unwrap_or_default()),
        false => name.to_owned(),
    };
    Ok(named.into_iter().map(mapped).collect())
}

/// Whether a token for `audience` is for the resource that has an endpoint here. Source: RFC 9700 §2.3.
pub(super) fn is_for_resource(audience: &[String], setup: &Setup) -> bool {
    let [own, _] = known(setup);
    audience.iter().any(|name| *name == setup.origin || *name == own || name == "urn:grantlint:invoices")
}
