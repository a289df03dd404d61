//! TLS: the client configuration, and handshakes that only look.

use std::fmt;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, ring};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::Error;
use crate::clock::Clock;

fn provider() -> Arc<CryptoProvider> {
    Arc::new(ring::default_provider())
}

/// The system's trust and, if given, a file of further certificates.
fn trusted(ca_file: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let extra = ca_file.map(read_certificates).transpose()?.unwrap_or_default();
    // The file's own are sound, so it is the system that has none.
    let without = |error: rustls::Error| Error::Tls(format!("{error}; name some with `ca_file` or --cacert"));
    let verifier = rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider()).map_err(without)?;
    Ok(Arc::new(verifier))
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = |reason: String| Error::CaFile { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(BufReader::new(file)).collect();
    let all = all.map_err(|error| unreadable(error.to_string()))?;
    for (nth, certificate) in all.iter().enumerate() {
        let added = RootCertStore::empty().add(certificate.clone());
        added.map_err(|error| unreadable(format!("certificate {} in it is none: {error}", nth + 1)))?;
    }
    if all.is_empty() { Err(unreadable("it holds no certificate in PEM form".into())) } else { Ok(all) }
}

/// The configuration for requests: certificates are judged, HTTP/1.1 only.
pub(super) fn client(trust: Arc<Trust>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(trust)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A configuration for targets without TLS: nothing is read from the system.
pub(super) fn none() -> Result<ClientConfig, Error> {
    Ok(ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .with_root_certificates(RootCertStore::empty())
        .with_no_client_auth())
}

/// What a look at a server's certificate found.
#[derive(Debug, Clone, Default)]
pub(super) struct Seen {
    /// The server's own certificate.
    pub(super) certificate: Vec<u8>,
    /// Why it is not trusted; `None` when it is.
    pub(super) problem: Option<String>,
    /// Whether the name in it is the one that was asked for.
    pub(super) name_matches: bool,
}

/// Judges certificates at the time of the run's clock, so that a self-test does not depend on the day it is run.
pub(super) struct Trust {
    verifier: Arc<dyn ServerCertVerifier>,
    clock: Arc<dyn Clock>,
    /// Of one that only looks: every certificate is accepted and what the verifier says of it remembered, since a look must end with
    /// facts, not with an error.
    seen: Option<Mutex<Seen>>,
}

impl Trust {
    /// By the system's trust and, if given, a file of further certificates.
    pub(super) fn of(ca_file: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self { verifier: trusted(ca_file)?, clock, seen: None }))
    }

    /// The same, which only looks.
    pub(super) fn looking(ca_file: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Arc<Self>, Error> {
        Ok(Arc::new(Self { verifier: trusted(ca_file)?, clock, seen: Some(Mutex::default()) }))
    }

    /// What was seen last; nothing unless it looks.
    pub(super) fn seen(&self) -> Seen {
        self.seen.as_ref().and_then(|seen| Some(seen.lock().ok()?.clone())).unwrap_or_default()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Trust")
    }
}

impl ServerCertVerifier for Trust {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let now = UnixTime::since_unix_epoch(Duration::from_millis(self.clock.now_ms()));
        let said = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let Some(seen) = &self.seen else { return said };
        let name_matches = rustls::server::ParsedCertificate::try_from(end_entity)
            .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, server_name).is_ok());
        if let Ok(mut seen) = seen.lock() {
            let problem = said.err().map(|error| error.to_string());
            *seen = Seen { certificate: end_entity.to_vec(), problem, name_matches };
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}
