//! Where a build is, as its author knows it: the engine speaks of the steps of a text that nobody but it has seen.

use std::borrow::Cow;
use std::collections::VecDeque;

use super::dockerfile::Step;

/// The steps of a build, the one it is at, and what that has printed.
#[derive(Debug, Default)]
pub(super) struct Progress {
    file: String,
    /// How many steps the author counts.
    count: usize,
    /// How many of these came before the piece that the engine is asked for now.
    before: usize,
    /// The last of them.
    last: Option<Step>,
    /// Those of the piece; `None` for those that are not the author's.
    steps: Vec<Option<Step>>,
    /// Where in the piece it is, counted from 1; 0 before the first.
    at: usize,
    /// Whether the image is done with the piece.
    ends: bool,
    /// The last lines that the step printed.
    lines: VecDeque<String>,
    /// A line that has not ended.
    open: String,
}

/// Lines of a step that are remembered.
const LINES: usize = 80;
/// Characters of a line that are.
const LENGTH: usize = 300;

// === impl Progress ===

impl Progress {
    /// Before the first of so many steps of that file.
    pub(super) fn new(file: &str, count: usize) -> Self {
        Self {
            file: file.to_owned(),
            count,
            ..Self::default()
        }
    }

    /// Before the first step of the next piece; `ends` says whether it is the last.
    pub(super) fn piece(&mut self, steps: Vec<Option<Step>>, ends: bool) {
        self.last = self.step().cloned();
        self.before += self.steps.iter().flatten().count();
        self.steps = steps;
        self.at = 0;
        self.ends = ends;
    }

    /// The step of the author's that it is at.
    pub(super) fn step(&self) -> Option<&Step> {
        let in_piece = self.steps[..self.at].iter().rev().flatten().next();
        in_piece.or(self.last.as_ref())
    }

    /// Takes what the engine says, and says it in the author's words: nothing, where it is about a step that is not theirs.
    pub(super) fn takes<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        if let Some(number) = beginning(text)
            // What a step prints can look the same; the next one is the most that it can pretend to be.
            && (number == self.at || number == self.at + 1)
            && number <= self.steps.len()
        {
            self.at = number;
            self.lines.clear();
            self.open.clear();
            return self.begins(if text.ends_with('\n') { "\n" } else { "" });
        }
        if !self.ends && is_end(text) {
            return "".into();
        }
        let of_engine = text.starts_with(" ---> ")
            || text.starts_with("Removing intermediate container ")
            || text == "\n";
        if of_engine && self.is_ours() {
            return "".into();
        }
        if !of_engine {
            self.prints(text);
        }
        text.into()
    }

    fn is_ours(&self) -> bool {
        self.at > 0 && self.steps[self.at - 1].is_none()
    }

    fn begins(&self, end: &str) -> Cow<'static, str> {
        let Some(step) = self.step().filter(|_| !self.is_ours()) else {
            return "".into();
        };
        let number = self.before + self.steps[..self.at].iter().flatten().count();
        let count = self.count;
        let Step { line, text } = step;
        format!("Step {number}/{count} ({}:{line}): {text}{end}", self.file).into()
    }

    /// Takes what a command prints.
    pub(super) fn prints(&mut self, text: &str) {
        for piece in text.split_inclusive('\n') {
            let room = LENGTH.saturating_sub(self.open.chars().count());
            let seen = piece.chars().filter(|c| !c.is_control()).take(room);
            self.open.extend(seen);
            if piece.ends_with('\n') {
                let line = std::mem::take(&mut self.open);
                if !line.trim().is_empty() {
                    self.lines.push_back(line);
                }
                if self.lines.len() > LINES {
                    self.lines.pop_front();
                }
            }
        }
    }

    /// The line that most likely says why the step failed; passwords in addresses are left out.
    pub(super) fn cause(&self) -> Option<String> {
        let lines = self
            .lines
            .iter()
            .chain([&self.open])
            .map(|line| line.trim());
        let lines: Vec<&str> = lines.filter(|line| !line.is_empty()).collect();
        let last = |fits: &dyn Fn(&str) -> bool| lines.iter().rev().find(|line| fits(line));
        let cause = last(&says_error)
            .or_else(|| last(&|line| line.starts_with('×')))
            .or_else(|| last(&|line| !is_advice(line)))?;
        Some(without_passwords(cause))
    }
}

/// The words in which pip, apt, npm, git and compilers say it.
fn says_error(line: &str) -> bool {
    let named = [
        "ERROR: ",
        "E: ",
        "npm ERR! ",
        "npm error ",
        "fatal: ",
        "error: ",
        "error[",
        "Error: ",
    ];
    let named = named.iter().any(|start| line.starts_with(start));
    let of_python = line.split_once(": ").is_some_and(|(name, _)| {
        name.ends_with("Error")
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"._".contains(&byte))
    });
    // It only says that another line says why.
    let empty = [
        "error: subprocess-exited-with-error",
        "ERROR: Failed to build",
        "npm error A complete log",
        "npm ERR! A complete log",
    ];
    (named || of_python) && !empty.iter().any(|start| line.starts_with(start))
}

fn is_advice(line: &str) -> bool {
    let starts = [
        "note: ",
        "hint: ",
        "WARNING: ",
        "W: ",
        "[notice]",
        "╰─>",
        "[end of output]",
    ];
    starts.iter().any(|start| line.starts_with(start))
}

