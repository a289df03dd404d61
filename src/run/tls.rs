//! TLS: the client configuration, and handshakes that only look.

use std::fmt;
use std::io::BufReader;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::client::WebPkiServerVerifier;
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

/// What judges certificates: the system's trust and, if given, a file of further certificates; dated by the run's clock.
pub(super) fn verifier(ca_file: Option<&Path>, clock: Arc<dyn Clock>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    Ok(Arc::new(Dated { verifier: trust(ca_file)?, clock }))
}

fn trust(ca_file: Option<&Path>) -> Result<Arc<dyn ServerCertVerifier>, Error> {
    let extra = match ca_file {
        None => Vec::new(),
        Some(path) => read_certificates(path)?,
    };
    rustls_platform_verifier::Verifier::new_with_extra_roots(extra.clone(), provider())
        .map(|verifier| Arc::new(verifier) as Arc<dyn ServerCertVerifier>)
        .or_else(|_| {
            // A machine without a certificate store still trusts what the target file names.
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(extra);
            let built = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
            built.map(|verifier| verifier as Arc<dyn ServerCertVerifier>).map_err(|error| Error::Tls(error.to_string()))
        })
}

fn read_certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let unreadable = |reason: String| Error::CaFile { path: path.to_owned(), reason };
    let file = std::fs::File::open(path).map_err(|error| unreadable(error.to_string()))?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_reader_iter(BufReader::new(file)).collect();
    let all = all.map_err(|error| unreadable(format!("{error:?}")))?;
    if all.is_empty() { Err(unreadable("it holds no certificate in PEM form".into())) } else { Ok(all) }
}

/// The configuration for requests: certificates are judged, HTTP/1.1 only.
pub(super) fn client(verifier: Arc<dyn ServerCertVerifier>) -> Result<ClientConfig, Error> {
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|error| Error::Tls(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
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

/// Asks another verifier with the time of the run's clock, so that a self-test does not depend on the day it is run.
struct Dated {
    verifier: Arc<dyn ServerCertVerifier>,
    clock: Arc<dyn Clock>,
}

impl fmt::Debug for Dated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dated")
    }
}

impl ServerCertVerifier for Dated {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let now = UnixTime::since_unix_epoch(Duration::from_millis(self.clock.now_ms()));
        self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
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

/// Accepts every certificate and remembers what the real verifier says of it: a look must end with facts, not with an error.
pub(super) struct Looking {
    verifier: Arc<dyn ServerCertVerifier>,
    pub(super) seen: Mutex<Seen>,
}

impl fmt::Debug for Looking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Looking")
    }
}

impl Looking {
    pub(super) fn new(verifier: Arc<dyn ServerCertVerifier>) -> Arc<Self> {
        Arc::new(Self { verifier, seen: Mutex::default() })
    }
}

impl ServerCertVerifier for Looking {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let said = self.verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let name_matches = rustls::server::ParsedCertificate::try_from(end_entity)
            .is_ok_and(|parsed| rustls::client::verify_server_name(&parsed, server_name).is_ok());
        if let Ok(mut seen) = self.seen.lock() {
            *seen = Seen {
                certificate: end_entity.to_vec(),
                problem: said.err().map(|error| error.to_string()),
                name_matches,
            };
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
