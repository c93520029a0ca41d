//! A position in the words of one command.

use super::error::{Code, CommandError};
use super::lexer::{Kind, Token};
use super::world::World;
use crate::directory::Directory;

pub(crate) struct Cursor<'a> {
    line: &'a str,
    tokens: &'a [Token<'a>],
    next: usize,
    /// Column just behind the line's last word, where a missing word would stand.
    end: usize,
    pub(crate) world: &'a World<'a>,
    /// What the command came to, if it was drawn: shown in place of what was written.
    pub(crate) drawn: Option<String>,
    pub(crate) directory: &'a Directory,
}

impl<'a> Cursor<'a> {
    /// `tokens` is one command, not empty.
    pub(crate) fn new(line: &'a str, tokens: &'a [Token<'a>], end: usize, world: &'a World<'a>) -> Self {
        Self { line, tokens, next: 0, end, world, drawn: None, directory: world.directory }
    }

    pub(crate) fn peek(&self) -> Option<Token<'a>> {
        self.tokens.get(self.next).copied()
    }

    pub(crate) fn next(&mut self) -> Option<Token<'a>> {
        let token = self.peek();
        self.next += usize::from(token.is_some());
        token
    }

    /// Takes the next token if it is of this kind.
    pub(crate) fn take(&mut self, kind: Kind) -> Option<Token<'a>> {
        self.peek().filter(|token| token.kind == kind)?;
        self.next()
    }

    /// Takes the next word; `what` says what it should have been.
    pub(crate) fn word(&mut self, what: &str) -> Result<Token<'a>, CommandError> {
        match self.peek() {
            Some(token) if token.kind == Kind::Word => {
                self.next += 1;
                Ok(token)
            }
            Some(token) => Err(syntax(token, format!("{what} is expected here"))),
            None => Err(self.missing(what)),
        }
    }

    /// Takes `key=value` if that is what comes next.
    pub(crate) fn option(&mut self) -> Result<Option<(Token<'a>, Token<'a>)>, CommandError> {
        if !self.is_option_next() {
            return Ok(None);
        }
        let key = self.word("a key")?;
        if self.has_option_before(key) {
            let message = "this is given twice";
            return Err(CommandError::new(Code::Conflict, key.text, key.column, message));
        }
        self.next += 1;
        let value = match self.take(Kind::Connection) {
            Some(connection) => connection,
            None => self.word("a value")?,
        };
        Ok(Some((key, value)))
    }

    /// Whether the same key stands before this one, which has just been taken.
    fn has_option_before(&self, key: Token<'a>) -> bool {
        let before = &self.tokens[..self.next - 1];
        before.windows(2).any(|pair| pair[0].text == key.text && pair[1].kind == Kind::Equals)
    }

    /// The values of a list behind its first one.
    pub(crate) fn more_values(&mut self, first: Token<'a>) -> Result<Vec<Token<'a>>, CommandError> {
        let mut values = vec![first];
        while self.take(Kind::Comma).is_some() {
            values.push(self.word("a value")?);
        }
        Ok(values)
    }

    /// Takes all that is left, as it was written; one quoted word without its quotes.
    pub(crate) fn rest(&mut self, what: &str) -> Result<String, CommandError> {
        let first = self.peek().ok_or_else(|| self.missing(what))?;
        let text = self.unused();
        self.next = self.tokens.len();
        Ok(if text == first.text { first.unquoted() } else { text }.to_owned())
    }

    pub(crate) fn is_option_next(&self) -> bool {
        let kind = |offset| self.tokens.get(self.next + offset).map(|token: &Token<'_>| token.kind);
        kind(0) == Some(Kind::Word) && kind(1) == Some(Kind::Equals)
    }

    pub(crate) fn is_word_next(&self, word: &str) -> bool {
        self.peek().is_some_and(|token| token.text.eq_ignore_ascii_case(word))
    }

    /// Fails unless all words of the command have been used.
    pub(crate) fn finish(&self) -> Result<(), CommandError> {
        match self.peek() {
            Some(token) => Err(syntax(token, "not expected here; commands are separated by ;")),
            None => Ok(()),
        }
    }

    pub(crate) fn missing(&self, what: &str) -> CommandError {
        CommandError::new(Code::BadSyntax, "", self.column_next(), format!("{what} is expected"))
    }

    /// Where the next word stands, or would stand.
    pub(crate) fn column_next(&self) -> usize {
        self.tokens.get(self.next).map_or_else(|| self.end_column(), |token| token.column)
    }

    /// Column behind this command's last word.
    fn end_column(&self) -> usize {
        self.tokens.last().map_or(self.end, |last| last.column + last.text.chars().count())
    }

    /// The whole command as it was written.
    pub(crate) fn text(&self) -> String {
        self.source(0).to_owned()
    }

    /// What has not been used yet, as it was written.
    pub(crate) fn unused(&self) -> &'a str {
        self.source(self.next)
    }

    pub(crate) fn unused_tokens(&self) -> &'a [Token<'a>] {
        self.tokens.get(self.next..).unwrap_or_default()
    }

    fn source(&self, from: usize) -> &'a str {
        match (self.tokens.get(from), self.tokens.last()) {
            (Some(first), Some(last)) => &self.line[first.offset..last.offset + last.text.len()],
            _ => "",
        }
    }

    pub(crate) fn column(&self) -> usize {
        self.tokens.first().map_or(self.end, |token| token.column)
    }
}

/// A word that is there but should not be, or not so.
pub(crate) fn syntax(token: Token<'_>, message: impl Into<String>) -> CommandError {
    CommandError::new(Code::BadSyntax, token.text, token.column, message)
}
