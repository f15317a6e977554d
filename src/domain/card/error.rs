//! What is wrong with a card, by line.

/// One thing wrong with a card, for its author.
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

impl CardError {
    pub(in crate::domain) fn one(line: Option<usize>, message: impl Into<String>) -> Self {
        Self {
            problems: vec![CardProblem {
                line,
                message: message.into(),
            }],
        }
    }

    /// The problems, one a line, each `README.md:LINE: …`.
    pub fn text(&self) -> String {
        let lines: Vec<_> = self
            .problems
            .iter()
            .map(|problem| match problem.line {
                Some(line) => format!("README.md:{line}: {}", problem.message),
                None => format!("README.md: {}", problem.message),
            })
            .collect();
        lines.join("\n")
    }
}
