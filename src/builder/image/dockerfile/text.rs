//! Text with variables in it, as the engine expands it: `$NAME`, `${NAME}`, `${NAME:-TEXT}` and so on, quotes, escapes.
//!
//! It is read once, into parts. What the engine gets is written from the parts, so that there is only one way to read it.

use std::fmt::Write as _;
use std::iter::Peekable;
use std::str::Chars;

/// A text and the variables in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Text(Vec<Part>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Plain(String),
    Variable {
        name: String,
        otherwise: Option<(Operator, Text)>,
    },
}

/// What `${NAME…TEXT}` does where the variable is unset; with a colon, also where it is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Operator {
    /// `-`: the text stands for it.
    Default { colon: bool },
    /// `+`: the text stands for one that is set.
    Replacement { colon: bool },
    /// `?`: the build fails, saying the text.
    Required { colon: bool },
}

// === impl Text ===

impl Text {
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn parse(text: &str, escape: char) -> Result<Self, String> {
        let mut reader = Reader {
            chars: text.chars().peekable(),
            escape,
            depth: 0,
        };
        reader.until(None)
    }

    /// A text in which quotes are characters as others are, and what is escaped is left as it is.
    ///
    /// # Errors
    /// Says what is wrong with it.
    pub(super) fn document(text: &str, escape: char) -> Result<Self, String> {
        let mut reader = Reader {
            chars: text.chars().peekable(),
            escape,
            depth: 0,
        };
        let mut text = Self::default();
        while let Some(c) = reader.chars.next() {
            match c {
                '$' => reader.variable(&mut text)?,
                c if c == escape => match reader.chars.next_if(|next| *next == '$') {
                    Some(dollar) => text.push(dollar),
                    None => text.push(c),
                },
                c => text.push(c),
            }
        }
        Ok(text)
    }

    /// A text in which nothing is a variable.
    pub(super) fn plain(text: String) -> Self {
        Self(vec![Part::Plain(text)])
    }

    /// It with something more at its end.
    pub(super) fn followed_by(&self, more: &str) -> Self {
        let mut text = self.clone();
        for c in more.chars() {
            text.push(c);
        }
        text
    }

    /// The text itself, if there is no variable in it.
    pub(super) fn literal(&self) -> Option<&str> {
        match self.0.as_slice() {
            [] => Some(""),
            [Part::Plain(text)] => Some(text),
            _ => None,
        }
    }

    /// # Errors
    /// What `?` says.
    pub(super) fn expanded<'a>(
        &self,
        value: &impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, String> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(text) => out.push_str(text),
                Part::Variable { name, otherwise } => {
                    let found = value(name);
                    match otherwise {
                        None => out.push_str(found.unwrap_or_default()),
                        Some((operator, text)) => {
                            out.push_str(&operator.apply(name, found, text, value)?)
                        }
                    }
                }
            }
        }
        Ok(out)
    }

    /// The most bytes it can become, with the lengths of its variables.
    pub(super) fn longest(&self, length: &impl Fn(&str) -> usize) -> usize {
        let parts = self.0.iter().map(|part| match part {
            Part::Plain(text) => text.len(),
            Part::Variable { name, otherwise } => {
                let text = otherwise.as_ref().map(|(_, text)| text.longest(length));
                length(name).max(text.unwrap_or(0))
            }
        });
        parts.fold(0, usize::saturating_add)
    }

    /// As one word within double quotes, in which nothing else has a meaning than what is escaped here.
    pub(super) fn quoted(&self) -> String {
        format!("\"{}\"", self.escaped(&['"', '$', '\\']))
    }

    /// As one word without quotes.
    ///
    /// # Errors
    /// The first character that could be read otherwise there.
    pub(super) fn bare(&self) -> Result<String, char> {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(text) => {
                    let odd = |c: &char| !(c.is_ascii_alphanumeric() || "_-./:+".contains(*c));
                    if let Some(odd) = text.chars().find(odd) {
                        return Err(odd);
                    }
                    out.push_str(text);
                }
                Part::Variable { name, otherwise } => {
                    let _ = write!(out, "${{{name}");
                    if let Some((operator, text)) = otherwise {
                        operator.write(&mut out);
                        out.push_str(&text.bare()?);
                    }
                    out.push('}');
                }
            }
        }
        Ok(out)
    }

    fn escaped(&self, special: &[char]) -> String {
        let mut out = String::new();
        for part in &self.0 {
            match part {
                Part::Plain(text) => {
                    for c in text.chars() {
                        if special.contains(&c) {
                            out.push('\\');
                        }
                        out.push(c);
                    }
                }
                Part::Variable { name, otherwise } => {
                    let _ = write!(out, "${{{name}");
                    if let Some((operator, text)) = otherwise {
                        operator.write(&mut out);
                        // There, quotes and the closing brace have a meaning again.
                        out.push_str(&text.escaped(&['"', '\'', '$', '\\', '}']));
                    }
                    out.push('}');
                }
            }
        }
        out
    }

    fn push(&mut self, c: char) {
        match self.0.last_mut() {
            Some(Part::Plain(text)) => text.push(c),
            _ => self.0.push(Part::Plain(c.into())),
        }
    }
}

/// Variables within the text of a variable.
const DEEPEST: usize = 16;

// === impl Operator ===

