//! A person with a browser of their own: is shown where to go, and the redirect that comes back ends the walk.
//!
//! Where the redirect URI is a loopback address with a port, a listener waits there; elsewhere the person pastes the URL at which
//! the browser ended. Pages are not seen, so checks that look at pages have nothing to look at.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use url::Url;

use crate::agent::{End, Ended, Redirect, Via, ended_at};

/// Longest time that a person is waited for.
pub const PATIENCE: Duration = Duration::from_secs(300);
/// Most bytes of the browser's request to the listener.
const MOST: usize = 64 * 1024;
/// Most connections of the browser at a time.
const MOST_OPEN: usize = 32;
/// Between two attempts to take a connection.
const BREATH: Duration = Duration::from_millis(10);
const PAGE: &str = "<!doctype html><title>grantlint</title><p>The answer has arrived. You can close this page.</p>\n";

/// Who is at the browser.
pub trait AtTheBrowser: Send + Sync {
    /// Shows the URL; `listening` if nothing need be pasted.
    fn open(&self, url: &str, listening: bool);
    /// The URL at which the browser ended, as the person pastes it; `None` if nobody does. May block.
    fn pasted(&self) -> Option<String>;
    /// What was pasted is none of the redirect URIs.
    fn not_it(&self, ends: &[String]);
}

/// Sends a person to `url` and waits for one of the redirect URIs.
pub(super) async fn walk(person: &Arc<dyn AtTheBrowser>, url: &str, ends: &[String], patience: Duration) -> End {
    let mut listener = None;
    for end in ends {
        if let Some(address) = loopback(end)
            && let Ok(bound) = TcpListener::bind(address).await
        {
            listener = Some((bound, end));
            break;
        }
    }
    let listening = listener.is_some();
    person.open(url, listening);
    let outcome = match listener {
        Some((listener, end)) => tokio::time::timeout(patience, heard(&listener, end, ends)).await.ok(),
        None => tokio::time::timeout(patience, pasted(Arc::clone(person), ends)).await.ok().flatten(),
    };
    match outcome {
        Some(redirect) => redirect.into(),
        None => {
            let waited = patience.as_secs();
            let reason = if listening {
                format!("nobody came back to the redirect URI within {waited} s")
            } else {
                format!("no address of the redirect URI was pasted within {waited} s")
            };
            End { ended: Ended::Login, redirect: None, reason }
        }
    }
}

/// Where to listen for a redirect URI, if that is here. Source: RFC 8252 §7.3.
fn loopback(end: &str) -> Option<SocketAddr> {
    let url = Url::parse(end).ok().filter(|url| url.scheme() == "http")?;
    let port = url.port()?;
    match url.host()? {
        url::Host::Ipv4(ip) if ip.is_loopback() => Some((ip, port).into()),
        url::Host::Ipv6(ip) if ip.is_loopback() => Some((ip, port).into()),
        url::Host::Domain("localhost") => Some(([127, 0, 0, 1], port).into()),
        _ => None,
    }
}

/// Takes connections until one brings the redirect: browsers open some in advance that say nothing, and ask for icons too.
async fn heard(listener: &TcpListener, end: &str, ends: &[String]) -> Redirect {
    let (end, ends): (Arc<str>, Arc<[String]>) = (end.into(), ends.into());
    let mut open = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept(), if open.len() < MOST_OPEN => match accepted {
                Ok((stream, _)) => {
                    let (end, ends) = (Arc::clone(&end), Arc::clone(&ends));
                    open.spawn(async move { brought(stream, &end, &ends).await });
                }
                // Out of file descriptors or the like: others may close in the meantime.
                Err(_) => tokio::time::sleep(BREATH).await,
            },
            brought = open.join_next(), if !open.is_empty() => if let Some(Ok(Some(redirect))) = brought {
                return redirect;
            },
        }
    }
}

async fn brought(mut stream: TcpStream, end: &str, ends: &[String]) -> Option<Redirect> {
    let mut read = Vec::new();
    let (head, length) = loop {
        let mut headers = [httparse::EMPTY_HEADER; 64];
        let mut request = httparse::Request::new(&mut headers);
        if let Ok(httparse::Status::Complete(head)) = request.parse(&read) {
            let length = request.headers.iter().find(|field| field.name.eq_ignore_ascii_case("content-length"));
            let length =
                length.and_then(|field| std::str::from_utf8(field.value).ok()?.trim().parse().ok()).unwrap_or(0);
            break (head, length);
        }
        if stream.read_buf(&mut read).await.ok().filter(|count| *count > 0).is_none() || read.len() > MOST {
            return None;
        }
    };
    while read.len() < head.saturating_add(length) && read.len() <= MOST {
        stream.read_buf(&mut read).await.ok().filter(|count| *count > 0)?;
    }
    let line = String::from_utf8_lossy(&read[..head]).lines().next().unwrap_or_default().to_owned();
    let (method, target) = line.split_once(' ')?;
    let target = target.split(' ').next()?;
    let origin = Url::parse(end).ok()?.origin().ascii_serialization();
    let redirect = ended_at(ends, &format!("{origin}{target}"), Via::Link);
    let (status, page) = if redirect.is_some() { ("200 OK", PAGE) } else { ("404 Not Found", "") };
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{page}",
        page.len()
    );
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
    let form =
        if method == "POST" { url::form_urlencoded::parse(&read[head..]).into_owned().collect() } else { Vec::new() };
    redirect.map(|redirect| Redirect {
        via: if method == "POST" { Via::FormPost } else { Via::Link },
        form,
        ..redirect
    })
}

