//! Whether a recorded request is one that an exchange of the catalogue describes: method, URL, parameters, credentials, fields.
//!
//! What an exchange makes up fits anything that is not known otherwise; what it takes from another answer has to be what stood
//! there.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};

use serde_json::{Map, Value};
use url::Url;

use super::facts::Facts;
use super::form::{ANY, like};
use super::proof::Proof;
use super::walks::Trip;
use crate::suite::files::{Encode, Endpoint, Kind};
use crate::suite::reference::{self, Source};
use crate::suite::{Catalogue, Exchange};
use crate::target::Target;

/// Parameters of OpenID Connect and of products that are about the person or the page, and change nothing of the answer that checks
/// look at. Source: OpenID Connect Core §3.1.2.1.
const BESIDE: [&str; 12] = [
    "acr_values",
    "audience",
    "claims",
    "claims_locales",
    "client_info",
    "display",
    "id_token_hint",
    "login_hint",
    "max_age",
    "nonce",
    "ui_locales",
    "x-client-SKU",
];

/// Lengths that an exchange gives a verifier without meaning anything by it.
const ORDINARY_LENGTHS: [usize; 2] = [43, 44];

/// The length of what is made up of a verifier, and what stands behind it; `None` if the request holds no challenge made from one.
fn verifier_of(exchange: &Exchange) -> Option<(usize, String)> {
    let file = &exchange.file;
    let mut used = false;
    for value in file.query.values().chain(file.params.values()) {
        reference::each(value, &mut |reference| used |= reference.source == Source::Let("verifier".to_owned()));
    }
    let text = file.lets.get("verifier").filter(|_| used)?.as_str()?;
    let (_, more) = text.split_once('}')?;
    match reference::of_text(text).next()?.ok()?.source {
        Source::Random { length, .. } => Some((length, more.to_owned())),
        _ => None,
    }
}

/// Whether a request has what an exchange always sends. Most requests are told apart by that.
fn says_so<'s>(map: &Map<String, Value>, sent: impl Fn(&str) -> Option<&'s str>) -> bool {
    map.iter().all(|(name, value)| match value.as_str() {
        Some(text) if !text.contains("${") => sent(name) == Some(text),
        _ => true,
    })
}

/// What requests are held against.
pub(super) struct World<'w> {
    pub(super) catalogue: &'w Catalogue,
    pub(super) target: &'w Target,
    /// Values that were not made up: tokens that were issued, secrets of known clients.
    pub(super) known: HashSet<String>,
    /// How tokens that were issued begin and end.
    pub(super) issued_ends: HashSet<String>,
    /// Clients that were served somewhere: the recording does not tell that one of them was invented.
    pub(super) served: HashSet<String>,
    /// How the pairs of Basic were encoded that were granted tokens: `form`, `raw`, `either`.
    pub(super) basic: Vec<&'static str>,
    /// Audiences of JWTs that were taken.
    pub(super) audiences: HashSet<String>,
    /// What tells how JWTs were signed.
    pub(super) proof: Proof<'w>,
    /// Reference and value → the token that its transforms make of it.
    pub(super) forged: RefCell<HashMap<(String, String), Value>>,
}

/// Looks up what another exchange sent or answered.
pub(super) type Taken<'t> = &'t dyn Fn(&str, &str) -> Option<Value>;

/// Whether the exchange is one that a single answer can be: one request at a time, without a wait and without a walk.
#[must_use]
pub fn shows(exchange: &Exchange) -> bool {
    let file = &exchange.file;
    let once = file.repeat.as_ref().is_none_or(|repeat| repeat.until.is_some());
    file.kind.unwrap_or_default() == Kind::Request && once && file.wait.is_none() && file.jwts.is_empty()
}

