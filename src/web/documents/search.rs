//! Looks for words in all documents.

use super::render::{Document, Section};

/// Words of a query that count.
const MAX_WORDS: usize = 8;
/// Sections of one document that are shown.
const MAX_SECTIONS: usize = 6;
/// Lines of one section that are shown.
const MAX_LINES: usize = 3;
/// Bytes of a line that are shown, and how many of them stand before the first word.
const MAX_LINE: usize = 220;
const BEFORE: usize = 80;

/// A document in which the words are.
pub(super) struct FoundDocument {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    pub(super) sections: Vec<FoundSection>,
    /// Sections that are not shown.
    pub(super) more: usize,
    score: usize,
}

/// A section in which they are.
pub(super) struct FoundSection {
    pub(super) id: &'static str,
    /// Empty for what stands below the document's own title.
    pub(super) title: Vec<Piece>,
    pub(super) lines: Vec<Vec<Piece>>,
    score: usize,
}

/// A part of a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Piece {
    pub(super) text: String,
    /// Whether it is a word that was looked for.
    pub(super) is_word: bool,
}

/// The documents with a section that holds every word, the best first. Words are parts of words too, and in whatever case;
/// one that is in the document's title need not be in the section.
pub(super) fn search(
    documents: impl Iterator<Item = &'static Document>,
    query: &str,
) -> Vec<FoundDocument> {
    let words = query.split_whitespace().map(str::to_ascii_lowercase);
    let words: Vec<_> = words.take(MAX_WORDS).collect();
    if words.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<_> = documents
        .filter_map(|document| look(document, &words))
        .collect();
    found.sort_by_key(|document| std::cmp::Reverse(document.score));
    found
}

fn look(document: &'static Document, words: &[String]) -> Option<FoundDocument> {
    let sections = document.sections.iter();
    let mut sections: Vec<_> = sections
        .filter_map(|section| look_at(section, &document.title, words))
        .collect();
    sections.sort_by_key(|section| std::cmp::Reverse(section.score));
    let best = sections.first()?.score;
    let more = sections.len().saturating_sub(MAX_SECTIONS);
    let score = best + 10 * count(&document.title, words) + 3 * sections.len().min(MAX_SECTIONS);
    sections.truncate(MAX_SECTIONS);
    Some(FoundDocument {
        name: document.name,
        title: &document.title,
        sections,
        more,
        score,
    })
}

fn look_at(section: &'static Section, title: &str, words: &[String]) -> Option<FoundSection> {
    let is_in = |word: &&String| {
        let mut texts = section.lines.iter().chain([&section.title]);
        texts.any(|text| holds(text, word))
    };
    let here = words.iter().filter(is_in).count();
    let all = words.iter().all(|word| is_in(&word) || holds(title, word));
    if here == 0 || !all {
        return None;
    }
    let mut lines: Vec<_> = section.lines.iter().enumerate().collect();
    lines.retain(|(_, line)| count(line, words) > 0);
    // The title of the document counts there.
    let titled = match section.level {
        1 => 0,
        _ => count(&section.title, words),
    };
    let score = 10 * titled + here + lines.len().min(MAX_LINES);
    lines.sort_by_key(|(_, line)| std::cmp::Reverse(count(line, words)));
    lines.truncate(MAX_LINES);
    lines.sort_by_key(|(at, _)| *at);
    Some(FoundSection {
        id: &section.id,
        title: match section.level {
            1 => Vec::new(),
            _ => pieces(&section.title, words),
        },
        lines: lines
            .iter()
            .map(|(_, line)| pieces(&excerpt(line, words), words))
            .collect(),
        score,
    })
}

fn holds(text: &str, word: &str) -> bool {
    text.to_ascii_lowercase().contains(word)
}

/// How many of the words are in it.
fn count(text: &str, words: &[String]) -> usize {
    words.iter().filter(|word| holds(text, word)).count()
}

/// As much of a line as is shown, with its first word in it.
fn excerpt(line: &str, words: &[String]) -> String {
    if line.len() <= MAX_LINE {
        return line.to_owned();
    }
    let lower = line.to_ascii_lowercase();
    let first = words.iter().filter_map(|word| lower.find(word)).min();
    let begin = first.unwrap_or(0).saturating_sub(BEFORE);
    let begin = begin.min(line.len() - MAX_LINE);
    let begin = line.floor_char_boundary(begin);
    let end = line.floor_char_boundary(begin + MAX_LINE);
    // Words are whole, where that is soon.
    let space = line[begin..end]
        .find(' ')
        .filter(|at| begin > 0 && *at < BEFORE / 2);
    let begin = begin + space.map_or(0, |at| at + 1);
    let space = line[begin..end]
        .rfind(' ')
        .filter(|at| end < line.len() && *at > BEFORE);
    let end = space.map_or(end, |at| begin + at);
    let before = if begin > 0 { "…" } else { "" };
    let after = if end < line.len() { "…" } else { "" };
    format!("{before}{}{after}", &line[begin..end])
}

/// The text in pieces, of which some are words that were looked for.
fn pieces(text: &str, words: &[String]) -> Vec<Piece> {
    // Its letters are as many bytes as those of the text.
    let lower = text.to_ascii_lowercase();
    let mut pieces = Vec::new();
    let mut push = |from: usize, to: usize, is_word| {
        if from < to {
            let text = text[from..to].to_owned();
            pieces.push(Piece { text, is_word });
        }
    };
    let mut at = 0;
    loop {
        let next = words.iter().filter_map(|word| {
            let begin = at + lower[at..].find(word.as_str())?;
            Some((begin, begin + word.len()))
        });
        // The first, and of those that begin there the longest.
        let next = next.min_by_key(|(begin, end)| (*begin, std::cmp::Reverse(*end)));
        let Some((begin, end)) = next else { break };
        push(at, begin, false);
        push(begin, end, true);
        at = end;
    }
    push(at, text.len(), false);
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn words_are_marked_where_they_are() {
        let marked: Vec<_> = pieces("The Quota of quotas — é", &words("quota quotas"))
            .into_iter()
            .filter(|piece| piece.is_word)
            .map(|piece| piece.text)
            .collect();
        assert_eq!(marked, ["Quota", "quotas"]);
    }

    #[test]
    fn the_best_comes_first_and_every_word_counts() {
        let found = search(super::super::documents(), "Backup");
        assert_eq!(found[0].name, "operating");
        assert_eq!(found[0].sections[0].id, "backup");
        let found = search(super::super::documents(), "backup xorbs");
        assert!(found.iter().all(|one| one.name == "operating"));
        assert!(search(super::super::documents(), "zzyzx").is_empty());
        assert!(search(super::super::documents(), " ").is_empty());
    }

    proptest! {
        #[test]
        fn no_letter_is_lost(text in "\\PC{0,300}", query in "[a-zé ]{1,6}") {
            let words: Vec<_> = query.split_whitespace().map(str::to_ascii_lowercase).collect();
            let joined: String = pieces(&text, &words).into_iter().map(|piece| piece.text).collect();
            prop_assert_eq!(&joined, &text);
            prop_assert!(excerpt(&text, &words).len() <= MAX_LINE + 6 || text.len() <= MAX_LINE);
        }
    }
}
