//! What the pages of a static Space are told: its public variables, as `window.huggingface.variables`.

use std::collections::BTreeMap;
use std::fmt::Write;

use axum::body::Bytes;

/// A script that stands before all others of a page.
#[derive(Debug)]
pub(super) struct Script {
    /// With its tags, in ASCII: the page may be in any charset.
    text: String,
    /// Of its text.
    pub(super) tag: String,
}

/// Bytes of a script.
const MAX_TEXT: usize = 256 << 10;

/// Bytes within which a page says its charset.
const BEGINNING: usize = 1024;

// === impl Script ===

impl Script {
    /// `None` without variables, and for more than a page can bear.
    pub(super) fn of(variables: &[(String, String)]) -> Option<Self> {
        let variables: BTreeMap<_, _> = variables.iter().map(|(key, value)| (key, value)).collect();
        if variables.is_empty() {
            return None;
        }
        let json = serde_json::to_string(&variables).ok()?;
        let mut text = String::from("<script>window.huggingface={variables:");
        for letter in json.chars() {
            match letter {
                // Outside of its strings JSON has none of these; within them, the page's parser must not see any.
                '<' | '>' | '&' | '\u{7f}'.. => {
                    for unit in letter.encode_utf16(&mut [0; 2]) {
                        write!(text, "\\u{unit:04x}").ok()?;
                    }
                }
                plain => text.push(plain),
            }
        }
        text.push_str("};</script>");
        (text.len() <= MAX_TEXT).then(|| Self {
            tag: blake3::hash(text.as_bytes()).to_hex()[..16].to_owned(),
            text,
        })
    }

    /// The page with the script where its head begins: before its own scripts, and before a policy of its own that would
    /// forbid this one. A page whose type does not say its charset says it first.
    pub(super) fn put_into(&self, page: &[u8], says_charset: bool) -> Bytes {
        let mut at = beginning_of_head(page);
        if !says_charset {
            at = at.max(end_of_charset(page));
        }
        let (before, after) = page.split_at(at);
        [before, self.text.as_bytes(), after].concat().into()
    }
}

/// Behind the tags that only begin a page, which are a doctype, `<html>` and `<head>`.
fn beginning_of_head(page: &[u8]) -> usize {
    let mut at = if page.starts_with(b"\xef\xbb\xbf") {
        3
    } else {
        0
    };
    let mut found = at;
    loop {
        let rest = &page[at..];
        if rest.first().is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        } else if rest.starts_with(b"<!--") {
            match find(&rest[4..], b"-->") {
                Some(end) => at += 4 + end + 3,
                None => return found,
            }
        } else if ["<!doctype", "<html", "<head"]
            .iter()
            .any(|tag| begins(rest, tag))
        {
            match end_of_tag(rest) {
                Some(end) => at += end,
                None => return found,
            }
            found = at;
            if begins(rest, "<head") {
                return found;
            }
        } else {
            return found;
        }
    }
}

/// Behind the `<meta>` that says the charset.
fn end_of_charset(page: &[u8]) -> usize {
    let text = &page[..page.len().min(BEGINNING)];
    let mut at = 0;
    while let Some(next) = text[at..].iter().position(|byte| *byte == b'<') {
        at += next;
        let Some(end) = end_of_tag(&text[at..]) else {
            break;
        };
        let tag = text[at..at + end].to_ascii_lowercase();
        if begins(&tag, "<meta") && find(&tag, b"charset").is_some() {
            return at + end;
        }
        at += 1;
    }
    0
}

/// Whether a tag of that name begins there.
fn begins(text: &[u8], tag: &str) -> bool {
    let name = text.get(..tag.len());
    let after = text.get(tag.len());
    name.is_some_and(|name| name.eq_ignore_ascii_case(tag.as_bytes()))
        && after.is_some_and(|byte| byte.is_ascii_whitespace() || matches!(byte, b'>' | b'/'))
}

/// Length of the tag that begins there. Attributes in quotes may hold anything.
fn end_of_tag(text: &[u8]) -> Option<usize> {
    let mut quote = None;
    for (at, byte) in text.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            (None, b'"' | b'\'') => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
    }
    None
}

fn find(text: &[u8], word: &[u8]) -> Option<usize> {
    text.windows(word.len()).position(|window| window == word)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn script(value: &str) -> Script {
        Script::of(&[("A".to_owned(), value.to_owned())]).expect("short")
    }

    #[test]
    fn it_stands_before_all_that_runs_or_forbids() {
        let script = script("b");
        assert_eq!(
            script.text,
            "<script>window.huggingface={variables:{\"A\":\"b\"}};</script>"
        );
        for page in [
            "<!DOCTYPE html><html lang=en><head class='a>b'>|<meta http-equiv=Content-Security-Policy>",
            "\u{feff}<!-- <head> -->\n<!doctype html>\n<HTML>\n<HEAD>|<script>",
            "<!doctype html>|<title>x</title><head>",
            "<html>| text <head>",
            "|<h1>hi</h1>",
            "|<header>",
            "<!doctype html>|<!-- never ends <head>",
            "|",
        ] {
            let (before, after) = page.split_once('|').expect("a mark");
            let plain = format!("{before}{after}");
            let told = script.put_into(plain.as_bytes(), true);
            let expected = page.replace('|', &script.text);
            assert_eq!(told, expected.as_bytes(), "{page}");
        }
        let latin = "<head><meta charset='iso-8859-1'>|<script>";
        let told = script.put_into(latin.replace('|', "").as_bytes(), false);
        assert_eq!(told, latin.replace('|', &script.text).as_bytes());
    }

    #[test]
    fn there_is_a_bound() {
        assert!(Script::of(&[]).is_none());
        assert!(Script::of(&[("A".to_owned(), "x".repeat(MAX_TEXT))]).is_none());
    }

    proptest! {
        #[test]
        fn no_value_ends_the_script(value in "\\PC{0,20}(</script>|<!--|]]>|\u{2028}|\"|\\\\|\n){0,3}\\PC{0,20}") {
            let script = script(&value);
            let json = script.text.strip_prefix("<script>window.huggingface={variables:").expect("its head");
            let json = json.strip_suffix("};</script>").expect("its end");
            prop_assert!(json.is_ascii() && !json.contains(['<', '>', '&']));
            let read: BTreeMap<String, String> = serde_json::from_str(json).expect("JSON");
            prop_assert_eq!(&read["A"], &value);
        }

        #[test]
        fn no_page_panics(page in "[<>!a-z\"' -]{0,60}", says: bool) {
            let script = script("b");
            prop_assert_eq!(script.put_into(page.as_bytes(), says).len(), page.len() + script.text.len());
        }
    }
}