/// Whether the engine says that a piece is done.
fn is_end(text: &str) -> bool {
    let id = text.strip_prefix("Successfully built ");
    let id = id.and_then(|rest| rest.strip_suffix('\n'));
    id.is_some_and(|id| id.len() == 12 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}

/// The number in `Step 3/7 : …`.
fn beginning(text: &str) -> Option<usize> {
    let (numbers, _) = text.strip_prefix("Step ")?.split_once(" : ")?;
    let (number, count) = numbers.split_once('/')?;
    count.parse::<usize>().ok()?;
    number.parse().ok().filter(|number| *number > 0)
}

/// `https://NAME:PASSWORD@HOST` without what stands before the `@`.
fn without_passwords(line: &str) -> String {
    let mut parts = line.split("://");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str("://");
        let end = part.find(|c: char| c == '/' || c == '\'' || c == '"' || c.is_whitespace());
        let (host, rest) = part.split_at(end.unwrap_or(part.len()));
        match host.rsplit_once('@') {
            Some((_, host)) => out.push_str(&format!("…@{host}")),
            None => out.push_str(host),
        }
        out.push_str(rest);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(line: usize, text: &str) -> Option<Step> {
        Some(Step {
            line,
            text: text.into(),
        })
    }

    fn cause(printed: &str) -> Option<String> {
        let mut progress = Progress::new("Dockerfile", 2);
        progress.piece(vec![step(1, "FROM a"), step(3, "RUN x")], true);
        progress.takes("Step 1/7 : FROM sha256:00");
        progress.takes("Step 2/7 : RUN [\"x\"]");
        for piece in printed.split_inclusive(' ') {
            progress.takes(piece);
        }
        progress.cause()
    }

    #[test]
    fn steps_are_told_in_the_authors_words() {
        let steps = vec![step(1, "FROM a"), None, step(3, "RUN x"), None];
        let mut progress = Progress::new("Dockerfile", 2);
        progress.piece(steps, true);
        assert_eq!(
            progress.takes("Step 1/4 : FROM sha256:00 AS stage0"),
            "Step 1/2 (Dockerfile:1): FROM a"
        );
        assert_eq!(progress.takes("\n"), "\n");
        let line = |progress: &Progress| progress.step().map(|step| step.line);
        assert_eq!(line(&progress), Some(1));
        let is_silent = |progress: &mut Progress, step: &str| {
            for engine_text in [step, "\n", " ---> Running in 0\n", " ---> 0\n"] {
                assert_eq!(progress.takes(engine_text), "");
            }
        };
        is_silent(&mut progress, "Step 2/4 : LABEL \"a\"=\"b\"");
        assert_eq!(line(&progress), Some(1));
        assert_eq!(
            progress.takes("Step 3/4 : RUN [\"x\"]\n"),
            "Step 2/2 (Dockerfile:3): RUN x\n"
        );
        for other in [
            " ---> Running in 0\n",
            "Step 5/5 : x\n",
            "Step 0/7 : x",
            "Step x",
            "Step 99999999999999999999999/7 : x",
        ] {
            assert_eq!(progress.takes(other), other);
        }
        assert_eq!(line(&progress), Some(3));
        is_silent(&mut progress, "Step 4/4 : LABEL a=b");
        assert_eq!(
            progress.takes("Successfully built 0\n"),
            "Successfully built 0\n"
        );
    }

    #[test]
    fn steps_are_counted_across_pieces() {
        let mut progress = Progress::new("Dockerfile", 3);
        progress.piece(vec![step(1, "FROM a"), None, step(2, "RUN x")], false);
        for number in 1..=3 {
            progress.takes(&format!("Step {number}/3 : x\n"));
        }
        assert_eq!(progress.takes("Successfully built 0123456789ab\n"), "");
        let of_pip = "Successfully built wheel-of-mine\n";
        assert_eq!(progress.takes(of_pip), of_pip);
        progress.piece(vec![None, None, step(5, "RUN y"), None], true);
        assert_eq!(progress.takes("Step 1/4 : FROM sha256:00\n"), "");
        assert_eq!(progress.step().map(|step| step.line), Some(2));
        assert_eq!(progress.takes("Step 2/4 : ARG A\n"), "");
        assert_eq!(
            progress.takes("Step 3/4 : RUN [\"y\"]\n"),
            "Step 3/3 (Dockerfile:5): RUN y\n"
        );
    }

    #[test]
    fn the_line_that_says_why_is_found() {
        let pip = "Collecting nope==9\nERROR: Could not find a version that satisfies the requirement nope==9 (from versions: none)\n\
                   ERROR: No matching distribution found for nope==9\nWARNING: There was an error checking the latest version of pip.\n";
        assert_eq!(
            cause(pip).as_deref(),
            Some("ERROR: No matching distribution found for nope==9")
        );
        let apt = "Reading package lists...\nE: Unable to locate package nope\n";
        assert_eq!(
            cause(apt).as_deref(),
            Some("E: Unable to locate package nope")
        );
        let wheel = "  error: subprocess-exited-with-error\n  × Getting requirements to build wheel did not run successfully.\n  │ exit code: 1\n\
                     note: This error originates from a subprocess, and is likely not a problem with pip.\n";
        assert_eq!(
            cause(wheel).as_deref(),
            Some("× Getting requirements to build wheel did not run successfully.")
        );
        assert_eq!(
            cause("Traceback\n  x\nModuleNotFoundError: No module named 'x'\nbye").as_deref(),
            Some("ModuleNotFoundError: No module named 'x'")
        );
        assert_eq!(
            cause("one\nit is\u{1b}[0m because\nnote: x").as_deref(),
            Some("it is[0m because")
        );
        assert_eq!(cause(""), None);
        let git = "fatal: Authentication failed for 'https://me:s3cret@host/x.git/'\n";
        assert_eq!(
            cause(git).as_deref(),
            Some("fatal: Authentication failed for 'https://…@host/x.git/'")
        );
        let endless = cause(&"x".repeat(1_000_000)).expect("a line");
        assert!(endless.len() <= LENGTH);
    }
}
