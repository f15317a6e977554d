//! Packet lines (gitprotocol-common): four hexadecimal digits of length, themselves included, then the bytes.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// Longest line, length digits included.
const MAX_LINE: usize = 65_520;

/// A line that ends a list.
pub(super) const FLUSH: &[u8] = b"0000";

/// Appends a line.
pub(super) fn push(to: &mut Vec<u8>, line: &[u8]) {
    to.extend_from_slice(format!("{:04x}", line.len() + 4).as_bytes());
    to.extend_from_slice(line);
}

/// Appends bytes as lines of a side band: 1 carries the answer, 2 text for people.
pub(super) fn push_band(to: &mut Vec<u8>, band: u8, bytes: &[u8]) {
    for part in bytes.chunks(MAX_LINE - 5) {
        let mut line = vec![band];
        line.extend_from_slice(part);
        push(to, &line);
    }
}

/// Reads a line; `None` for one that ends a list, and for the end of the input before a line.
///
/// # Errors
/// `InvalidData` for what is no line, `UnexpectedEof` inside one.
pub(super) async fn read(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Vec<u8>>> {
    let mut digits = [0; 4];
    if from.read(&mut digits[..1]).await? == 0 {
        return Ok(None);
    }
    from.read_exact(&mut digits[1..]).await?;
    let length = std::str::from_utf8(&digits)
        .ok()
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))
        .and_then(|digits| usize::from_str_radix(digits, 16).ok());
    match length {
        Some(0) => Ok(None),
        Some(length @ 4..=MAX_LINE) => {
            let mut line = vec![0; length - 4];
            from.read_exact(&mut line).await?;
            Ok(Some(line))
        }
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read_all(mut bytes: &[u8]) -> io::Result<Vec<Option<Vec<u8>>>> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let mut lines = Vec::new();
            while !bytes.is_empty() {
                lines.push(read(&mut bytes).await?);
            }
            Ok(lines)
        })
    }

    #[test]
    fn what_is_no_line_is_refused() {
        for bad in [
            "0", "000", "0001", "0003", "xxxx", "+004", "fff1", "0006a", "-001",
        ] {
            assert!(read_all(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn lines_come_back(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..300), 0..5)) {
            let mut bytes = Vec::new();
            for line in &lines {
                push(&mut bytes, line);
            }
            bytes.extend_from_slice(FLUSH);
            let back = read_all(&bytes).expect("valid");
            let expected: Vec<_> = lines.into_iter().map(Some).chain([None]).collect();
            prop_assert_eq!(back, expected);
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = read_all(&bytes);
        }
    }
}
