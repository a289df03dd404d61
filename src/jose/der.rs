//! The little of DER that is written here: wrappers around what a key holds.
//!
//! Source: X.690 §8.1 and §10.1.

pub(super) const SEQUENCE: u8 = 0x30;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;

/// `AlgorithmIdentifier` of an EC key on P-256. Source: RFC 5480 §2.1.1.
pub(super) const EC_P256: &[u8] = &[
    0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03,
    0x01, 0x07,
];
/// The same on P-384.
pub(super) const EC_P384: &[u8] =
    &[0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22];
/// `AlgorithmIdentifier` of an RSA key. Source: RFC 3279 §2.3.1.
pub(super) const RSA: &[u8] =
    &[0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00];
/// `AlgorithmIdentifier` of an Ed25519 key. Source: RFC 8410 §3.
pub(super) const ED25519: &[u8] = &[0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70];

/// One value with its tag and length.
pub(super) fn wrapped(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let bytes: Vec<u8> = length.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect();
            out.push(0x80 | u8::try_from(bytes.len()).unwrap_or(8));
            out.extend(bytes);
        }
    }
    out.extend_from_slice(content);
    out
}

/// A SEC 1 key as PKCS #8: what is read here is of that form alone. Source: RFC 5958 §2.
pub(super) fn pkcs8(algorithm: &[u8], sec1: &[u8]) -> Vec<u8> {
    let version = [0x02, 0x01, 0x00];
    wrapped(SEQUENCE, &[&version[..], algorithm, &wrapped(OCTET_STRING, sec1)].concat())
}

/// A public key as X.509 has it. Source: RFC 5280 §4.1.2.7.
pub(super) fn public(algorithm: &[u8], key: &[u8]) -> Vec<u8> {
    let bits = [&[0][..], key].concat();
    wrapped(SEQUENCE, &[algorithm, &wrapped(BIT_STRING, &bits)].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_written_short_where_they_fit() {
        assert_eq!(wrapped(SEQUENCE, &[7; 3])[..2], [0x30, 3]);
        assert_eq!(wrapped(SEQUENCE, &[7; 200])[..3], [0x30, 0x81, 200]);
        assert_eq!(wrapped(SEQUENCE, &[7; 300])[..4], [0x30, 0x82, 1, 44]);
    }
}
