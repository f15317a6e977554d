//! The text that stands in a commit for a large file (git-lfs, docs/spec.md).

use super::LargeFile;

/// No pointer is longer, in bytes.
pub(in crate::repo) const POINTER_BYTES: u64 = 1024;

const VERSION: &str = "version https://git-lfs.github.com/spec/v1";

/// The pointer to a file.
pub(in crate::repo) fn pointer_text(file: &LargeFile) -> String {
    format!("{VERSION}\noid sha256:{}\nsize {}\n", file.id, file.size)
}

/// The file a text points to; `None` when it is no pointer.
pub(in crate::repo) fn read_pointer(bytes: &[u8]) -> Option<LargeFile> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    if lines.next() != Some(VERSION) {
        return None;
    }
    let (mut id, mut size) = (None, None);
    // Lines between are extensions, in the order of their keys.
    for line in lines {
        match line.split_once(' ')? {
            ("oid", value) => id = Some(value.strip_prefix("sha256:")?.parse().ok()?),
            ("size", value) if value.bytes().all(|byte| byte.is_ascii_digit()) => {
                size = Some(value.parse().ok()?);
            }
            ("size", _) => return None,
            _ => {}
        }
    }
    Some(LargeFile {
        id: id?,
        size: size?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn texts_that_are_no_pointers() {
        let id = "a".repeat(64);
        for text in [
            String::new(),
            VERSION.to_owned(),
            format!("{VERSION}\noid sha256:{id}\n"),
            format!("{VERSION}\noid sha256:{}\nsize 1\n", &id[1..]),
            format!("{VERSION}\noid sha256:{}\nsize 1\n", id.to_uppercase()),
            format!("{VERSION}\noid md5:{id}\nsize 1\n"),
            format!("{VERSION}\noid sha256:{id}\nsize -1\n"),
            format!("{VERSION}\noid sha256:{id}\nsize +1\n"),
            format!("{VERSION}\noid sha256:{id}\nsize 99999999999999999999\n"),
            format!(" {VERSION}\noid sha256:{id}\nsize 1\n"),
        ] {
            assert_eq!(read_pointer(text.as_bytes()), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn pointers_come_back(id in "[0-9a-f]{64}", size in any::<u64>()) {
            let file = LargeFile { id: id.parse().expect("an id"), size };
            let text = pointer_text(&file);
            prop_assert!((text.len() as u64) < POINTER_BYTES);
            prop_assert_eq!(read_pointer(text.as_bytes()), Some(file));
        }

        #[test]
        fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read_pointer(&bytes);
        }
    }
}
