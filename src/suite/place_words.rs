//! Places of an exchange document as a reader of a report knows them.

/// A place in words, where there are better ones than its path.
#[must_use]
pub fn place(place: &str) -> String {
    let (mut place, mut behind) = (place, Vec::new());
    // A place may come from a saved run, where anything may be nested.
    while let Some((below, words)) = part(place) {
        place = below;
        behind.push(words);
    }
    behind.iter().rev().fold(within(place), |words, behind| words + behind)
}

/// What is below a part of a walk or of a repeated exchange, and the words for the part.
fn part(place: &str) -> Option<(&str, String)> {
    if WHOLE.iter().any(|(known, _)| *known == place) {
        return None;
    }
    let below = |rest: &&str| rest.starts_with('/');
    if let Some(control) = place.strip_prefix("/control").filter(below) {
        return Some((control, String::new()));
    }
    if let Some(each) = place.strip_prefix("/all/*").filter(below) {
        return Some((each, " of every answer".to_owned()));
    }
    let rest = place.strip_prefix("/steps/")?;
    let (nth, step) = rest.split_at(rest.find('/')?);
    let words = match nth.parse::<usize>() {
        Ok(nth) => format!(" at step {} of the walk", nth.saturating_add(1)),
        Err(_) => " at the steps of the walk".to_owned(),
    };
    Some((step, words))
}

/// A place of one exchange.
fn within(place: &str) -> String {
    if let Some((_, words)) = WHOLE.iter().find(|(known, _)| *known == place) {
        return (*words).to_owned();
    }
    if let Some(header) = place.strip_prefix("/response/headers/") {
        return format!("the header {}", header.split('/').next().unwrap_or(header));
    }
    if let Some((token, part)) =
        place.strip_prefix("/response/jwt/").map(|rest| rest.split_once('/').unwrap_or((rest, "")))
    {
        return match (part.split_once('/').unwrap_or((part, "")), part) {
            (_, "") => format!("{token} as a JWT"),
            (("claims", name), _) if !name.is_empty() => format!("the claim {} of {token}", member(name)),
            (("header", name), _) if !name.is_empty() => format!("{} in the JWT header of {token}", member(name)),
            (("header", _), _) => format!("the JWT header of {token}"),
            (_, part) => format!("the {} of {token}", member(part)),
        };
    }
    for (prefix, behind) in MEMBERS {
        if let Some(name) = place.strip_prefix(prefix).filter(|name| !name.is_empty()) {
            return format!("{}{behind}", member(name));
        }
    }
    place.trim_start_matches('/').replace("response/", "").replace('/', " ")
}

/// A path below as names that follow each other.
fn member(path: &str) -> String {
    path.replace('/', ".").replace("~1", "/").replace("~0", "~")
}

/// Places that are told as a whole.
const WHOLE: [(&str, &str); 27] = [
    ("/answer", "the answer"),
    ("/all/*/answer", "every answer"),
    ("/outcome", "the outcome"),
    ("/ended", "the end of the walk"),
    ("/response/status", "the status"),
    ("/status", "the status"),
    ("/response/json", "the body as JSON"),
    ("/response/json_problem", "the problem of the JSON body"),
    ("/response/json_problem/kind", "the problem of the JSON body"),
    ("/response/body/text", "the body"),
    ("/response/body/length", "the length of the body"),
    ("/response/cache_control", "Cache-Control"),
    ("/response/media_type/essence", "the media type"),
    ("/response/media_type", "the media type"),
    ("/response/challenges/*/scheme", "WWW-Authenticate"),
    ("/response/challenges", "WWW-Authenticate"),
    ("/response/echoes", "the secrets repeated in the answer"),
    ("/redirect", "the redirect"),
    ("/redirect/to", "the address of the redirect"),
    ("/redirect/via", "the way of the redirect"),
    ("/request/method", "the method of the request"),
    ("/request/authorization", "the Authorization header of the request"),
    ("/handshake/answered", "the answer to the TLS hello"),
    ("/handshake/certificate/trusted", "the trust in the certificate"),
    ("/handshake/certificate/matches_host", "the host name in the certificate"),
    ("/handshake/certificate/days_left", "the number of days until the certificate ends"),
    ("/timing/elapsed_ms", "the time to the whole answer in milliseconds"),
];

/// Where members stand: what leads there, and the words behind their names.
const MEMBERS: [(&str, &str); 9] = [
    ("/response/json/", ""),
    ("/response/challenges/*/parameters/", " in WWW-Authenticate"),
    ("/redirect/parameters/", " of the redirect"),
    ("/redirect/query/", " in the query of the redirect"),
    ("/redirect/fragment/", " in the fragment of the redirect"),
    ("/redirect/form/", " in the form of the redirect"),
    ("/request/params/", " of the request"),
    ("/request/query/", " in the query of the request"),
    ("/target/", " of the target file"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_read_as_a_person_would_say_them() {
        for (at, words) in [
            ("/response/json/expires_in", "expires_in"),
            ("/response/json/keys/0/kid", "keys.0.kid"),
            ("/response/headers/cache-control/0", "the header cache-control"),
            ("/response/jwt/access_token/claims/aud", "the claim aud of access_token"),
            ("/response/jwt/access_token/claims", "the claims of access_token"),
            ("/response/jwt/access_token/header/typ", "typ in the JWT header of access_token"),
            ("/response/jwt/access_token", "access_token as a JWT"),
            ("/all/*/response/json/access_token", "access_token of every answer"),
            ("/steps/0/response/status", "the status at step 1 of the walk"),
            ("/control/answer", "the answer"),
            ("/redirect/parameters/state", "state of the redirect"),
            ("/target/client/client_id", "client.client_id of the target file"),
            ("/response/http_version", "http_version"),
        ] {
            assert_eq!(place(at), words);
        }
    }

    #[test]
    fn a_place_that_is_nested_without_end_is_told() {
        for part in ["/all/*", "/control", "/steps/0"] {
            assert!(place(&format!("{}/outcome", part.repeat(100_000))).starts_with("the outcome"));
        }
        assert_eq!(
            place(&format!("/steps/{}/answer", usize::MAX)),
            format!("the answer at step {} of the walk", usize::MAX)
        );
    }
}
