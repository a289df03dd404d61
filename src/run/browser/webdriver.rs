//! ChromeDriver: the process, and the few commands of the WebDriver protocol that a walk needs.
//!
//! Source: W3C WebDriver; `goog:` and `se/log` are ChromeDriver's own.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::{Error, tls};

/// The name of an element in JSON. Source: W3C WebDriver §12.
const ELEMENT: &str = "element-6066-11e4-a52e-4f735466cecf";
/// Longest time until ChromeDriver listens.
const START: Duration = Duration::from_secs(20);
/// Longest time that it is waited for at the end.
const QUIT: Duration = Duration::from_secs(2);

/// A real browser, as ChromeDriver brings one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebDriver {
    /// A ChromeDriver that is started for the run, and ended with it.
    Start(PathBuf),
    /// One that runs already, at this http URL.
    At(String),
}

/// Why a command did not do its work.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The page changed meanwhile, or an element is not what it was: the next look tells.
    Passing(String),
    /// The browser is gone.
    Gone(String),
}

impl Trouble {
    pub(super) fn words(&self) -> &str {
        match self {
            Self::Passing(words) | Self::Gone(words) => words,
        }
    }
}

/// A ChromeDriver; ends its browsers and, if we started it, itself when it is dropped.
#[derive(Debug)]
pub(super) struct Service {
    client: reqwest::Client,
    url: String,
    process: Option<Process>,
    sessions: Vec<String>,
}