async fn pasted(person: Arc<dyn AtTheBrowser>, ends: &[String]) -> Option<Redirect> {
    loop {
        let asked = Arc::clone(&person);
        let url = tokio::task::spawn_blocking(move || asked.pasted()).await.ok()??;
        if let Some(redirect) = ended_at(ends, url.trim(), Via::Link) {
            return Some(redirect);
        }
        if !url.trim().is_empty() {
            person.not_it(ends);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Plays the person: keeps what is shown, and pastes what it was given.
    #[derive(Default)]
    struct Played {
        shown: Mutex<Vec<(String, bool)>>,
        pastes: Mutex<Vec<String>>,
    }

    impl AtTheBrowser for Played {
        fn open(&self, url: &str, listening: bool) {
            self.shown.lock().unwrap().push((url.to_owned(), listening));
        }

        fn pasted(&self) -> Option<String> {
            self.pastes.lock().unwrap().pop()
        }

        fn not_it(&self, _: &[String]) {}
    }

    async fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port()
    }

    async fn connected(port: u16) -> TcpStream {
        loop {
            match TcpStream::connect(("127.0.0.1", port)).await {
                Ok(stream) => return stream,
                Err(_) => tokio::task::yield_now().await,
            }
        }
    }

    async fn browse(port: u16, request: String) -> String {
        let mut stream = connected(port).await;
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn the_redirect_is_heard_on_loopback() {
        let port = free_port().await;
        let ends = [format!("http://127.0.0.1:{port}/cb")];
        let person: Arc<dyn AtTheBrowser> = Arc::new(Played::default());
        let browser = async {
            let silent = connected(port).await;
            let icon = browse(port, "GET /favicon.ico HTTP/1.1\r\nHost: x\r\n\r\n".into()).await;
            let done = browse(port, "GET /cb?code=c%2B1&state=s HTTP/1.1\r\nHost: x\r\n\r\n".into()).await;
            drop(silent);
            (icon, done)
        };
        let (end, (icon, done)) = tokio::join!(walk(&person, "https://as.example/a", &ends, PATIENCE), browser);
        assert!(icon.starts_with("HTTP/1.1 404") && done.contains("close this page"), "{icon}{done}");
        let redirect = end.redirect.unwrap();
        assert_eq!(redirect.query[0], ("code".to_owned(), "c+1".to_owned()));
    }

    #[tokio::test]
    async fn a_form_is_heard_too() {
        let port = free_port().await;
        let ends = [format!("http://127.0.0.1:{port}/cb")];
        let person: Arc<dyn AtTheBrowser> = Arc::new(Played::default());
        let request = "POST /cb HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\ncode=c&st=s".to_owned();
        let (end, _) = tokio::join!(walk(&person, "https://as.example/a", &ends, PATIENCE), browse(port, request));
        let redirect = end.redirect.unwrap();
        assert_eq!((redirect.via, redirect.form.len()), (Via::FormPost, 2));
    }

    #[tokio::test]
    async fn elsewhere_the_url_is_pasted() {
        let played = Arc::new(Played::default());
        *played.pastes.lock().unwrap() =
            vec!["https://client.example/cb?error=access_denied".into(), "nonsense".into()];
        let person: Arc<dyn AtTheBrowser> = played.clone();
        let end = walk(&person, "https://as.example/a", &["https://client.example/cb".into()], PATIENCE).await;
        assert_eq!(end.redirect.unwrap().query[0].1, "access_denied");
        assert_eq!(*played.shown.lock().unwrap(), [("https://as.example/a".to_owned(), false)]);
    }

    #[tokio::test]
    async fn nobody_is_not_waited_for_without_end() {
        let person: Arc<dyn AtTheBrowser> = Arc::new(Played::default());
        let end = walk(&person, "https://as.example/a", &["https://client.example/cb".into()], PATIENCE).await;
        assert_eq!(end.ended, Ended::Login);
        let port = free_port().await;
        let end = walk(&person, "https://as.example/a", &[format!("http://127.0.0.1:{port}/cb")], Duration::ZERO).await;
        assert_eq!(end.ended, Ended::Login);
    }
}
