//! Walks over pages as real servers show them, shortened.

use super::*;

const CB: &str = "https://client.example/cb";

fn person(answer: Answer) -> Person {
    Person {
        username: "alice".into(),
        password: Secret::new("pa ss&word"),
        username_field: None,
        password_field: None,
        answer,
        refused: None,
    }
}

fn url(text: &str) -> Url {
    Url::parse(text).unwrap()
}

struct Script {
    person: Person,
}

impl Script {
    fn new(answer: Answer) -> Self {
        Self { person: person(answer) }
    }

    fn walk(&self) -> Walk<'_> {
        Walk::new(&self.person, vec![CB.to_owned()], &[url("https://as.example/authorize")])
    }
}

fn html(walk: &mut Walk<'_>, at: &str, body: &str) -> Next {
    page(walk, at, 200, body)
}

fn page(walk: &mut Walk<'_>, at: &str, status: u16, body: &str) -> Next {
    let headers = [("content-type".to_owned(), "text/html; charset=utf-8".to_owned())];
    walk.next(&Seen { url: &url(at), status, headers: &headers, body })
}

fn redirect(walk: &mut Walk<'_>, location: &str) -> Next {
    let headers = [("location".to_owned(), location.to_owned())];
    walk.next(&Seen { url: &url("https://as.example/authorize?x=1"), status: 302, headers: &headers, body: "" })
}

fn asked(next: Next) -> Ask {
    match next {
        Next::Ask(ask) => ask,
        Next::End(end) => panic!("{end:?}"),
    }
}

fn ended(next: Next) -> End {
    match next {
        Next::End(end) => end,
        Next::Ask(ask) => panic!("{ask:?}"),
    }
}

fn form(ask: &Ask) -> Vec<(&str, &str)> {
    ask.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect()
}

const LOGIN: &str = r#"<html><head><title>Sign in</title></head><body><h1>Sign-in</h1>
  <form autocomplete="off" action="/interaction/abc/login" method="post">
    <input type="hidden" name="csrf" value="t0&amp;k"><input required type="text" name="login" placeholder="Enter any login" autofocus>
    <input required type="password" name="password" placeholder="and password">
    <label><input type="checkbox" name="remember" value="yes"> Stay signed in</label>
    <button type="submit" class="login login-submit">Sign-in</button>
  </form><a href="/interaction/abc/abort">[ Cancel ]</a></body></html>"#;

const CONSENT: &str = r#"<h1>Authorize</h1><p>Coupa would like to access your account</p>
  <form action="/interaction/abc/confirm" method="post">
    <label><input type="checkbox" name="scope" value="invoices"> Invoices</label>
    <input type="hidden" name="prompt" value="consent"/><button autofocus type="submit">Continue</button></form>
  <a href="/interaction/abc/abort">[ Cancel ]</a>"#;

#[test]
fn a_login_form_is_filled_and_nothing_else_of_it_changes() {
    let script = Script::new(Answer::Consents);
    let ask = asked(html(&mut script.walk(), "https://as.example/interaction/abc", LOGIN));
    assert_eq!((ask.post, ask.url.as_str()), (true, "https://as.example/interaction/abc/login"));
    assert_eq!(form(&ask), [("csrf", "t0&k"), ("login", "alice"), ("password", "pa ss&word")]);
    assert_eq!(ask.cause, Cause::Credentials);
}

#[test]
fn credentials_are_sent_once() {
    let script = Script::new(Answer::Consents);
    let mut walk = script.walk();
    asked(html(&mut walk, "https://as.example/login", LOGIN));
    let end = ended(page(&mut walk, "https://as.example/interaction/abc/login", 401, LOGIN));
    assert_eq!(end.ended, Ended::Login);
    assert!(end.reason.contains("not taken") && end.reason.contains("Sign-in"), "{}", end.reason);
}