/// A ChromeDriver that we started, and the folder that it and its browsers write to.
#[derive(Debug)]
struct Process {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Service {
    /// # Errors
    /// There is no ChromeDriver.
    pub(super) async fn start(driver: &WebDriver) -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::none()?)
            .no_proxy()
            .build()
            .map_err(|error| Error::Browser(error.to_string()))?;
        let (url, process) = match driver {
            WebDriver::At(url) => (url.trim_end_matches('/').to_owned(), None),
            WebDriver::Start(path) => {
                let path = path.clone();
                let started = tokio::task::spawn_blocking(move || launched(&path)).await;
                let (process, port) = started.map_err(|error| Error::Browser(error.to_string()))??;
                (format!("http://127.0.0.1:{port}"), Some(process))
            }
        };
        Ok(Self { client, url, process, sessions: Vec::new() })
    }

    /// Opens a browser with these arguments; nothing of an earlier one is in it.
    pub(super) async fn open(&mut self, arguments: &[String]) -> Result<Session, Trouble> {
        let options = json!({
            "args": arguments,
            "excludeSwitches": ["enable-automation"],
            "prefs": {"credentials_enable_service": false, "profile.password_manager_leak_detection": false},
        });
        let wanted = json!({
            // A page that never ends loading must not hold commands back.
            "pageLoadStrategy": "none",
            "unhandledPromptBehavior": "accept",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"performance": "ALL"},
        });
        let opened = command(
            &self.client,
            "POST",
            &format!("{}/session", self.url),
            &json!({"capabilities": {"alwaysMatch": wanted}}),
        )
        .await?;
        let id = opened["sessionId"].as_str().unwrap_or_default().to_owned();
        self.sessions.push(id.clone());
        Ok(Session { client: self.client.clone(), url: format!("{}/session/{id}", self.url), id })
    }

    /// Ends a browser. A page that hangs holds ChromeDriver up; then the end of the process is the end of the browser.
    pub(super) async fn quit(&mut self, session: &Session) {
        let ended = command(&self.client, "DELETE", &session.url, &Value::Null);
        if tokio::time::timeout(QUIT, ended).await.is_ok() {
            self.sessions.retain(|id| *id != session.id);
        }
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let Some(Process { child, .. }) = &mut self.process else {
            self.sessions.iter().for_each(|id| ask(&self.url, "DELETE", &format!("/session/{id}")));
            return;
        };
        ask(&self.url, "GET", "/shutdown");
        let due = Instant::now() + QUIT;
        while Instant::now() < due && matches!(child.try_wait(), Ok(None)) {
            std::thread::sleep(Duration::from_millis(10));
        }
        if !matches!(child.try_wait(), Ok(Some(_))) {
            end_group(child.id());
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Ends ChromeDriver and its browsers: killed alone, it would leave them behind.
fn end_group(leader: u32) {
    if cfg!(unix) {
        let _ = Command::new("sh").arg("-c").arg(format!("kill -KILL -{leader}")).stderr(Stdio::null()).status();
    }
}

/// A request without a runtime, for the end.
fn ask(url: &str, method: &str, path: &str) {
    let address = url.strip_prefix("http://").unwrap_or_default();
    let (host, prefix) = address.split_once('/').unwrap_or((address, ""));
    let Ok(mut stream) = TcpStream::connect(host) else { return };
    let _ = stream.set_read_timeout(Some(QUIT));
    let prefix = if prefix.is_empty() { String::new() } else { format!("/{prefix}") };
    let _ = write!(stream, "{method} {prefix}{path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    let _ = stream.read(&mut [0; 512]);
}

/// Starts ChromeDriver on a port that it chooses.
fn launched(path: &Path) -> Result<(Process, u16), Error> {
    let unusable = |reason: String| Error::Browser(format!("`{}` {reason}", path.display()));
    let folder = tempfile::tempdir().map_err(|error| Error::Browser(error.to_string()))?;
    let mut command = Command::new(path);
    command.env("TMPDIR", folder.path());
    command.arg("--port=0").stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    #[cfg(unix)]
    {
        // Ctrl-C at the terminal is meant for us: what was begun is reported, and then the browser is ended.
        use std::os::unix::process::CommandExt as _;
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(|error| unusable(format!("cannot be started: {error}")))?;
    let stdout = child.stdout.take();
    let (told, tell) = mpsc::channel();
    std::thread::spawn(move || {
        // Read to its end, so that it never waits for a reader.
        for line in stdout.into_iter().flat_map(|stdout| BufReader::new(stdout).lines().map_while(Result::ok)) {
            if let Some(port) = port_in(&line) {
                let _ = told.send(port);
            }
        }
    });
    match tell.recv_timeout(START) {
        Ok(port) => Ok((Process { child, _folder: folder }, port)),
        Err(_) => {
            let _ = child.kill();
            let _ = child.wait();
            Err(unusable("does not say that it listens, as a ChromeDriver does".into()))
        }
    }
}

/// The port in "ChromeDriver was started successfully on port 38111."
fn port_in(line: &str) -> Option<u16> {
    line.split_once("successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

/// One browser.
#[derive(Debug)]
pub(super) struct Session {
    client: reqwest::Client,
    url: String,
    id: String,
}

impl Session {
    pub(super) async fn go(&self, url: &str) -> Result<(), Trouble> {
        self.post("url", &json!({"url": url})).await.map(drop)
    }

    /// Runs a script, and gives it the elements that `arguments` name.
    pub(super) async fn script(&self, script: &str, arguments: &[&str]) -> Result<Value, Trouble> {
        let arguments: Vec<Value> = arguments.iter().map(|id| json!({ELEMENT: id})).collect();
        self.post("execute/sync", &json!({"script": script, "args": arguments})).await
    }

    /// Types into an element, in place of what stands there.
    pub(super) async fn write(&self, element: &str, text: &str) -> Result<(), Trouble> {
        self.post(&format!("element/{element}/clear"), &json!({})).await?;
        self.keys(element, text).await
    }

    pub(super) async fn keys(&self, element: &str, text: &str) -> Result<(), Trouble> {
        self.post(&format!("element/{element}/value"), &json!({"text": text})).await.map(drop)
    }

    /// Clicks as a person does, or, where something lies over the element, as a script does.
    pub(super) async fn click(&self, element: &str) -> Result<(), Trouble> {
        match self.post(&format!("element/{element}/click"), &json!({})).await {
            Err(Trouble::Passing(_)) => self.script("arguments[0].click()", &[element]).await.map(drop),
            other => other.map(drop),
        }
    }

    /// What the browser did since the last time, in the words of the Chrome DevTools Protocol.
    pub(super) async fn log(&self) -> Result<Vec<Value>, Trouble> {
        let entries = self.post("se/log", &json!({"type": "performance"})).await?;
        let message = |entry: &Value| serde_json::from_str::<Value>(entry["message"].as_str()?).ok();
        Ok(entries.as_array().into_iter().flatten().filter_map(message).map(|mut one| one["message"].take()).collect())
    }

    /// A command of the Chrome DevTools Protocol.
    pub(super) async fn devtools(&self, name: &str, parameters: &Value) -> Result<Value, Trouble> {
        self.post("goog/cdp/execute", &json!({"cmd": name, "params": parameters})).await
    }

    async fn post(&self, path: &str, body: &Value) -> Result<Value, Trouble> {
        command(&self.client, "POST", &format!("{}/{path}", self.url), body).await
    }
}

/// The identifier of an element in the result of a script.
pub(super) fn element(value: &Value) -> Option<&str> {
    value.get(ELEMENT)?.as_str()
}

async fn command(client: &reqwest::Client, method: &str, url: &str, body: &Value) -> Result<Value, Trouble> {
    let gone = |error: reqwest::Error| Trouble::Gone(format!("ChromeDriver does not answer: {}", error.without_url()));
    let request = if method == "DELETE" { client.delete(url) } else { client.post(url).body(body.to_string()) };
    let response = request.header("content-type", "application/json").send().await.map_err(gone)?;
    let fine = response.status().is_success();
    let bytes = response.bytes().await.map_err(gone)?;
    let mut answer: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let value = answer["value"].take();
    if fine {
        return Ok(value);
    }
    let code = value["error"].as_str().unwrap_or("unknown error");
    let said = value["message"].as_str().unwrap_or_default().lines().next().unwrap_or_default();
    let words = format!("{code}: {said}");
    let over = ["invalid session id", "no such window", "session not created"].contains(&code)
        || ["disconnected", "crashed", "not reachable"].iter().any(|word| said.contains(word));
    Err(if over { Trouble::Gone(words) } else { Trouble::Passing(words) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_port_is_read_from_what_chromedriver_says() {
        assert_eq!(port_in("ChromeDriver was started successfully on port 38111."), Some(38111));
        assert_eq!(port_in("Only local connections are allowed."), None);
    }

    #[test]
    fn what_is_no_chromedriver_is_told() {
        let error = launched(Path::new("/nowhere/chromedriver")).unwrap_err().to_string();
        assert!(error.contains("/nowhere/chromedriver") && error.contains("cannot be started"), "{error}");
    }
}
