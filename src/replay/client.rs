//! Who a recorded request speaks for, and how it says so: whether that is what an exchange would have said.

use super::facts::Facts;
use super::fit::{Taken, World, is_invented, text};
use super::form::{ANY, SIGNS, like};
use crate::suite::Exchange;
use crate::suite::files::{Absentable, Authenticate, By, Jwt, Signer, Who};

use serde_json::Value;

impl World<'_> {
    /// The parameters that the way of authentication adds; `None` where the request authenticates in another way, or as another.
    pub(super) fn authenticated(
        &self,
        exchange: &Exchange,
        facts: &Facts<'_>,
        taken: Taken<'_>,
    ) -> Option<Vec<(String, String)>> {
        let own_field = exchange.file.headers.keys().any(|name| name.eq_ignore_ascii_case("authorization"));
        let field = facts.heard.asked.as_ref().and_then(|asked| asked.field("authorization"));
        let Some(Absentable::Is(authenticate)) = &exchange.file.authenticate else {
            return (own_field || field.is_none()).then(Vec::new);
        };
        let anonymous = field.is_none() && facts.client_id().is_none() && facts.param("client_assertion").is_none();
        if authenticate.who == Who::AssertionGrant && anonymous {
            return Some(Vec::new());
        }
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
            let names = names.iter().filter(|name| !exchange.file.params.contains_key(**name));
            let sent = |name: &&str| facts.param(name).map(|value| pair(name, value));
            let own_id = exchange.file.params.contains_key("client_id");
            let id_fits = own_id || facts.param("client_id").is_none_or(|sent| self.is_id(&id, sent));
            let signer = match authenticate.who {
                Who::SecondClient => Signer::SecondClient,
                _ => Signer::Client,
            };
            let ordinary = Jwt { of: Some(signer), ..Jwt::default() };
            let jwt = authenticate.jwt.as_ref().map_or(ordinary, |own| Jwt { of: Some(signer), ..own.clone() });
            let fits = facts
                .param("client_assertion")
                .is_some_and(|sent| self.is_signed(exchange, &jwt, by, sent, facts, taken));
            return (fits && id_fits && field.is_none()).then(|| names.filter_map(sent).collect());
        }
        if own_field {
            return Some(Vec::new());
        }
        let basic = facts.basic.as_ref()?;
        let (alphabets, encodings): (&[&str], &[&str]) = match by {
            By::BasicFormEncoded => (&["standard", "either"], &["form", "either"]),
            By::BasicRaw => (&["standard", "either"], &["raw", "either"]),
            By::BasicUrlSafe => (&["url-safe", "either"], &["raw", "either"]),
            // In the way that works, if there is one that does.
            _ if self.basic.is_empty() => (&["standard", "either"], &["form", "raw", "either"]),
            _ => (&["standard", "either"], &self.basic),
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
            let made_up = wanted.contains(SIGNS);
            like(wanted, there).is_some() && (!made_up || stranger())
        })
    }

    fn is_secret(&self, wanted: &Option<String>, there: &str) -> bool {
        wanted.as_ref().is_none_or(|wanted| self.same(wanted, there))
    }
}
