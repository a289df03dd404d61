//! TLS for the listener, and the one thing that rustls rightly cannot do: greet clients of TLS 1.0 and 1.1.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{Error, Tls};

/// What a client begins with.
pub(super) enum First {
    /// A ClientHello; `old` if it goes no higher than TLS 1.1.
    Handshake {
        /// TLS 1.2 and later all say 3.3 in this place.
        old: bool,
    },
    /// Anything else, which can only be a request in the clear.
    PlainHttp,
    /// Too little to tell.
    Nothing,
}

/// Looks at what a client begins with and leaves it unread. Source: RFC 8446 §5.1 and §4.1.2.
pub(super) async fn first_bytes(stream: &TcpStream) -> First {
    let mut bytes = [0; 11];
    for _ in 0..LOOKS {
        match stream.peek(&mut bytes).await {
            Ok(0) | Err(_) => return First::Nothing,
            Ok(_) if bytes[0] != HANDSHAKE => return First::PlainHttp,
            Ok(11) => {
                return First::Handshake { old: bytes[9] == 3 && bytes[10] < 3 };
            }
            // A hello in pieces, which loopback hardly knows: the rest is under way.
            Ok(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    }
    First::Nothing
}

/// Answers a hello of an old version with a ServerHello of the same version, and goes no further.
///
/// Source: RFC 5246 §7.4.1.2 and §7.4.1.3, which RFC 2246 and RFC 4346 share.
pub(super) async fn answer_old_hello(mut stream: TcpStream) -> io::Result<()> {
    let mut header = [0; 5];
    stream.read_exact(&mut header).await?;
    let mut hello = vec![0; usize::from(u16::from_be_bytes([header[3], header[4]]))];
    stream.read_exact(&mut hello).await?;
    // Handshake header 4, version 2, random 32, then the session id and the cipher suites, each after its length.
    let session = hello.get(38).map_or(0, |length| usize::from(*length));
    let (Some(version), Some(suite)) = (hello.get(4..6), hello.get(41 + session..43 + session)) else {
        return Ok(());
    };
    let mut body = version.to_vec();
    body.extend([0x5a; 32]);
    body.push(0);
    body.extend(suite);
    body.push(0);
    let length = |length: usize| u8::try_from(length).unwrap_or(u8::MAX);
    let mut record =
        vec![HANDSHAKE, version[0], version[1], 0, length(body.len() + 4), SERVER_HELLO, 0, 0, length(body.len())];
    record.extend(body);
    stream.write_all(&record).await?;
    // The client has what it wanted to know; wait for it to leave.
    let mut scratch = [0; 1024];
    while stream.read(&mut scratch).await? > 0 {}
    Ok(())
}

/// What the listener needs of a certificate and its key; `only_newest` leaves TLS 1.2 out.
pub(super) fn acceptor(tls: &Tls, only_newest: bool) -> Result<TlsAcceptor, Error> {
    let wrong = |error: &dyn std::fmt::Display| Error::Tls(error.to_string());
    let certificates = CertificateDer::pem_slice_iter(tls.certificates_pem.as_bytes())
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(&error))?;
    let key = PrivateKeyDer::from_pem_slice(tls.key_pem.expose().as_bytes()).map_err(|error| wrong(&error))?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(if only_newest { NEWEST } else { rustls::DEFAULT_VERSIONS })
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(certificates, key))
        .map_err(|error| wrong(&error))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}

const NEWEST: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];
/// The content type of a TLS record that carries a handshake.
const HANDSHAKE: u8 = 22;
const SERVER_HELLO: u8 = 2;
const LOOKS: usize = 100;
