//! Documents within a Dockerfile: the lines between `<<EOF` and `EOF`, which an instruction reads as a file.
//!
//! As BuildKit reads them (`frontend/dockerfile/parser`): a word of `RUN`, `COPY` or `ADD` that is nothing but digits, `<<`,
//! perhaps `-`, and a name announces one.

use super::words::{flags, quoted_words, split_first};

/// A document, or what there is of it so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Document {
    /// The line that ends it.
    pub(super) name: String,
    /// The word that announces it, as it was written.
    pub(super) word: String,
    /// Its lines, each with a line feed, as they were written.
    pub(super) raw: String,
    /// Whether variables in it are filled in.
    pub(super) expands: bool,
    /// Whether tabs at the start of its lines do not belong to it (`<<-`).
    strips_tabs: bool,
}

// === impl Document ===

impl Document {
    /// The one that a word announces.
    pub(super) fn announced_by(word: &str) -> Option<Self> {
        let rest = word.trim_start_matches(|c: char| c.is_ascii_digit());
        let rest = rest.strip_prefix("<<")?;
        let (rest, strips_tabs) = match rest.strip_prefix('-') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let quoted = |quote: char| {
            let inner = rest.strip_prefix(quote)?.strip_suffix(quote)?;
            Some(inner)
        };
        let name = quoted('"').or_else(|| quoted('\''));
        let expands = name.is_none();
        let name = name.unwrap_or(rest);
        let is_plain = |c: char| c.is_alphanumeric() || "_-.".contains(c);
        (!name.is_empty() && name.chars().all(is_plain)).then(|| Self {
            name: name.to_owned(),
            word: word.to_owned(),
            raw: String::new(),
            expands,
            strips_tabs,
        })
    }

    /// Takes a line of it; whether that is the one that ends it.
    pub(super) fn takes(&mut self, line: &str) -> bool {
        let seen = match self.strips_tabs {
            true => line.trim_start_matches('\t'),
            false => line,
        };
        if seen == self.name {
            return true;
        }
        self.raw.push_str(line);
        self.raw.push('\n');
        false
    }

    /// What it says.
    pub(super) fn text(&self) -> String {
        if !self.strips_tabs {
            return self.raw.clone();
        }
        let lines = self.raw.split_inclusive('\n');
        lines.map(|line| line.trim_start_matches('\t')).collect()
    }
}

/// The documents that an instruction announces, in order.
pub(super) fn announced(instruction: &str, escape: char) -> Vec<Document> {
    let (word, rest) = split_first(instruction);
    if !["RUN", "COPY", "ADD"].contains(&word.to_ascii_uppercase().as_str()) {
        return Vec::new();
    }
    // What is wrong with its options is said where they are read.
    let Ok((_, rest)) = flags(0, rest, escape) else {
        return Vec::new();
    };
    let words = quoted_words(rest, '\\');
    words
        .iter()
        .filter_map(|word| Document::announced_by(word))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_announces_a_document_is_told_from_what_shifts_bits() {
        let names = |text: &str| -> Vec<(String, bool)> {
            let found = announced(text, '\\').into_iter();
            found
                .map(|document| (document.name, document.expands))
                .collect()
        };
        let one = |name: &str, expands| vec![(name.to_owned(), expands)];
        assert_eq!(names("RUN <<EOF"), one("EOF", true));
        assert_eq!(names("run cat <<-'a.b' > /x"), one("a.b", false));
        assert_eq!(
            names("RUN --mount=type=tmpfs,target=/t 3<<\"E\" x"),
            one("E", false)
        );
        assert_eq!(names("COPY <<a <<b /to/").len(), 2);
        for none in [
            "RUN echo $((1<<2)) $((1 << 2))",
            "RUN echo \"<<EOF\"",
            "RUN cat <<<word",
            "CMD <<EOF",
            "RUN [\"a\", \"<<EOF\"]",
            "RUN a<<EOF",
        ] {
            assert!(names(none).is_empty(), "{none}");
        }
    }

    #[test]
    fn a_document_ends_at_its_name_alone() {
        let mut document = announced("RUN <<-EOF", '\\').remove(0);
        for line in ["\ta", "EOF x", "# no comment", ""] {
            assert!(!document.takes(line));
        }
        assert!(document.takes("\t\tEOF"));
        assert_eq!(document.text(), "a\nEOF x\n# no comment\n\n");
        assert!(document.raw.starts_with("\ta\n"));
    }
}
