//! `.env` files: `NAME=value` lines, as shells and the many tools with such a file read them.

use std::collections::HashMap;

/// What one entry of a file sets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DotenvEntry {
    /// Where it begins, counted from 1.
    pub line: usize,
    /// The variable's name, which an environment can hold.
    pub name: String,
    /// Its value, unquoted.
    pub value: String,
}

/// What is wrong with a file, and where. It never says what the file holds.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct DotenvError {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Reads a file.
///
/// Blank lines and those that begin with `#` are passed over, and so is `export` before a name. A value without quotes
/// ends at the end of the line or at a `#` after a space. Between single quotes everything is what it is; between double
/// ones `\n`, `\r`, `\t`, `\"`, `\$` and `\\` stand for one character each. Quoted values may have many lines. Nothing
/// is put in the place of `$NAME`.
///
/// # Errors
/// The first thing that is wrong; a name that is set twice is.
pub fn parse_dotenv(text: &str) -> Result<Vec<DotenvEntry>, DotenvError> {
    let text = text.replace("\r\n", "\n");
    let mut reader = Reader {
        rest: text.strip_prefix('\u{feff}').unwrap_or(&text),
        line: 1,
    };
    let mut entries = Vec::new();
    let mut lines = HashMap::new();
    while let Some(entry) = reader.entry()? {
        if let Some(first) = lines.insert(entry.name.clone(), entry.line) {
            return Err(DotenvError {
                line: entry.line,
                message: format!("{} is already set on line {first}", entry.name),
            });
        }
        entries.push(entry);
    }
    Ok(entries)
}

struct Reader<'t> {
    rest: &'t str,
    /// Of the first character of the rest.
    line: usize,
}

// === impl Reader ===

impl<'t> Reader<'t> {
    fn entry(&mut self) -> Result<Option<DotenvEntry>, DotenvError> {
        loop {
            if self.rest.is_empty() {
                return Ok(None);
            }
            let (line, _) = self.first_line();
            let begun = line.trim_start();
            if !begun.is_empty() && !begun.starts_with('#') {
                break;
            }
            self.pass(line.len());
            self.end_line();
        }
        let at = self.line;
        let name = self.name()?;
        let value = self.value()?;
        self.end_line();
        Ok(Some(DotenvEntry {
            line: at,
            name,
            value,
        }))
    }

    /// Takes what stands before the value.
    fn name(&mut self) -> Result<String, DotenvError> {
        let (line, _) = self.first_line();
        let Some((before, _)) = line.split_once('=') else {
            return Err(self.wrong("the line has no `=`; write `NAME=value`"));
        };
        let name = before.trim_start();
        let exported = name.strip_prefix("export");
        let exported = exported.filter(|name| name.starts_with([' ', '\t']));
        let name = exported.unwrap_or(name).trim();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        if name.is_empty()
            || !name.bytes().all(plain)
            || name.starts_with(|first: char| first.is_ascii_digit())
        {
            return Err(self.wrong(
                "the text before the `=` is not a valid name: use letters, digits and _, and do not start with a digit",
            ));
        }
        let name = name.to_owned();
        self.pass(before.len() + 1);
        Ok(name)
    }

    /// Takes a value, up to the end of its last line.
    fn value(&mut self) -> Result<String, DotenvError> {
        let (line, _) = self.first_line();
        let begun = line.trim_start_matches([' ', '\t']);
        let quote = begun
            .chars()
            .next()
            .filter(|first| matches!(first, '"' | '\''));
        let Some(quote) = quote else {
            let comment = begun
                .match_indices('#')
                .find(|(at, _)| *at == 0 || begun[..*at].ends_with([' ', '\t']));
            let value = comment.map_or(begun, |(at, _)| &begun[..at]).trim_end();
            let value = value.to_owned();
            self.pass(line.len());
            return Ok(value);
        };
        self.pass(line.len() - begun.len() + 1);
        let value = self.quoted(quote)?;
        let (line, _) = self.first_line();
        let after = line.trim_start();
        if !after.is_empty() && !after.starts_with('#') {
            return Err(self.wrong("the line has more text after the closing quote"));
        }
        self.pass(line.len());
        Ok(value)
    }