impl World<'_> {
    /// Whether the request may fit, whatever it took from others: by its method and, where that is fixed, its URL.
    pub(super) fn may_fit(&self, exchange: &Exchange, facts: &Facts<'_>) -> bool {
        let asked = facts.heard.asked.as_ref();
        // Bodies that are compared as they were written.
        let literal = exchange.file.raw.is_some() || exchange.file.encode == Some(Encode::FormUnescaped);
        asked.is_some_and(|asked| asked.method == self.method(exchange))
            && says_so(&exchange.file.query, |name| facts.pair(name))
            && (literal || facts.params.is_none() || says_so(&exchange.file.params, |name| facts.pair(name)))
            && (exchange.file.url.is_some() || self.leads_there(exchange, facts, &|_, _| None))
    }

    /// Whether a request that may fit does.
    pub(super) fn fits(&self, exchange: &Exchange, facts: &Facts<'_>, taken: Taken<'_>) -> bool {
        let Some(asked) = &facts.heard.asked else { return false };
        let file = &exchange.file;
        if file.url.is_some() && !self.leads_there(exchange, facts, taken) {
            return false;
        }
        let Some(way) = self.authenticated(exchange, facts, taken) else { return false };
        let Some(mut params) = self.pairs(exchange, &file.params, taken) else { return false };
        let Some(mut query) = self.pairs(exchange, &file.query, taken) else { return false };
        params.extend(way);
        let by_query = asked.method == "GET" && file.encode.is_none() || file.encode == Some(Encode::Query);
        if by_query {
            query.append(&mut params);
        }
        let mut there = self.added(exchange, facts);
        if exchange.file.kind == Some(Kind::Authorize) {
            there.retain(|(name, _)| !BESIDE.contains(&name.as_str()) || exchange.file.query.contains_key(name));
        }
        self.same_pairs(&query, &there)
            && self.same_body(exchange, facts, &params, taken)
            && self.same_fields(exchange, facts, taken)
            && self.same_jwts(exchange, facts, taken)
    }

    /// Whether a request that fits is what the exchange would have sent, and not one that differs in what no server minds.
    pub(super) fn is_exact(&self, exchange: &Exchange, facts: &Facts<'_>, trip: Option<&Trip>) -> bool {
        let Some(trip) = trip.filter(|_| exchange.file.kind == Some(Kind::Authorize)) else {
            let sent = facts.heard.asked.as_ref().and_then(|asked| asked.field("accept"));
            let mut wanted = exchange.file.headers.iter().filter(|(name, _)| is_accept(name));
            return wanted.all(|(_, value)| value.as_str() == sent);
        };
        let beside =
            |(name, _): &(String, String)| BESIDE.contains(&name.as_str()) && !exchange.file.query.contains_key(name);
        let own_origin = exchange.file.headers.keys().any(|name| name.eq_ignore_ascii_case("origin"));
        let origin = facts.heard.asked.as_ref().is_some_and(|asked| asked.field("origin").is_some());
        let length = verifier_of(exchange)
            .is_none_or(|(length, more)| trip.verifier.as_ref().is_none_or(|own| own.len() == length + more.len()));
        !facts.query.iter().any(beside) && origin == own_origin && length
    }

    /// Whether what the challenge of a walk was made from is of the length and the letters that the exchange says.
    ///
    /// Source: RFC 7636 §4.1.
    pub(super) fn verifier_fits(&self, exchange: &Exchange, trip: &Trip) -> bool {
        let Some((length, more)) = verifier_of(exchange) else { return true };
        let ordinary = more.is_empty() && ORDINARY_LENGTHS.contains(&length);
        let Some(verifier) = &trip.verifier else { return ordinary };
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        if ordinary {
            return (43..=128).contains(&verifier.len()) && verifier.bytes().all(plain);
        }
        verifier.strip_suffix(more.as_str()).is_some_and(|own| own.len() == length && own.bytes().all(plain))
    }

    fn method(&self, exchange: &Exchange) -> String {
        let file = &exchange.file;
        match (&file.method, file.endpoint) {
            (Some(own), _) => own.clone(),
            (None, Some(Endpoint::Resource)) => self.target.text("resource.method").unwrap_or_else(|| "GET".into()),
            (None, Some(Endpoint::MetadataUrl | Endpoint::AuthorizationEndpoint)) => "GET".into(),
            (None, _) => "POST".into(),
        }
    }

    fn meant(&self, exchange: &Exchange, taken: Taken<'_>) -> Option<Url> {
        let file = &exchange.file;
        let url = match (&file.url, file.endpoint) {
            (Some(own), _) => self.filled(exchange, &Value::String(own.clone()), taken)?.as_str()?.to_owned(),
            (None, Some(endpoint)) => self.target.url_of(endpoint.name())?,
            (None, None) => return None,
        };
        // What is made up stands in paths as it would be sent.
        let mut url = Url::parse(&url.replace(ANY, "grantlint-any")).ok()?;
        url.set_fragment(None);
        Some(url)
    }

    fn leads_there(&self, exchange: &Exchange, facts: &Facts<'_>, taken: Taken<'_>) -> bool {
        let (Some(meant), Some(url)) = (self.meant(exchange, taken), &facts.url) else { return false };
        let path = meant.path().replace("grantlint-any", &ANY.to_string());
        meant.origin() == url.origin() && like(&path, url.path()).is_some()
    }

    /// The pairs of the query that the URL of the endpoint has not by itself.
    fn added(&self, exchange: &Exchange, facts: &Facts<'_>) -> Vec<(String, String)> {
        let own = self.meant(exchange, &|_, _| None);
        let own: Vec<(String, String)> = own.iter().flat_map(|url| url.query_pairs().into_owned()).collect();
        facts.query.iter().filter(|pair| !own.contains(pair)).cloned().collect()
    }

    /// Pairs of a map with their values; what has none is left out. `None` where a value that is needed is not there.
    fn pairs(&self, exchange: &Exchange, map: &Map<String, Value>, taken: Taken<'_>) -> Option<Vec<(String, String)>> {
        let mut pairs = Vec::new();
        for (name, value) in map {
            match self.filled(exchange, value, taken)? {
                Value::Null => {}
                Value::Array(values) => pairs.extend(values.into_iter().map(|value| (name.clone(), text(value)))),
                value => pairs.push((name.clone(), text(value))),
            }
        }
        Some(pairs)
    }

    /// The same names as often, with the same values in the same order.
    fn same_pairs(&self, wanted: &[(String, String)], there: &[(String, String)]) -> bool {
        wanted.len() == there.len() && {
            let (mut wanted, mut there) = (wanted.to_vec(), there.to_vec());
            // Stable: values of one name keep their order, which is what a server may go by.
            wanted.sort_by(|one, other| one.0.cmp(&other.0));
            there.sort_by(|one, other| one.0.cmp(&other.0));
            wanted.iter().zip(&there).all(|(wanted, there)| wanted.0 == there.0 && self.same(&wanted.1, &there.1))
        }
    }

    pub(super) fn same(&self, wanted: &str, there: &str) -> bool {
        like(wanted, there).is_some_and(|made_up| {
            made_up.is_empty()
                || !made_up.iter().chain([&there]).any(|one| self.known.contains(*one) || self.is_altered(one))
        })
    }

    /// Whether a text is a token that was issued, but for a few letters: then nobody made it up.
    fn is_altered(&self, text: &str) -> bool {
        ends(text).into_iter().flatten().any(|end| self.issued_ends.contains(&end))
    }

    fn same_body(&self, exchange: &Exchange, facts: &Facts<'_>, params: &[(String, String)], taken: Taken<'_>) -> bool {
        let file = &exchange.file;
        let asked = facts.heard.asked.as_ref();
        let body = asked.and_then(|asked| asked.body.as_deref());
        if let Some(raw) = &file.raw {
            let raw = self.filled(exchange, &Value::String(raw.clone()), taken).map(text);
            return raw.is_some_and(|raw| body.is_some_and(|body| self.same(&raw, &String::from_utf8_lossy(body))));
        }
        if file.endpoint == Some(Endpoint::Resource) && file.params.is_empty() {
            // The document that is posted is the target's own affair.
            return true;
        }
        let Some(body) = body else { return false };
        if params.is_empty() {
            return body.is_empty();
        }
        let own_type = file.headers.keys().any(|name| name.eq_ignore_ascii_case("content-type"));
        let essence = asked.and_then(|asked| asked.essence()).unwrap_or_default();
        let is = |wanted: &str| own_type || essence == wanted;
        match file.encode.unwrap_or(Encode::Form) {
            Encode::Query => true,
            Encode::Json => is("application/json") && facts.is_json && self.same_params(params, facts),
            Encode::Form => {
                is("application/x-www-form-urlencoded") && self.same_params(params, facts) && facts.is_escaped
            }
            Encode::FormUnescaped => {
                let pairs: Vec<String> = params.iter().map(|(name, value)| format!("{name}={value}")).collect();
                let whole = String::from_utf8_lossy(body);
                let sent: Vec<&str> = whole.split('&').collect();
                is("application/x-www-form-urlencoded")
                    && pairs.len() == sent.len()
                    && pairs.iter().zip(sent).all(|(wanted, there)| self.same(wanted, there))
            }
        }
    }

    fn same_params(&self, params: &[(String, String)], facts: &Facts<'_>) -> bool {
        let body = facts.heard.asked.as_ref().and_then(|asked| asked.body.as_deref());
        // A form that is said to be something else.
        let read = || url::form_urlencoded::parse(body.unwrap_or_default()).into_owned().collect();
        self.same_pairs(params, &facts.params.clone().unwrap_or_else(read))
    }

    /// Fields that the exchange names. What every program chooses for itself counts only where it is what the exchange is about.
    fn same_fields(&self, exchange: &Exchange, facts: &Facts<'_>, taken: Taken<'_>) -> bool {
        let Some(asked) = &facts.heard.asked else { return false };
        let base = exchange.like.as_ref().and_then(|like| self.catalogue.exchanges.get(like));
        for (name, value) in &exchange.file.headers {
            let of_base = base.and_then(|base| {
                base.file.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            });
            // Who says that anything will do means it.
            let indifferent =
                is_accept(name) && (base.is_none() || of_base == Some(value)) && value.as_str() != Some("*/*");
            if indifferent {
                continue;
            }
            let Some(wanted) = self.filled(exchange, value, taken) else { return false };
            let wanted: Vec<String> = match wanted {
                Value::Null => continue,
                Value::Array(values) => values.into_iter().map(text).collect(),
                one => vec![text(one)],
            };
            let there: Vec<&str> = asked
                .headers
                .iter()
                .filter(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.as_str())
                .collect();
            if wanted.len() != there.len()
                || !wanted.iter().zip(there).all(|(wanted, there)| self.same(wanted.trim(), there.trim()))
            {
                return false;
            }
        }
        true
    }
}

fn is_accept(name: &str) -> bool {
    name.eq_ignore_ascii_case("accept")
}

/// How a token begins and how it ends, in lower case; nothing of short ones, which may be alike by chance, nor how JWTs begin, which is
/// much alike.
pub(super) fn ends(token: &str) -> [Option<String>; 2] {
    let long = token.len() >= 2 * END;
    let end = |text: Option<&str>| text.filter(|_| long).map(str::to_ascii_lowercase);
    [
        end(token.get(..END).filter(|begin| !begin.starts_with("eyJ"))),
        end(token.len().checked_sub(END).and_then(|from| token.get(from..))),
    ]
}

/// Bytes of an end.
const END: usize = 12;

/// Whether grantlint made a client up: nobody else gives such names.
pub(super) fn is_invented(client_id: &str) -> bool {
    client_id.strip_prefix("grantlint-").is_some_and(|rest| rest.len() == 32)
}

pub(super) fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
