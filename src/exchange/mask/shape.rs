//! Masks of the same shape.

use std::collections::HashSet;

/// A mask of the same shape that no other value has: letters become `x` or `X`, other letters than ASCII `é` or `É`, digits
/// `0`; a number stays a number.
pub(super) fn unlike(value: &str, taken: &mut HashSet<String>) -> String {
    let number =
        value.starts_with(|c: char| c.is_ascii_digit() && c != '0') && value.bytes().all(|b| b.is_ascii_digit());
    let plain: Vec<char> = value
        .chars()
        .enumerate()
        .map(|(nth, c)| match c {
            c if c.is_ascii_uppercase() => 'X',
            c if c.is_ascii_lowercase() => 'x',
            c if c.is_ascii_digit() => {
                if number && nth == 0 {
                    '1'
                } else {
                    '0'
                }
            }
            // What a grammar forbids it forbids in the mask too.
            c if c.is_uppercase() => 'É',
            c if c.is_alphanumeric() => 'é',
            c => c,
        })
        .collect();
    for attempt in 0..100_000_usize {
        let mut mask = plain.clone();
        let mut left = attempt;
        for c in mask.iter_mut().rev() {
            if left == 0 {
                break;
            }
            let alphabet = match *c {
                'X' => "XYZ",
                'x' => "xyz",
                '0' => "0123456789",
                '1' => "123456789",
                _ => continue,
            };
            let base = alphabet.len();
            *c = alphabet.chars().nth(left % base).unwrap_or(*c);
            left /= base;
        }
        if left > 0 {
            // No letter or digit is left to tell this value from others.
            break;
        }
        let mask: String = mask.into_iter().collect();
        if mask != value && taken.insert(mask.clone()) {
            return mask;
        }
    }
    plain.into_iter().collect()
}
