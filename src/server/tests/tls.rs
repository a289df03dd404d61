//! Over TLS, and on the port of TLS.

use serde_json::json;

use super::super::{Error, Rule, Tls};
use super::wire::ASKED;
use super::*;

fn certificate() -> Tls {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    Tls { certificates_pem: cert.pem(), key_pem: crate::oauth::Secret::new(signing_key.serialize_pem()) }
}

async fn running_with_tls(dialect: Dialect) -> Running {
    start(Settings { tls: Some(certificate()), dialect, ..Settings::default() }).await.unwrap()
}

#[tokio::test]
async fn plain_http_on_the_port_of_tls_is_served_only_by_a_fault() {
    let asked = ASKED.replace("host: as", "connection: close");
    for (dialect, start) in [(Dialect::default(), ""), (Dialect::of(&[Rule::HttpNotServed], &[]), "HTTP/1.1 200")] {
        let running = running_with_tls(dialect).await;
        assert!(running.target()["token_endpoint"].as_str().unwrap().starts_with("https://127.0.0.1:"));
        let answer = exchange(&running.origin().replace("https", "http"), &asked, |_| false).await.unwrap_or_default();
        assert!(answer.starts_with(start.as_bytes()) && answer.is_empty() == start.is_empty());
    }
}

#[tokio::test]
async fn a_token_is_to_be_had_over_tls() {
    let running = running_with_tls(Dialect::default()).await;
    let client = reqwest::Client::builder()
        .tls_backend_preconfigured(
            rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .unwrap()
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(AnyCertificate))
                .with_no_client_auth(),
        )
        .build()
        .unwrap();
    let request = client
        .post(format!("{}/token", running.origin()))
        .header("authorization", basic(PAIR).trim_start_matches("authorization: "))
        .header("content-type", "application/x-www-form-urlencoded")
        .body("grant_type=client_credentials");
    assert_eq!(request.send().await.unwrap().status(), 200);
}

#[derive(Debug)]
struct AnyCertificate;

impl rustls::client::danger::ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &[rustls_pki_types::CertificateDer<'_>],
        _: &rustls_pki_types::ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        Ok(rustls::client::danger::HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::ring::default_provider().signature_verification_algorithms.supported_schemes()
    }
}

#[tokio::test]
async fn an_old_hello_is_greeted_only_by_a_fault() {
    // A ClientHello of TLS 1.1 with one cipher suite and no extensions.
    let mut hello = vec![22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2];
    hello.extend([7; 32]);
    hello.extend([0, 0, 2, 0, 0x2f, 1, 0]);
    let hello = String::from_utf8(hello).unwrap();
    let old = fault(json!({ "settings": { "tls": { "certificate": "trusted", "old_versions": true } } }));
    for (dialect, greeted) in [(Dialect::default(), false), (old, true)] {
        let running = running_with_tls(dialect).await;
        let origin = running.origin().replace("https", "http");
        let answer = exchange(&origin, &hello, |read| read.len() > 46).await.unwrap_or_default();
        let greeting = answer.get(..11) == Some(&[22, 3, 2, 0, 42, 2, 0, 0, 38, 3, 2][..]);
        assert_eq!((greeting, answer.len() == 47), (greeted, greeted), "{answer:?}");
    }
}

#[tokio::test]
async fn a_start_that_cannot_succeed_says_why() {
    let first = running(Dialect::default()).await;
    let port = first.origin().rsplit(':').next().unwrap().parse().unwrap();
    let taken = start(Settings { port, ..Settings::default() }).await.unwrap_err();
    assert!(matches!(taken, Error::Bind { port: named, .. } if named == port));
    let dialect = fault(json!({ "settings": { "tls": { "certificate": "expired" } } }));
    assert!(matches!(start(Settings { dialect, ..Settings::default() }).await, Err(Error::Tls(_))));
    let key_pem = crate::oauth::Secret::new("no key");
    let tls = Tls { certificates_pem: certificate().certificates_pem, key_pem };
    assert!(matches!(start(Settings { tls: Some(tls), ..Settings::default() }).await, Err(Error::Tls(_))));
}