#[test]
fn a_name_and_a_password_may_stand_on_two_pages() {
    let script = Script::new(Answer::Consents);
    let mut walk = script.walk();
    let first = r#"<form method=post action="/u/identifier"><label for="u">Email address</label><input id=u name=identifier type=text>
        <input type=hidden name=state value=s1><button name=action value=default>Continue</button></form>"#;
    let ask = asked(html(&mut walk, "https://as.example/u/login", first));
    assert_eq!(form(&ask), [("identifier", "alice"), ("state", "s1"), ("action", "default")]);
    let second = r#"<form method=post><input name=identifier value=alice readonly type=text><input name=password type=password>
        <button>Log in</button></form>"#;
    let ask = asked(html(&mut walk, "https://as.example/u/password?state=s1", second));
    assert_eq!(ask.url.as_str(), "https://as.example/u/password?state=s1");
    assert_eq!(form(&ask), [("identifier", "alice"), ("password", "pa ss&word")]);
}

#[test]
fn fields_that_nobody_would_find_are_named() {
    let mut script = Script::new(Answer::Consents);
    script.person.username_field = Some("f1".into());
    script.person.password_field = Some("f2".into());
    let body =
        r#"<form method=post><input name=f0><input name=f1><input name=f2 type=password><input type=submit></form>"#;
    let ask = asked(html(&mut script.walk(), "https://as.example/l", body));
    assert_eq!(form(&ask), [("f0", ""), ("f1", "alice"), ("f2", "pa ss&word")]);
}

#[test]
fn consent_is_given_with_its_boxes() {
    let script = Script::new(Answer::Consents);
    let ask = asked(html(&mut script.walk(), "https://as.example/interaction/abc", CONSENT));
    assert_eq!(form(&ask), [("scope", "invoices"), ("prompt", "consent")]);
    assert_eq!(ask.cause, Cause::Consent);
}

#[test]
fn consent_is_denied_by_a_button_a_link_or_another_form() {
    let script = Script::new(Answer::Denies);
    let ask = asked(html(&mut script.walk(), "https://as.example/interaction/abc", CONSENT));
    assert_eq!((ask.post, ask.url.path()), (false, "/interaction/abc/abort"));
    let two = r#"<form action="/oauth/authorize" method=post><input type=hidden name=client_id value=c><input type=submit value="Authorize"></form>
        <form action="/oauth/authorize" method=post><input type=hidden name=_method value=delete><input type=submit value="Deny"></form>"#;
    let ask = asked(html(&mut script.walk(), "https://as.example/oauth/authorize", two));
    assert_eq!(form(&ask), [("_method", "delete")]);
    let buttons = r#"<form method=post><button name=decision value=allow>Zulassen</button><button name=decision value=deny>Ablehnen</button></form>"#;
    assert_eq!(form(&asked(html(&mut script.walk(), "https://as.example/c", buttons))), [("decision", "deny")]);
    let script = Script::new(Answer::Consents);
    assert_eq!(form(&asked(html(&mut script.walk(), "https://as.example/c", buttons))), [("decision", "allow")]);
}

#[test]
fn nobody_fills_no_form() {
    let script = Script::new(Answer::Absent);
    assert_eq!(ended(html(&mut script.walk(), "https://as.example/l", LOGIN)).ended, Ended::Login);
    assert_eq!(ended(html(&mut script.walk(), "https://as.example/c", CONSENT)).ended, Ended::Consent);
}

#[test]
fn a_redirect_to_the_redirect_uri_ends_the_walk() {
    let script = Script::new(Answer::Consents);
    let end = ended(redirect(
        &mut script.walk(),
        "https://client.example/cb?code=c&state=a%20b&iss=https%3A%2F%2Fas.example",
    ));
    let redirect = end.redirect.unwrap();
    assert_eq!((end.ended, redirect.via), (Ended::Redirected, Via::Status(302)));
    let names: Vec<&str> = redirect.query.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["code", "state", "iss"]);
}

#[test]
fn redirects_inside_are_followed_and_others_are_not() {
    let script = Script::new(Answer::Consents);
    let mut walk = script.walk();
    assert_eq!(asked(redirect(&mut walk, "/login?next=1")).url.as_str(), "https://as.example/login?next=1");
    let end = ended(redirect(&mut walk, "https://idp.example/saml"));
    assert_eq!(end.ended, Ended::Elsewhere);
    assert!(end.reason.contains("https://idp.example") && end.reason.contains("login.hosts"), "{}", end.reason);
    assert_eq!(
        ended(redirect(&mut walk, "http://as.example/login")).ended,
        Ended::Elsewhere,
        "a password does not leave TLS"
    );
    assert_eq!(ended(redirect(&mut walk, "javascript:alert(1)")).ended, Ended::Elsewhere);
}

