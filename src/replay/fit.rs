//! Whether a recorded request is one that an exchange of the catalogue describes: method, URL, parameters, credentials, fields.
//!
//! What an exchange makes up fits anything that is not known otherwise; what it takes from another answer has to be what stood
//! there.

use std::collections::HashSet;

use serde_json::{Map, Value};
use url::Url;

use super::facts::Facts;
use super::form::{ANY, ONE, like};
use crate::suite::files::{Absentable, Authenticate, By, Encode, Endpoint, Kind, Who};
use crate::suite::reference::{self, Missing, Reference, Source};
use crate::suite::{Catalogue, Exchange};
use crate::target::Target;

/// What requests are held against.
pub(super) struct World<'w> {
    pub(super) catalogue: &'w Catalogue,
    pub(super) target: &'w Target,
    /// Values that were not made up: tokens that were issued, secrets of known clients.
    pub(super) known: HashSet<String>,
    /// Clients that were served somewhere: the recording does not tell that one of them was invented.
    pub(super) served: HashSet<String>,
}

/// Made-up values of this length on are about their length.
const LONG: usize = 200;

/// Looks up what another exchange sent or answered.
pub(super) type Taken<'t> = &'t dyn Fn(&str, &str) -> Option<Value>;

/// Whether the exchange is one that a recording of others can show: one request at a time, without a wait and without a walk.
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
        asked.is_some_and(|asked| asked.method == self.method(exchange))
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
        self.same_pairs(&query, &self.added(exchange, facts))
            && self.same_body(exchange, facts, &params, taken)
            && self.same_fields(exchange, facts, taken)
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

    fn filled(&self, exchange: &Exchange, value: &Value, taken: Taken<'_>) -> Option<Value> {
        reference::fill(value, &mut |reference| self.resolved(exchange, reference, taken)).ok()
    }

    fn resolved(&self, exchange: &Exchange, reference: &Reference, taken: Taken<'_>) -> Result<Value, Missing> {
        let gone = || Missing::Unrecorded(String::new());
        match &reference.source {
            Source::Target(path) => match self.target.value(path) {
                Some(value) => Ok(value),
                None if reference.optional => Ok(Value::Null),
                None => Err(gone()),
            },
            // However long it is: that is what tells one of these from another.
            Source::Random { kind, length } if kind == "filler" => Ok("a".repeat(*length).into()),
            Source::Random { length, .. } if *length >= LONG => Ok(ONE.to_string().repeat(*length).into()),
            Source::Random { .. } | Source::Jwt(_) => Ok(ANY.to_string().into()),
            Source::Let(name) => {
                let value = exchange.file.lets.get(name).ok_or_else(gone)?;
                self.filled(exchange, value, taken).ok_or_else(gone)
            }
            Source::Place { name, place } => {
                taken(name, place).filter(|value| value.is_string() || value.is_number()).ok_or_else(gone)
            }
            Source::Registry(name) => {
                self.catalogue.registries.get(name).map(|registry| registry.values.clone()).ok_or_else(gone)
            }
            Source::Own(_) | Source::Now => Err(gone()),
        }
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

    fn same(&self, wanted: &str, there: &str) -> bool {
        like(wanted, there).is_some_and(|made_up| !made_up.iter().any(|one| self.known.contains(*one)))
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
        facts.params.as_ref().is_some_and(|there| self.same_pairs(params, there))
    }

    /// Fields that the exchange names. What every program chooses for itself counts only where it is what the exchange is about.
    fn same_fields(&self, exchange: &Exchange, facts: &Facts<'_>, taken: Taken<'_>) -> bool {
        let Some(asked) = &facts.heard.asked else { return false };
        let base = exchange.like.as_ref().and_then(|like| self.catalogue.exchanges.get(like));
        for (name, value) in &exchange.file.headers {
            let of_base = base.and_then(|base| {
                base.file.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
            });
            let indifferent = name.eq_ignore_ascii_case("accept") && (base.is_none() || of_base == Some(value));
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

    /// The parameters that the way of authentication adds; `None` where the request authenticates in another way, or as another.
    fn authenticated(&self, exchange: &Exchange, facts: &Facts<'_>, taken: Taken<'_>) -> Option<Vec<(String, String)>> {
        let own_field = exchange.file.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        let field = facts.heard.asked.as_ref().and_then(|asked| asked.field("authorization"));
        let Some(Absentable::Is(authenticate)) = &exchange.file.authenticate else {
            return (own_field || field.is_none()).then(Vec::new);
        };
        let by = authenticate.by.or_else(|| self.way_of(facts, authenticate))?;
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let (id, secret) = self.credentials(exchange, authenticate, taken)?;
        if by == By::Post || by == By::None {
            if field.is_some() && !own_field {
                return None;
            }
            let (sent_id, sent_secret) = (facts.param("client_id")?, facts.param("client_secret"));
            if !self.is_id(&id, sent_id) || by == By::Post && !self.is_secret(&secret, sent_secret?) {
                return None;
            }
            let mut pairs = vec![pair("client_id", sent_id)];
            pairs.extend(sent_secret.filter(|_| by == By::Post).map(|secret| pair("client_secret", secret)));
            return Some(pairs);
        }
        if by.is_assertion() {
            let names = ["client_id", "client_assertion_type", "client_assertion"];
            let sent = |name: &&str| facts.param(name).map(|value| pair(name, value));
            let id_fits = facts.param("client_id").is_none_or(|sent| self.is_id(&id, sent));
            // What is wrong with an assertion cannot be told from one that is right.
            let ordinary = authenticate.by.is_none() && authenticate.jwt.is_none();
            return (ordinary && id_fits && field.is_none()).then(|| names.iter().filter_map(sent).collect());
        }
        if own_field {
            return Some(Vec::new());
        }
        let basic = facts.basic.as_ref()?;
        let (alphabets, encodings): (&[&str], &[&str]) = match by {
            By::BasicFormEncoded => (&["standard", "either"], &["form", "either"]),
            By::BasicRaw => (&["standard", "either"], &["raw", "either"]),
            By::BasicUrlSafe => (&["url-safe", "either"], &["raw", "either"]),
            _ => (&["standard", "either"], &["form", "raw", "either"]),
        };
        let scheme = if by == By::BasicLowerCase { "basic" } else { "Basic" };
        let fits = basic.scheme == scheme
            && alphabets.contains(&basic.alphabet)
            && encodings.contains(&basic.encoding)
            && self.is_id(&id, &basic.id)
            && self.is_secret(&secret, &basic.secret);
        fits.then(Vec::new)
    }

    /// How the request authenticates, for exchanges that take whichever way the target takes.
    fn way_of(&self, facts: &Facts<'_>, authenticate: &Authenticate) -> Option<By> {
        if facts.basic.is_some() {
            return Some(By::Basic);
        }
        if facts.param("client_assertion").is_some() {
            return Some(By::PrivateKeyJwt);
        }
        if facts.param("client_secret").is_some() {
            return Some(By::Post);
        }
        let without = authenticate.who == Who::PublicClient || !self.target.claims("client_secret");
        (facts.param("client_id").is_some() && without).then_some(By::None)
    }

    /// Id and secret that are meant: `ANY` for what is made up, nothing for what nobody knows.
    fn credentials(
        &self,
        exchange: &Exchange,
        authenticate: &Authenticate,
        taken: Taken<'_>,
    ) -> Option<(Option<String>, Option<String>)> {
        let client = match authenticate.who {
            Who::SecondClient => "second_client",
            Who::PublicClient => "public_client",
            Who::Stranger => "",
            Who::Client | Who::ResourceServer | Who::AssertionGrant => "client",
        };
        let own = |given: &Option<String>, member: &str| match given {
            Some(given) => self.filled(exchange, &Value::String(given.clone()), taken).map(|value| Some(text(value))),
            None if client.is_empty() => Some(Some(ANY.to_string())),
            None => Some(self.target.text(&format!("{client}.{member}"))),
        };
        let id = own(&authenticate.client_id, "client_id")?;
        // The target may have no such client.
        id.as_ref()?;
        Some((id, own(&authenticate.client_secret, "client_secret")?))
    }

    fn is_id(&self, wanted: &Option<String>, there: &str) -> bool {
        let clients = ["client.client_id", "second_client.client_id", "public_client.client_id"];
        let registered = || clients.iter().any(|client| self.target.text(client).as_deref() == Some(there));
        let stranger = || is_invented(there) || !registered() && !self.served.contains(there);
        wanted.as_ref().is_some_and(|wanted| {
            let made_up = wanted.contains([ANY, ONE]);
            like(wanted, there).is_some() && (!made_up || stranger())
        })
    }

    fn is_secret(&self, wanted: &Option<String>, there: &str) -> bool {
        wanted.as_ref().is_none_or(|wanted| self.same(wanted, there))
    }
}

/// Whether grantlint made a client up: nobody else gives such names.
pub(super) fn is_invented(client_id: &str) -> bool {
    client_id.strip_prefix("grantlint-").is_some_and(|rest| rest.len() == 32)
}

fn text(value: Value) -> String {
    match value {
        Value::String(text) => text,
        Value::Null => String::new(),
        other => other.to_string(),
    }
}
