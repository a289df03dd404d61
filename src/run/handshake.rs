//! `kind: handshake`: a look at a server's certificate, or a raw TLS hello that offers one old version.

use std::io;
use std::sync::Arc;

use rustls_pki_types::ServerName;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use url::Url;
use x509_parser::prelude::{FromDer as _, GeneralName, X509Certificate};

use super::Error;
use super::tls::{self, Seen, Trust};
use super::wire::{millis, not_connected};
use crate::clock::Clock;
use crate::exchange::Outcome;
use crate::target::Bounds;

/// Looks at `endpoint`, which is at `url`; `offer` is an old version to offer alone, or `weak` for suites that nobody should take. `clock`
/// dates the certificate.
pub(super) async fn look(
    (endpoint, url): (&str, &str),
    offer: Option<&str>,
    ca_file: Option<&std::path::Path>,
    bounds: &Bounds,
    clock: Arc<dyn Clock>,
) -> Result<Value, Error> {
    let parsed = Url::parse(url).map_err(|error| Error::Tls(error.to_string()))?;
    let host = parsed.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let port = parsed.port_or_known_default().unwrap_or(443);
    let mut document = json!({"request": {"url": url, "method": "TLS hello", "endpoint": endpoint}});
    let outcome = match timeout(bounds.connect, connected(&host, port)).await {
        Err(_) => {
            document["bound"] = json!({"name": "connect", "limit": millis(bounds.connect)});
            Outcome::TimedOut
        }
        Ok(Err((outcome, error))) => {
            document["error"] = error.to_string().into();
            outcome
        }
        Ok(Ok(stream)) => {
            let shaken = match offer {
                Some(version) => timeout(bounds.first_byte, old_hello(stream, &host, version)).await.ok(),
                None => {
                    let looking = Trust::looking(ca_file, clock.clone())?;
                    let shaking = ordinary(stream, &host, &looking, clock.now_ms());
                    timeout(bounds.first_byte, shaking).await.ok().transpose()?
                }
            };
            match shaken {
                None => {
                    document["bound"] = json!({"name": "first_byte", "limit": millis(bounds.first_byte)});
                    Outcome::TimedOut
                }
                Some(mut handshake) => {
                    let error = handshake.as_object_mut().and_then(|members| members.remove("error"));
                    document["handshake"] = handshake;
                    match error {
                        Some(error) => {
                            document["error"] = error;
                            Outcome::TlsFailed
                        }
                        None => Outcome::Answered,
                    }
                }
            }
        }
    };
    document["outcome"] = outcome.word().into();
    Ok(document)
}

async fn connected(host: &str, port: u16) -> Result<TcpStream, (Outcome, io::Error)> {
    let addresses = lookup_host((host, port)).await.map_err(|error| (Outcome::Unresolved, error))?;
    let mut last = (Outcome::Unresolved, io::Error::other("the name has no address"));
    for address in addresses {
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = (not_connected(error.kind(), true), error),
        }
    }
    Err(last)
}

/// A handshake as every client of today makes it; with an `error` where it does not come about.
async fn ordinary(stream: TcpStream, host: &str, looking: &Arc<Trust>, now_ms: u64) -> Result<Value, Error> {
    let config = tls::client(looking.clone())?;
    let name = ServerName::try_from(host.to_owned()).map_err(|error| Error::Tls(error.to_string()))?;
    let offered = "1.2 1.3";
    let stream = match TlsConnector::from(Arc::new(config)).connect(name, stream).await {
        Ok(stream) => stream,
        Err(error) => {
            let cause = error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>());
            let answered = match cause {
                Some(rustls::Error::AlertReceived(_)) => "alert",
                Some(rustls::Error::InvalidMessage(_)) => "other",
                // A hello came, and rustls refused it.
                Some(_) => "server_hello",
                None => "closed",
            };
            return Ok(json!({"offered": offered, "answered": answered, "error": error.to_string()}));
        }
    };
    let version = stream.get_ref().1.protocol_version().map(|version| match version {
        rustls::ProtocolVersion::TLSv1_3 => "1.3",
        rustls::ProtocolVersion::TLSv1_2 => "1.2",
        _ => "other",
    });
    let certificate = facts(&looking.seen(), now_ms);
    Ok(json!({"offered": offered, "answered": "server_hello", "version": version, "certificate": certificate}))
}

fn facts(seen: &Seen, now_ms: u64) -> Value {
    let mut facts = json!({"trusted": seen.problem.is_none(), "matches_host": seen.name_matches});
    if let Some(problem) = &seen.problem {
        facts["problem"] = problem.as_str().into();
    }
    let Ok((_, certificate)) = X509Certificate::from_der(&seen.certificate) else { return facts };
    let names: Vec<String> = certificate
        .subject_alternative_name()
        .ok()
        .flatten()
        .into_iter()
        .flat_map(|extension| &extension.value.general_names)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => Some(address(bytes)),
            _ => None,
        })
        .collect();
    let validity = certificate.validity();
    let date =
        |seconds: i64| OffsetDateTime::from_unix_timestamp(seconds).ok().and_then(|date| date.format(&Rfc3339).ok());
    let left = validity.not_after.timestamp() - i64::try_from(now_ms / 1000).unwrap_or(i64::MAX);
    facts["names"] = json!(names);
    facts["not_before"] = json!(date(validity.not_before.timestamp()));
    facts["not_after"] = json!(date(validity.not_after.timestamp()));
    facts["days_left"] = left.div_euclid(86_400).into();
    facts
}