    fn quoted(&mut self, quote: char) -> Result<String, DotenvError> {
        let begun = self.line;
        let mut value = String::new();
        let mut letters = self.rest.char_indices();
        while let Some((at, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.pass(at + 1);
                    return Ok(value);
                }
                '\\' if quote == '"' => match letters.next() {
                    Some((_, 'n')) => value.push('\n'),
                    Some((_, 'r')) => value.push('\r'),
                    Some((_, 't')) => value.push('\t'),
                    Some((_, escaped @ ('"' | '\\' | '$'))) => value.push(escaped),
                    Some((_, other)) => value.extend(['\\', other]),
                    None => break,
                },
                letter => value.push(letter),
            }
        }
        Err(DotenvError {
            line: begun,
            message: format!("the quote {quote} that begins here is never closed"),
        })
    }

    /// The rest of the line, and of the text after it.
    fn first_line(&self) -> (&'t str, &'t str) {
        self.rest.split_once('\n').unwrap_or((self.rest, ""))
    }

    fn pass(&mut self, bytes: usize) {
        let (passed, rest) = self.rest.split_at(bytes);
        self.line += passed.matches('\n').count();
        self.rest = rest;
    }

    fn end_line(&mut self) {
        if self.rest.starts_with('\n') {
            self.pass(1);
        }
    }

    fn wrong(&self, message: &str) -> DotenvError {
        DotenvError {
            line: self.line,
            message: message.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Vec<(usize, String, String)> {
        let entries = parse_dotenv(text).expect("a good file").into_iter();
        entries
            .map(|entry| (entry.line, entry.name, entry.value))
            .collect()
    }

    fn error(text: &str) -> String {
        parse_dotenv(text).expect_err("a bad file").to_string()
    }

    #[test]
    fn files_are_read_as_people_write_them() {
        let text = concat!(
            "\u{feff}# the model\r\n",
            "MODEL=gpt2 # small\r\n",
            "\r\n",
            "  export TOKEN = hf_a#b=c \r\n",
            "EMPTY=\n",
            "SINGLE='as $it \\n is' # yes\n",
            "DOUBLE=\"a\\tb \\\"c\\\" \\$d \\e\"\n",
            "exported=1\n",
            "PEM=\"-----BEGIN-----\r\nabc=\r\n-----END-----\n\"\n",
            "JSON='{\n  \"a\": 1\n}'\n",
            "LAST=x",
        );
        let expected = [
            (2, "MODEL", "gpt2"),
            (4, "TOKEN", "hf_a#b=c"),
            (5, "EMPTY", ""),
            (6, "SINGLE", "as $it \\n is"),
            (7, "DOUBLE", "a\tb \"c\" $d \\e"),
            (8, "exported", "1"),
            (9, "PEM", "-----BEGIN-----\nabc=\n-----END-----\n"),
            (13, "JSON", "{\n  \"a\": 1\n}"),
            (16, "LAST", "x"),
        ];
        let expected = expected.map(|(line, name, value)| (line, name.into(), value.into()));
        assert_eq!(read(text), expected);
        assert_eq!(read("\n# nothing\n"), []);
    }

    #[test]
    fn what_is_wrong_is_named_by_its_line() {
        for (text, problem) in [
            ("A=1\nhello there", "line 2: the line has no `=`"),
            ("A=1\n\n2B=x", "line 3: the text before the `=`"),
            ("=x", "line 1: the text before the `=`"),
            ("export =x", "line 1: the text before the `=`"),
            ("A B=x", "line 1: the text before the `=`"),
            (
                "A=1\nB=\"x\ny\n",
                "line 2: the quote \" that begins here is never closed",
            ),
            ("A='x\\", "line 1: the quote"),
            (
                "A=\"x\ny\" z\nB=1",
                "line 2: the line has more text after the closing quote",
            ),
            ("A=1\nB=2\nA=3", "line 3: A is already set on line 1"),
        ] {
            assert!(
                error(text).starts_with(problem),
                "{text:?}: {}",
                error(text)
            );
        }
        assert!(!error("A=1\nsecret stuff").contains("stuff"));
    }

    proptest! {
        #[test]
        fn whatever_is_quoted_comes_back(value in "\\PC*[\n\\PC]{0,40}") {
            let value = value.replace('\r', "");
            let escaped = value.replace('\\', "\\\\").replace('"', "\\\"");
            let found = read(&format!("A=1\nexport KEY=\"{escaped}\" # end\nB=2"));
            prop_assert_eq!(&found[1].2, &value);
            prop_assert_eq!(found[2].0, 3 + value.matches('\n').count());
        }

        #[test]
        fn no_file_panics(text in "[A=\"'\\\\#\n\r é]{0,60}") {
            let _ = parse_dotenv(&text);
        }
    }
}
