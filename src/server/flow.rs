//! What the server remembers of users and of what they granted: sessions, requests that wait for a page, codes and refresh tokens.

use std::collections::{HashMap, HashSet};

use super::message::Reply;
use super::parameters::Parameters;

/// Most entries of each kind; what comes after is not remembered. Test servers see a few hundred.
const MOST: usize = 10_000;

/// What a client is told when its request is refused: code and description.
pub(super) type Refused = (&'static str, &'static str);

/// An authorization request that passed, while its user logs in and consents.
#[derive(Debug, Clone, Default)]
pub(super) struct Request {
    pub(super) client_id: String,
    /// Where the answer goes.
    pub(super) redirect_uri: String,
    /// As it was sent; without it the registered one is used.
    pub(super) redirect_uri_sent: Option<String>,
    pub(super) scope: String,
    pub(super) state: Option<String>,
    /// Value and method (RFC 7636 §4.3).
    pub(super) challenge: Option<(String, String)>,
    pub(super) form_post: bool,
    /// What the client is told once the user has logged in.
    pub(super) refused: Option<Refused>,
    /// The request as it was sent, where the user logs in before anybody looks at it; nothing else is known then.
    pub(super) unread: Option<Parameters>,
    pub(super) web_message: bool,
    /// `response_type=token` (RFC 6749 §4.2).
    pub(super) implicit: bool,
    pub(super) scope_sent: Option<String>,
    /// `prompt=consent` (OpenID Connect Core §3.1.2.1): asked although it was granted before.
    pub(super) ask_again: bool,
    /// What the grant is for (RFC 8707 §2.1); empty: nothing in particular.
    pub(super) resources: Vec<String>,
}

/// A code that was issued.
#[derive(Debug, Clone)]
pub(super) struct Code {
    pub(super) request: Request,
    pub(super) user: String,
    pub(super) expires_ms: u64,
    /// When it was redeemed.
    pub(super) used_ms: Option<u64>,
    /// The family of tokens that came of it.
    pub(super) family: u64,
}

/// A refresh token that was issued.
#[derive(Debug, Clone)]
pub(super) struct Refresh {
    pub(super) client_id: String,
    pub(super) user: String,
    /// What the user granted.
    pub(super) scope: String,
    /// The resources that the user granted (RFC 8707 §2.2); empty: none in particular.
    pub(super) resources: Vec<String>,
    pub(super) used: bool,
    /// When it was rotated.
    pub(super) rotated_ms: Option<u64>,
    pub(super) revoked: bool,
    pub(super) family: u64,
    /// What its rotation was answered.
    pub(super) answer: Option<Reply>,
}

/// Sessions, codes and refresh tokens.
#[derive(Debug, Default)]
pub(super) struct Flow {
    /// Cookie → user.
    pub(super) sessions: HashMap<String, String>,
    /// Identifier in the pages' forms → request.
    pub(super) waiting: HashMap<String, Request>,
    /// User, client and scope that were granted before.
    pub(super) granted: HashSet<(String, String, String)>,
    pub(super) codes: HashMap<String, Code>,
    pub(super) refresh: HashMap<String, Refresh>,
    /// Access token → family.
    pub(super) families: HashMap<String, u64>,
    pub(super) next_family: u64,
    /// Client that registered itself → the token that it deletes itself with (RFC 7592 §3).
    pub(super) registered: HashMap<String, String>,
}

impl Flow {
    /// Puts an entry into one of the maps, unless it is full.
    pub(super) fn put<V>(map: &mut HashMap<String, V>, key: String, value: V) {
        if map.len() < MOST {
            map.insert(key, value);
        }
    }

    /// The families of everything that the user of this one granted its client. Codes that were not redeemed are forgotten, and the
    /// user is asked again.
    pub(super) fn whole_grant(&mut self, family: u64) -> Vec<u64> {
        let owner = |code: &Code| (code.user.clone(), code.request.client_id.clone());
        let Some(owned) = self.codes.values().find(|code| code.family == family).map(owner) else {
            return vec![family];
        };
        self.codes.retain(|_, code| code.used_ms.is_some() || owner(code) != owned);
        self.granted.retain(|(user, client, _)| (user, client) != (&owned.0, &owned.1));
        self.codes.values().filter(|code| owner(code) == owned).map(|code| code.family).collect()
    }

    /// Revokes the refresh tokens of a family and names its access tokens.
    pub(super) fn revoke_family(&mut self, family: u64) -> Vec<String> {
        self.refresh.values_mut().filter(|one| one.family == family).for_each(|one| one.revoked = true);
        self.families.iter().filter(|(_, of)| **of == family).map(|(token, _)| token.clone()).collect()
    }
}
