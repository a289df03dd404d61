//! Certificates made for trials with TLS: an authority of our own, and a server's certificate of each kind.

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType, date_time_ymd};
use time::{Duration, OffsetDateTime};

use crate::oauth::Secret;
use crate::server::{Certificate, Tls};

/// A server's certificate of this kind, and the authority to trust, both as PEM; dated by the trial's clock.
pub(super) fn make(kind: Certificate, now_ms: u64) -> Result<(Tls, String), rcgen::Error> {
    let now = OffsetDateTime::from_unix_timestamp(i64::try_from(now_ms / 1000).unwrap_or(0))
        .unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let trusted = authority("grantlint self-test authority")?;
    let unknown = authority("an authority that nobody knows")?;
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, "grantlint self-test server");
    params.not_before = now - Duration::days(60);
    params.not_after = now + Duration::days(365);
    params.subject_alt_names = vec![SanType::IpAddress([127, 0, 0, 1].into())];
    let mut issuer = &trusted;
    match kind {
        Certificate::Trusted => {}
        Certificate::TrustedForLocalhost => {
            params.subject_alt_names.push(SanType::DnsName("localhost".try_into()?));
        }
        Certificate::Untrusted => issuer = &unknown,
        Certificate::Expired => params.not_after = now - Duration::days(2),
        Certificate::Expiring => params.not_after = now + Duration::days(9),
        Certificate::ForeignName => params.subject_alt_names = vec![SanType::DnsName("another.example".try_into()?)],
    }
    let key = KeyPair::generate()?;
    let certificate = params.signed_by(&key, issuer)?;
    let tls = Tls { certificates_pem: certificate.pem(), key_pem: Secret::new(key.serialize_pem()) };
    Ok((tls, trusted.pem()))
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2099, 1, 1);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}