#[test]
fn other_ways_to_the_redirect_uri() {
    let script = Script::new(Answer::Consents);
    let post = r#"<body onload="document.forms[0].submit()"><form method="post" action="https://client.example/cb">
        <input type="hidden" name="code" value="c"/><input type="hidden" name="state" value="a &quot;b"/><noscript><button>Go</button></noscript></form></body>"#;
    let redirect = ended(html(&mut script.walk(), "https://as.example/a", post)).redirect.unwrap();
    assert_eq!(redirect.via, Via::FormPost);
    assert_eq!(redirect.form[1], ("state".to_owned(), "a \"b".to_owned()));
    let meta = r#"<meta http-equiv="refresh" content="0; URL='https://client.example/cb?code=c'">"#;
    assert_eq!(ended(html(&mut script.walk(), "https://as.example/a", meta)).redirect.unwrap().via, Via::Meta);
    let code = r#"<script>window.location.href = "https:\/\/client.example\/cb?code=c\u0026state=1";</script>"#;
    let redirect = ended(html(&mut script.walk(), "https://as.example/a", code)).redirect.unwrap();
    assert_eq!((redirect.via, redirect.query.len()), (Via::Script, 2));
}

#[test]
fn a_form_that_sends_itself_is_sent_inside() {
    let script = Script::new(Answer::Consents);
    let body = r#"<form id=f method=post action=/saml><input type=hidden name=r value=1></form><script>document.getElementById('f').submit();</script>"#;
    let ask = asked(html(&mut script.walk(), "https://as.example/a", body));
    assert_eq!((ask.cause, ask.url.path()), (Cause::Redirect, "/saml"));
}

#[test]
fn a_walk_in_circles_ends() {
    let script = Script::new(Answer::Consents);
    let mut walk = script.walk();
    let mut last = redirect(&mut walk, "/authorize?x=1");
    for _ in 0..MOST_STEPS {
        if let Next::End(end) = &last {
            assert_eq!(end.ended, Ended::Loop);
            return;
        }
        last = redirect(&mut walk, "/authorize?x=1");
    }
    panic!("never ended");
}

#[test]
fn an_error_page_is_quoted_without_its_scripts() {
    let script = Script::new(Answer::Consents);
    let body = "<title>Oops</title><script>var error = 1</script><p>The redirect_uri is not   registered.</p>";
    let end = ended(page(&mut script.walk(), "https://as.example/a", 400, body));
    assert_eq!((end.ended, end.reason.as_str()), (Ended::ErrorPage, "Oops The redirect_uri is not registered."));
}

#[test]
fn cookies_come_back_to_where_they_are_from() {
    let mut jar = Jar::default();
    let fields = ["sid=1; Path=/; HttpOnly", "deep=2; Path=/interaction", "secure=3; Secure", "bad"];
    jar.take(&url("http://127.0.0.1:9/authorize"), fields.into_iter());
    let header = jar.header(&url("http://127.0.0.1:9/x")).unwrap_or_default();
    // A loopback host counts as secure, as in browsers.
    assert!(header.contains("sid=1") && header.contains("secure=3") && !header.contains("deep"), "{header}");
    assert_eq!(jar.header(&url("http://other.example/")), None);
}

#[test]
fn of_a_page_with_more_than_anybody_fills_the_first_part_is_looked_at() {
    let at = url("https://as.example/login");
    let forms = "<form><label>Name <input name=a></label><button>Log in</button></form>".repeat(3_000);
    assert_eq!(Page::read(&at, &forms).forms.len(), 50);
    let fields = format!("<form>{}</form>", "<input name=a><label for=a>Name</label>".repeat(3_000));
    assert_eq!(Page::read(&at, &fields).forms[0].fields.len(), 500);
    let deep = format!("{}<form><input name=a></form>", "<div>".repeat(3_000));
    assert_eq!(Page::read(&at, &deep).forms[0].fields.len(), 1);
}
