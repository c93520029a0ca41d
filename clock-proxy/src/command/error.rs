//! Why a command was not carried out.

use std::fmt;

/// The closed list of error codes. Scripts match on these words; the text beside them is for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Code {
    /// No such verb. Nothing changed.
    UnknownVerb,
    /// No node of this name. Nothing changed.
    UnknownNode,
    /// A word is missing, unexpected or malformed. Nothing changed.
    BadSyntax,
    /// A duration, size or rate without a unit, or with a wrong one. Nothing changed.
    BadUnit,
    /// A number outside its limits. Nothing changed.
    BadRange,
    /// The nodes exist, but no flow runs between them; or no rule has this number. Nothing changed.
    NotFound,
    /// Two parts of the command contradict each other. Nothing changed.
    Conflict,
    /// Time ran out. The commands before this one in its line are in force.
    Timeout,
    /// The state is not as expected. The commands before this one in its line are in force.
    ExpectFailed,
    /// A file could not be read or written. Nothing changed.
    Io,
}

impl Code {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Code::UnknownVerb => "unknown-verb",
            Code::UnknownNode => "unknown-node",
            Code::BadSyntax => "bad-syntax",
            Code::BadUnit => "bad-unit",
            Code::BadRange => "bad-range",
            Code::NotFound => "not-found",
            Code::Conflict => "conflict",
            Code::Timeout => "timeout",
            Code::ExpectFailed => "expect-failed",
            Code::Io => "io",
        }
    }
}

/// What is wrong, with which word, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct CommandError {
    pub(crate) code: Code,
    /// The word that is wrong; empty if one is missing.
    token: String,
    message: String,
    line: u64,
    /// Counted in characters from 1.
    column: usize,
}

impl CommandError {
    pub(crate) fn new(code: Code, token: &str, column: usize, message: impl Into<String>) -> Self {
        Self { code, token: token.to_owned(), message: message.into(), line: 1, column }
    }

    pub(crate) fn at_line(self, line: u64) -> Self {
        Self { line, ..self }
    }

    /// Line and column, both from 1.
    pub(crate) fn place(&self) -> (u64, usize) {
        (self.line, self.column)
    }

    /// Code, word and message, without the place.
    pub(crate) fn what(&self) -> String {
        // Debug quotes the word, and keeps the reply one line whatever the word holds.
        let token = if self.token.is_empty() { String::new() } else { format!(" {:?}", self.token) };
        format!("{}{token}: {}", self.code.word(), self.message)
    }
}

impl fmt::Display for CommandError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (line {}, col {})", self.what(), self.line, self.column)
    }
}

impl std::error::Error for CommandError {}
