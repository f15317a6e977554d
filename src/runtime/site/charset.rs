//! In which charset a file of text is, as far as its beginning tells.
//!
//! What a response says of it outweighs what the file itself says, but for a byte order mark (Encoding Standard §6.1): so
//! UTF-8 is said of what is UTF-8 and says nothing else, and nothing of what is not. Without it a browser guesses.

/// Bytes in which HTML has to say its charset (HTML Standard §4.2.5.4), and in which others do.
const BEGINNING: usize = 1024;

/// The charset of a file that begins so, if it is text and that is known.
pub(super) fn of(kind: &str, beginning: &[u8]) -> Option<&'static str> {
    charset_of(kind, beginning).filter(|_| is_text(kind))
}

/// Whether it is a kind of text that says no charset.
pub(super) fn is_text(kind: &str) -> bool {
    let others = [
        "application/javascript",
        "application/json",
        "application/manifest+json",
        "application/xhtml+xml",
        "application/xml",
        "image/svg+xml",
    ];
    !kind.contains(';') && (kind.starts_with("text/") || others.contains(&kind))
}

/// The charset of a file that begins so, if it is known.
fn charset_of(kind: &str, beginning: &[u8]) -> Option<&'static str> {
    if beginning.starts_with(&[0xff, 0xfe]) || beginning.starts_with(&[0xfe, 0xff]) {
        return Some("utf-16");
    }
    if beginning.starts_with(&[0xef, 0xbb, 0xbf]) {
        return Some("utf-8");
    }
    let is_utf8 = match std::str::from_utf8(beginning) {
        Ok(_) => true,
        // The last character may go on in the next piece.
        Err(error) => error.error_len().is_none(),
    };
    let own = own_charset(kind, &beginning[..beginning.len().min(BEGINNING)]);
    let agrees = own.is_none_or(|own| own == "utf-8" || own == "utf8");
    (is_utf8 && agrees).then_some("utf-8")
}

/// The charset that a text says to be in, in lower case.
fn own_charset(kind: &str, beginning: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(beginning).to_ascii_lowercase();
    let after = match kind {
        // `<meta charset=…>` and `<meta http-equiv=… content="…; charset=…">`.
        "text/html" => {
            text.match_indices("<meta")
                .map(|(at, _)| text[at..].split('>').next().unwrap_or_default())
                .find_map(|tag| tag.split_once("charset"))?
                .1
        }
        "text/css" => text.strip_prefix("@charset ")?,
        _ => {
            let declaration = text
                .trim_start()
                .strip_prefix("<?xml")?
                .split("?>")
                .next()?;
            declaration.split_once("encoding")?.1
        }
    };
    let name = after.trim_start_matches(|letter: char| {
        letter.is_ascii_whitespace() || matches!(letter, '=' | '"' | '\'')
    });
    let letter = |letter: char| letter.is_ascii_alphanumeric() || "-_.:".contains(letter);
    let name: String = name.chars().take_while(|one| letter(*one)).collect();
    Some(name).filter(|name| !name.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_charset_is_said_where_it_is_known() {
        let html = |text: &str| charset_of("text/html", text.as_bytes());
        let utf8 = Some("utf-8");
        for page in [
            "",
            "<h1>ü</h1>",
            "<meta charset=utf-8>",
            "<META CHARSET = 'UTF-8'>",
            "<meta http-equiv=content-type content='text/html; charset=utf-8'>",
            "<meta name=viewport content=x><p>charset=latin1</p>",
        ] {
            assert_eq!(html(page), utf8, "{page}");
        }
        for page in [
            "<meta charset=iso-8859-1>",
            "<meta name=a><meta http-equiv=content-type content='text/html; charset=windows-1252'>",
        ] {
            assert_eq!(html(page), None, "{page}");
        }
        assert_eq!(charset_of("text/plain", b"\xfc is latin"), None);
        assert_eq!(charset_of("text/plain", b"\xff\xfea\0"), Some("utf-16"));
        assert_eq!(charset_of("text/plain", b"\xef\xbb\xbfa"), utf8);
        // Cut within a character.
        assert_eq!(charset_of("text/plain", "ü".as_bytes().split_at(1).0), utf8);
        let svg = "<?xml version='1.0' encoding='ISO-8859-1'?><svg/>";
        assert_eq!(charset_of("image/svg+xml", svg.as_bytes()), None);
        assert_eq!(charset_of("text/css", b"@charset \"shift_jis\";"), None);
        assert_eq!(charset_of("application/json", b"{}"), utf8);
    }
}
