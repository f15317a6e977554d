//! What is wrong with a card, by line.

/// One thing to say of a card, to its author.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CardProblem {
    /// Line of README.md, counted from 1; `None` when it is about the whole.
    pub line: Option<usize>,
    /// What is wrong and what is allowed.
    pub message: String,
}

/// Everything wrong with a card.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.text())]
pub struct CardError {
    /// At least one.
    pub problems: Vec<CardProblem>,
}

// === impl CardProblem ===

impl CardProblem {
    /// `README.md:LINE: …`
    pub fn text(&self) -> String {
        match self.line {
            Some(line) => format!("README.md:{line}: {}", self.message),
            None => format!("README.md: {}", self.message),
        }
    }
}

// === impl CardError ===

impl CardError {
    pub(in crate::domain) fn one(line: Option<usize>, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::from(CardProblem { line, message })
    }

    /// The problems, one a line, each `README.md:LINE: …`.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self.problems.iter().map(CardProblem::text).collect();
        lines.join("\n")
    }
}

impl From<CardProblem> for CardError {
    fn from(problem: CardProblem) -> Self {
        Self {
            problems: vec![problem],
        }
    }
}
