//! Resource indicators: which resources a client names, which of them a user's grant is for, and whom its tokens are then for.

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

/// Whom a token of the client's own is for, by the resources that the request names; without any, every resource of this server.
///
/// Source: RFC 8707 §2.
pub(super) fn audience(sent: &Parameters, setup: &Setup) -> Result<Vec<String>, Reply> {
    audience_of_grant(sent, &[], setup)
}

/// The resources that an authorization request names; the error that its client is told if one is not to be had.
///
/// Source: RFC 8707 §2.1.
pub(super) fn asked(sent: &Parameters, setup: &Setup) -> Result<Vec<String>, (&'static str, &'static str)> {
    let named: Vec<String> = sent.all("resource").map(str::to_owned).collect();
    if setup.makes(Policy::IndicatorsIgnored) || setup.makes(Policy::IndicatorTokenRequest) {
        return Ok(Vec::new());
    }
    let fits = named.iter().all(|name| is_known(name, setup)) || !setup.keeps(Rule::IndicatorKnownAtAuthorization);
    if fits && !too_many(named.len(), setup) { Ok(named) } else { Err(("invalid_target", UNFIT)) }
}

/// Whom a token is for that comes of a grant for the resources `granted`: those of them that the request names, or all. A grant for
/// none in particular is good for every resource that the request may name.
///
/// Source: RFC 8707 §2.2.
pub(super) fn audience_of_grant(sent: &Parameters, granted: &[String], setup: &Setup) -> Result<Vec<String>, Reply> {
    let mut named: Vec<String> = sent.all("resource").map(str::to_owned).collect();
    if setup.makes(Policy::IndicatorsIgnored) {
        return Ok(vec![setup.origin.clone()]);
    }
    if named.len() > 1 && !setup.keeps(Rule::IndicatorRepeatable) {
        return Err(errors::error(setup, "invalid_request", "a parameter is repeated"));
    }
    let refused = || Err(errors::error(setup, "invalid_target", UNFIT));
    let fits = |name: &String| granted.contains(name) || is_known(name, setup);
    if too_many(named.len(), setup) || setup.keeps(Rule::IndicatorKnown) && !named.iter().all(fits) {
        return refused();
    }
    if !granted.is_empty() {
        if setup.makes(Policy::IndicatorBeyondDropped) {
            named.retain(|name| granted.contains(name));
        }
        if setup.keeps(Rule::IndicatorWithinGrant) && !named.iter().all(|name| granted.contains(name)) {
            return refused();
        }
        if named.is_empty() || !setup.keeps(Rule::IndicatorNarrows) {
            granted.clone_into(&mut named);
        }
    }
    if named.is_empty() || !setup.keeps(Rule::AudienceFollowsIndicator) {
        return Ok(vec![setup.origin.clone()]);
    }
    let mapped = |name: String| match setup.makes(Policy::AudienceMapped) {
        true => format!("urn:grantlint:{}", name.rsplit('/').next().unwrap_or_default()),
        false => name,
    };
    Ok(named.into_iter().map(mapped).collect())
}

/// An absolute URI without a fragment, of a resource that this server knows. Source: RFC 8707 §2.
fn is_known(name: &str, setup: &Setup) -> bool {
    let absolute = Url::parse(name).is_ok_and(|url| url.fragment().is_none());
    absolute && known(setup).iter().any(|known| known == name)
}

fn too_many(resources: usize, setup: &Setup) -> bool {
    resources > 1 && setup.makes(Policy::IndicatorSingle)
}

/// Whether a token for `audience` is for the resource that has an endpoint here. Source: RFC 9700 §2.3.
pub(super) fn is_for_resource(audience: &[String], setup: &Setup) -> bool {
    let [own, _] = known(setup);
    audience.iter().any(|name| *name == setup.origin || *name == own || name == "urn:grantlint:invoices")
}

const UNFIT: &str = "the resource is unknown, not granted, or one too many";
