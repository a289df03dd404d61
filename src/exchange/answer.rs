//! `/answer`: one word for how an exchange ended.

use serde_json::Value;

/// Statuses that HTTP software in front of an endpoint answers on its own; without an OAuth error object they say nothing
/// about OAuth (DESIGN 3.2).
const HTTP_LEVEL: [u64; 12] = [404, 405, 406, 408, 411, 413, 414, 415, 429, 431, 502, 504];

/// The word for a response, `None` when there was none.
///
/// `token`: 2xx with an `access_token`; `error`: an object whose `error` is a string (RFC 6749 §5.2); `introspection`: an
/// object with `active` (RFC 7662 §2.2); the rest as DESIGN 3.2 has it. The first that fits, from the most telling down.
#[must_use]
pub fn answer(response: &Value) -> Option<&'static str> {
    let status = response.get("status")?.as_u64()?;
    let json = response.get("json");
    let member = |name: &str| json.and_then(|json| json.get(name));
    let media_type = response.pointer("/media_type/essence").and_then(Value::as_str).unwrap_or_default();
    let is_error = member("error").is_some_and(Value::is_string);
    let success = (200..300).contains(&status);
    Some(if success && member("access_token").is_some() {
        "token"
    } else if is_error && status < 500 {
        "error"
    } else if HTTP_LEVEL.contains(&status) || (status == 503 && !is_error) {
        "http"
    } else if status >= 500 {
        "crash"
    } else if success && member("active").is_some() {
        "introspection"
    } else if status == 401 || (status == 403 && has_challenge(response)) {
        "challenge"
    } else if (300..400).contains(&status) {
        "redirect"
    } else if media_type == "text/html" || media_type == "application/xhtml+xml" {
        if is_login(response) {
            "login"
        } else if success {
            "page"
        } else {
            "error_page"
        }
    } else if success {
        "success"
    } else {
        "other"
    })
}

fn has_challenge(response: &Value) -> bool {
    response.get("challenges").and_then(Value::as_array).is_some_and(|all| !all.is_empty())
}

/// A page with a password field is a login page, whatever its status.
fn is_login(response: &Value) -> bool {
    let text = response.pointer("/body/text").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
    text.contains("type=\"password\"") || text.contains("type='password'") || text.contains("type=password")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_way_to_end_has_one_word() {
        let word = |status: u16, json: Value, media_type: &str, text: &str| {
            let response =
                json!({"status": status, "json": json, "media_type": {"essence": media_type}, "body": {"text": text}});
            answer(&response).unwrap()
        };
        assert_eq!(word(200, json!({"access_token": "x"}), "application/json", ""), "token");
        assert_eq!(word(400, json!({"error": "invalid_request"}), "application/json", ""), "error");
        assert_eq!(word(200, json!({"error": "invalid_request"}), "application/json", ""), "error");
        assert_eq!(word(415, json!({"error": "invalid_request"}), "application/json", ""), "error");
        assert_eq!(word(415, json!(null), "text/plain", ""), "http");
        assert_eq!(word(500, json!({"error": "server_error"}), "application/json", ""), "crash");
        assert_eq!(word(200, json!({"active": false}), "application/json", ""), "introspection");
        assert_eq!(word(302, json!(null), "", ""), "redirect");
        assert_eq!(word(200, json!(null), "text/html", "<input type=password>"), "login");
        assert_eq!(word(200, json!(null), "text/html", "hi"), "page");
        assert_eq!(word(403, json!(null), "text/html", "no"), "error_page");
        assert_eq!(word(401, json!(null), "text/plain", ""), "challenge");
        assert_eq!(word(200, json!([1]), "application/json", ""), "success");
        assert_eq!(word(418, json!(null), "text/plain", ""), "other");
    }

    #[test]
    fn no_response_has_no_word() {
        assert_eq!(answer(&json!(null)), None);
    }
}