impl Operator {
    fn new(symbol: char, colon: bool) -> Option<Self> {
        match symbol {
            '-' => Some(Self::Default { colon }),
            '+' => Some(Self::Replacement { colon }),
            '?' => Some(Self::Required { colon }),
            _ => None,
        }
    }

    fn apply<'a>(
        self,
        name: &str,
        found: Option<&str>,
        text: &Text,
        value: &impl Fn(&str) -> Option<&'a str>,
    ) -> Result<String, String> {
        let counts = |colon: bool| found.filter(|value| !colon || !value.is_empty());
        match self {
            Self::Default { colon } => match counts(colon) {
                Some(found) => Ok(found.to_owned()),
                None => text.expanded(value),
            },
            Self::Replacement { colon } => match counts(colon) {
                Some(_) => text.expanded(value),
                None => Ok(String::new()),
            },
            Self::Required { colon } => match counts(colon) {
                Some(found) => Ok(found.to_owned()),
                None => {
                    let message = text.expanded(value)?;
                    let message = if message.is_empty() {
                        "must be set"
                    } else {
                        &message
                    };
                    Err(format!("needs `{name}`: {message}"))
                }
            },
        }
    }

    fn write(self, out: &mut String) {
        let (symbol, colon) = match self {
            Self::Default { colon } => ('-', colon),
            Self::Replacement { colon } => ('+', colon),
            Self::Required { colon } => ('?', colon),
        };
        if colon {
            out.push(':');
        }
        out.push(symbol);
    }
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    escape: char,
    depth: usize,
}

// === impl Reader ===

impl Reader<'_> {
    /// Up to that character, which is taken, or to the end.
    fn until(&mut self, end: Option<char>) -> Result<Text, String> {
        let mut text = Text::default();
        while let Some(c) = self.chars.next() {
            match c {
                c if Some(c) == end => return Ok(text),
                '\'' => self.single_quoted(&mut text)?,
                '"' => self.double_quoted(&mut text)?,
                '$' => self.variable(&mut text)?,
                c if c == self.escape => {
                    if let Some(escaped) = self.chars.next() {
                        text.push(escaped);
                    }
                }
                c => text.push(c),
            }
        }
        match end {
            None => Ok(text),
            Some(end) => Err(format!("has no closing `{end}`")),
        }
    }

    fn single_quoted(&mut self, text: &mut Text) -> Result<(), String> {
        loop {
            match self.chars.next() {
                None => return Err("has no closing `'`".to_owned()),
                Some('\'') => break,
                Some(c) => text.push(c),
            }
        }
        Ok(())
    }

    fn double_quoted(&mut self, text: &mut Text) -> Result<(), String> {
        loop {
            match self.chars.next() {
                None => return Err("has no closing `\"`".to_owned()),
                Some('"') => break,
                Some('$') => self.variable(text)?,
                Some(c) if c == self.escape => match self.chars.peek() {
                    None => {}
                    Some(&next) if ['"', '$', self.escape].contains(&next) => {
                        self.chars.next();
                        text.push(next);
                    }
                    Some(_) => text.push(c),
                },
                Some(c) => text.push(c),
            }
        }
        Ok(())
    }

    /// What follows a `$`.
    fn variable(&mut self, text: &mut Text) -> Result<(), String> {
        if self.chars.peek() != Some(&'{') {
            let name = self.name()?;
            match name.is_empty() {
                true => text.push('$'),
                false => text.0.push(Part::Variable {
                    name,
                    otherwise: None,
                }),
            }
            return Ok(());
        }
        self.chars.next();
        if matches!(self.chars.peek(), None | Some('{' | '}' | ':')) {
            return Err("has a `${` that is not followed by the name of a variable".to_owned());
        }
        let name = self.name()?;
        let unknown = || {
            format!(
                "has `${{{name}…}}` with something other than `:-`, `:+` or `:?`, which is not supported"
            )
        };
        let otherwise = match self.chars.next() {
            None => return Err("has no closing `}`".to_owned()),
            Some('}') => None,
            Some(first) => {
                let colon = first == ':';
                let symbol = if colon {
                    self.chars.next()
                } else {
                    Some(first)
                };
                let operator = symbol.and_then(|symbol| Operator::new(symbol, colon));
                let operator = operator.filter(|_| !name.is_empty()).ok_or_else(unknown)?;
                self.depth += 1;
                if self.depth > DEEPEST {
                    return Err("nests variables too deeply".to_owned());
                }
                let text = self.until(Some('}'))?;
                self.depth -= 1;
                Some((operator, text))
            }
        };
        text.0.push(Part::Variable { name, otherwise });
        Ok(())
    }

    /// Empty where there is none.
    fn name(&mut self) -> Result<String, String> {
        let mut name = String::new();
        let first = self.chars.peek().copied();
        // Those that a shell sets itself.
        if let Some(c) = first.filter(|c| "@*#?-$!".contains(*c)) {
            self.chars.next();
            return Ok(c.into());
        }
        let digits = first.is_some_and(|c| c.is_ascii_digit());
        while let Some(&c) = self.chars.peek() {
            if !c.is_ascii() && c.is_alphanumeric() {
                return Err(
                    "has a variable whose name is not made of letters, digits and _".to_owned(),
                );
            }
            let belongs = match digits {
                true => c.is_ascii_digit(),
                false => c.is_ascii_alphanumeric() || c == '_',
            };
            if !belongs {
                break;
            }
            self.chars.next();
            name.push(c);
        }
        Ok(name)
    }
}