fn address(bytes: &[u8]) -> String {
    match bytes {
        [a, b, c, d] => format!("{a}.{b}.{c}.{d}"),
        other => <[u8; 16]>::try_from(other)
            .map_or_else(|_| String::new(), |bytes| std::net::Ipv6Addr::from(bytes).to_string()),
    }
}

/// Sends a hello that offers one version and tells what came back.
///
/// Source: RFC 5246 §7.4.1.2 and appendix E for the form, RFC 8996 for why it must be refused.
async fn old_hello(mut stream: TcpStream, host: &str, version: &str) -> Value {
    let minor = match version {
        "1.0" => 1,
        "1.1" => 2,
        _ => 3,
    };
    let suites: &[&[u16]] = match version {
        "weak" => &[&WEAK],
        "1.0" | "1.1" => &[&SUITES_OF_1_0],
        _ => &[&SUITES_OF_1_2, &SUITES_OF_1_0],
    };
    let mut answered = "closed";
    // A server that closes at once may do so before the hello is written.
    let _ = stream.write_all(&hello(host, minor, suites)).await;
    let mut record = [0_u8; 6];
    if stream.read_exact(&mut record).await.is_ok() {
        answered = match (record[0], record[5]) {
            (HANDSHAKE, SERVER_HELLO) => "server_hello",
            (ALERT, _) => "alert",
            _ => "other",
        };
    }
    json!({"offered": version, "answered": answered})
}

/// Content types of records, and the type of a handshake message. Source: RFC 5246 §6.2.1 and §7.4.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;

/// What servers of the age of TLS 1.0 have: ECDHE and RSA with AES in CBC, and 3DES.
const SUITES_OF_1_0: [u16; 10] = [0xC014, 0xC013, 0xC00A, 0xC009, 0x0039, 0x0033, 0x0035, 0x002F, 0x000A, 0x00FF];
/// What TLS 1.2 brought: AES-GCM and ChaCha20 with ECDHE, DHE and RSA. Source: RFC 5288, RFC 5289, RFC 7905.
const SUITES_OF_1_2: [u16; 10] = [0xC02B, 0xC02C, 0xC02F, 0xC030, 0xCCA8, 0xCCA9, 0x009E, 0x009F, 0x009C, 0x009D];
/// ECDSA, RSA-PSS and RSA with SHA-256 to SHA-512. Source: RFC 8446 §4.2.3.
const SIGNATURES: [u16; 10] = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601];

/// Suites without confidentiality or whose keys anybody finds: NULL, export grade, RC4, and those that authenticate nobody.
///
/// Source: RFC 5246 appendix A.5 and D; RFC 7465 for RC4; RFC 4492 §6 for the curves' own.
const WEAK: [u16; 19] = [
    0x0001, 0x0002, 0x003B, 0xC001, 0xC006, 0xC00B, 0xC010, 0x0003, 0x0006, 0x0008, 0x0014, 0x0004, 0x0005, 0xC007,
    0xC011, 0x0018, 0x0034, 0x006C, 0xC018,
];

fn hello(host: &str, minor: u8, suites: &[&[u16]]) -> Vec<u8> {
    let block = |bytes: &[u8]| [&u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes()[..], bytes].concat();
    let suites: Vec<u8> = suites.iter().copied().flatten().flat_map(|suite| suite.to_be_bytes()).collect();
    let mut extensions = Vec::new();
    if host.parse::<std::net::IpAddr>().is_err() {
        let name = [&[0_u8][..], &block(host.as_bytes())].concat();
        extensions.extend([&[0, 0][..], &block(&block(&name))].concat());
    }
    let groups: Vec<u8> = [0x001D_u16, 0x0017, 0x0018].iter().flat_map(|group| group.to_be_bytes()).collect();
    extensions.extend([&[0, 10][..], &block(&block(&groups))].concat());
    extensions.extend([0, 11, 0, 2, 1, 0]);
    if minor >= 3 {
        // Without it a server of TLS 1.2 would have to take SHA-1 (RFC 5246 §7.4.1.4.1), and many rather refuse.
        let algorithms: Vec<u8> = SIGNATURES.iter().flat_map(|algorithm| algorithm.to_be_bytes()).collect();
        extensions.extend([&[0, 13][..], &block(&block(&algorithms))].concat());
        // Extended master secret (RFC 7627), which some servers insist on.
        extensions.extend([0, 23, 0, 0]);
    }
    let mut body = vec![3, minor];
    body.extend([0x5A; 32]);
    body.push(0);
    body.extend(block(&suites));
    body.extend([1, 0]);
    body.extend(block(&extensions));
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let message = [&[1_u8][..], &length[1..], &body].concat();
    [&[22_u8, 3, 1][..], &block(&message)].concat()
}
