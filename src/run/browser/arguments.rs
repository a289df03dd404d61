//! What Chromium is started with: no host but those of the authorization server, no certificate that the run would not trust.

use std::net::SocketAddr;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::ServerName;
use sha2::{Digest as _, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::Url;

use super::super::Error;
use super::super::execute::Runner;
use super::super::places::named_urls;

/// Nothing that a browser does by itself: no first steps, no updates, no look-ups, no attempt at another scheme.
const QUIET: [&str; 12] = [
    "--headless",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--disable-quic",
    "--metrics-recording-only",
    "--no-pings",
    "--disable-features=HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,Translate,MediaRouter,OptimizationHints",
];

impl Runner<'_> {
    /// # Errors
    /// The target has a proxy, or what the server shows is not trusted.
    pub(super) async fn browser_arguments(&self) -> Result<Vec<String>, Error> {
        let target = self.task.target;
        if target.proxy.is_some() {
            return Err(Error::Browser("it does not go through a proxy; leave --browser or the proxy out".into()));
        }
        let mut arguments: Vec<String> = QUIET.map(str::to_owned).to_vec();
        if is_root() {
            // Chromium refuses to run as root with a sandbox; so it is in containers.
            arguments.push("--no-sandbox".into());
        }
        let (mut rules, mut pins) = (Vec::new(), Vec::new());
        for url in named_urls(target) {
            let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else { continue };
            let to =
                self.settings.resolve.iter().find(|((from, at), _)| from == host && *at == port).map(|(_, to)| *to);
            let rule =
                format!("MAP {host}:{port} {}", to.map_or_else(|| format!("{host}:{port}"), |to| to.to_string()));
            if rules.contains(&rule) {
                continue;
            }
            rules.push(rule);
            if url.scheme() == "https" && target.ca_file.is_some() {
                pins.push(self.pin(&url, to).await?);
            }
        }
        rules.push("MAP * ~NOTFOUND".into());
        arguments.push(format!("--host-resolver-rules={}", rules.join(", ")));
        if !pins.is_empty() {
            arguments.push(format!("--ignore-certificate-errors-spki-list={}", pins.join(",")));
        }
        Ok(arguments)
    }

    /// The key of a server whose certificate we trust by the target's own file. Chromium knows that file not, so it is told the key.
    async fn pin(&self, url: &Url, to: Option<SocketAddr>) -> Result<String, Error> {
        let origin = url.origin().ascii_serialization();
        let said = |error: &dyn std::fmt::Display| Error::Browser(format!("TLS with {origin} failed: {error}"));
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
        let connecting = async {
            let stream = match to {
                Some(to) => TcpStream::connect(to).await,
                None => TcpStream::connect((host.as_str(), url.port_or_known_default().unwrap_or(443))).await,
            }?;
            let name = ServerName::try_from(host.clone()).map_err(std::io::Error::other)?;
            TlsConnector::from(Arc::clone(self.wire.tls())).connect(name, stream).await
        };
        let connected = tokio::time::timeout(self.task.target.bounds.connect, connecting).await;
        let stream = connected.map_err(|late| said(&late))?.map_err(|error| said(&error))?;
        let certificates = stream.get_ref().1.peer_certificates().unwrap_or_default();
        let first = certificates.first().ok_or_else(|| said(&"there is no certificate"))?;
        let (_, certificate) = x509_parser::parse_x509_certificate(first).map_err(|error| said(&error))?;
        Ok(STANDARD.encode(Sha256::digest(certificate.public_key().raw)))
    }
}

/// Whether this process belongs to root.
fn is_root() -> bool {
    #[cfg(target_os = "linux")]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
    }
    #[cfg(not(target_os = "linux"))]
    false
}
