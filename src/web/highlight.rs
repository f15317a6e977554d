//! Source as pages: each line as spans whose classes the style sheet colours.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use syntect::html::{ClassStyle, line_tokens_to_classed_spans};
use syntect::parsing::{ParseState, ScopeStack, SyntaxReference, SyntaxSet};

/// Source longer than this is shown without colours.
const MAX_BYTES: usize = 256 << 10;

/// A line longer than this, and a file that has taken this long, go on without colours: grammars are slow at what was
/// made to be slow.
const MAX_LINE: usize = 2000;
const PATIENCE: Duration = Duration::from_millis(400);

/// Scopes that may be open at the end of a line; each is written again at the beginning of the next.
const MAX_OPEN: usize = 40;

/// What the names of all classes begin with.
const STYLE: ClassStyle = ClassStyle::SpacedPrefixed { prefix: "s-" };

static SYNTAXES: LazyLock<SyntaxSet> = LazyLock::new(two_face::syntax::extra_newlines);

/// The lines of a file as HTML that may stand in a page: escaped, each whole in itself. Blocks.
pub(super) fn lines(path: &str, text: &str) -> Vec<String> {
    let syntax = (text.len() <= MAX_BYTES)
        .then(|| syntax_of(path, text))
        .flatten();
    let Some(syntax) = syntax else {
        return text.lines().map(escape).collect();
    };
    let begun = Instant::now();
    let mut state = ParseState::new(syntax);
    let mut stack = ScopeStack::new();
    let mut coloured = true;
    let mut lines = Vec::new();
    for line in text.split_inclusive('\n') {
        coloured &= line.len() <= MAX_LINE && begun.elapsed() < PATIENCE;
        let html = coloured
            .then(|| spans(line, &mut state, &mut stack))
            .flatten();
        coloured &= html.is_some();
        lines.push(html.unwrap_or_else(|| escape(line.trim_end_matches(['\r', '\n']))));
    }
    lines
}

fn spans(line: &str, state: &mut ParseState, stack: &mut ScopeStack) -> Option<String> {
    if stack.len() > MAX_OPEN {
        return None;
    }
    let operations = state.parse_line(line, &SYNTAXES).ok()?;
    // What an earlier line left open is opened again, so that this line is whole.
    let mut html = String::new();
    for scope in stack.as_slice() {
        html.push_str("<span class=\"");
        html.push_str(&classes(&scope.build_string()));
        html.push_str("\">");
    }
    let (inner, _) = line_tokens_to_classed_spans(line, &operations, STYLE, stack).ok()?;
    html.push_str(inner.trim_end_matches(['\r', '\n']));
    // Spans may begin before the line break and end after it.
    let html = html.replace('\n', "");
    let open = html.matches("<span").count();
    let close = html.matches("</span>").count();
    Some(html + &"</span>".repeat(open.saturating_sub(close)))
}

fn classes(scope: &str) -> String {
    let words: Vec<_> = scope.split('.').map(|word| format!("s-{word}")).collect();
    words.join(" ")
}

fn syntax_of(path: &str, text: &str) -> Option<&'static SyntaxReference> {
    let name = path.rsplit('/').next().unwrap_or(path);
    let extension = name
        .rsplit_once('.')
        .map_or(name, |(_, extension)| extension);
    SYNTAXES
        .find_syntax_by_extension(name)
        .or_else(|| SYNTAXES.find_syntax_by_extension(&extension.to_ascii_lowercase()))
        .or_else(|| {
            let first = text.lines().next().unwrap_or_default();
            let short = &first[..first.floor_char_boundary(100)];
            SYNTAXES.find_syntax_by_first_line(short)
        })
        .filter(|syntax| syntax.name != "Plain Text")
}

/// Text as HTML.
pub(super) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + text.len() / 8);
    for letter in text.chars() {
        match letter {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What a browser would show.
    fn text_of(html: &str) -> String {
        let mut text = String::new();
        let mut inside = false;
        for letter in html.chars() {
            match letter {
                '<' => inside = true,
                '>' => inside = false,
                _ if !inside => text.push(letter),
                _ => {}
            }
        }
        let text = text
            .replace("&lt;", "<")
            .replace("&gt;", ">")
            .replace("&quot;", "\"");
        text.replace("&#39;", "'").replace("&amp;", "&")
    }

    #[test]
    fn each_line_is_whole() {
        let source = "def f():\n    \"\"\"one\n    <two>\n    \"\"\"\n    return '<b>' # & done\n";
        let lines = lines("app.py", source);
        assert_eq!(lines.len(), 5);
        for (line, source) in lines.iter().zip(source.lines()) {
            assert_eq!(
                line.matches("<span").count(),
                line.matches("</span>").count(),
                "{line}"
            );
            assert_eq!(text_of(line), source);
        }
        assert!(lines[0].contains("s-"), "{}", lines[0]);
    }

    #[test]
    fn the_kinds_of_files_in_spaces_are_known() {
        for name in [
            "app.py",
            "Cargo.toml",
            "Dockerfile",
            "a.ts",
            "x.rs",
            "y.yaml",
            "s.css",
            "i.html",
            "r.md",
        ] {
            assert!(syntax_of(name, "").is_some(), "{name}");
        }
        assert!(syntax_of("LICENSE", "").is_none());
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_nothing_acts(text in "[ -~\n]{0,200}") {
            for (html, line) in lines("x.html", &text).iter().zip(text.lines()) {
                prop_assert_eq!(text_of(html), line);
                prop_assert_eq!(html.matches("<span").count(), html.matches("</span>").count());
            }
        }
    }
}
