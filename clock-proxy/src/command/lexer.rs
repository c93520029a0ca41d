//! Characters to words and signs, each with its column.

use super::error::{Code, CommandError};

/// A word or a sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Word,
    Semicolon,
    Bar,
    Comma,
    Open,
    Close,
    Equals,
    /// `->`
    To,
    /// `<->`
    Both,
}

/// One word or sign of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a> {
    pub(crate) kind: Kind,
    pub(crate) text: &'a str,
    /// Where it starts, counted in characters from 1.
    pub(crate) column: usize,
    /// Where it starts, in bytes.
    pub(crate) offset: usize,
}

impl Token<'_> {
    pub(crate) fn is_semicolon(&self) -> bool {
        self.kind == Kind::Semicolon
    }
}

/// All words and signs up to a comment. With `tagged` the first word is a tag and left out.
pub(crate) fn tokens(line: &str, tagged: bool) -> Result<Vec<Token<'_>>, CommandError> {
    let mut lexer = Lexer { line, offset: 0, column: 1 };
    if tagged {
        lexer.skip(char::is_whitespace);
        lexer.skip(|c| !c.is_whitespace());
    }
    let mut tokens = Vec::new();
    while let Some(token) = lexer.next_token()? {
        tokens.push(token);
    }
    Ok(tokens)
}

struct Lexer<'a> {
    line: &'a str,
    offset: usize,
    column: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.line[self.offset..]
    }

    fn next_token(&mut self) -> Result<Option<Token<'a>>, CommandError> {
        self.skip(char::is_whitespace);
        let rest = self.rest();
        let Some(first) = rest.chars().next().filter(|first| *first != '#') else { return Ok(None) };
        let (kind, bytes) = match sign(rest) {
            Some(found) => found,
            None if matches!(first, '<' | '>') => {
                let message = "a flow is written a->b or a<->b";
                return Err(CommandError::new(Code::BadSyntax, &first.to_string(), self.column, message));
            }
            None => (Kind::Word, word_bytes(rest)),
        };
        let token = Token { kind, text: &rest[..bytes], column: self.column, offset: self.offset };
        self.advance(bytes);
        Ok(Some(token))
    }

    fn skip(&mut self, which: impl Fn(char) -> bool) {
        let rest = self.rest();
        let bytes = rest.find(|c| !which(c)).unwrap_or(rest.len());
        self.advance(bytes);
    }

    fn advance(&mut self, bytes: usize) {
        self.column += self.rest()[..bytes].chars().count();
        self.offset += bytes;
    }
}

/// The sign at the front of `rest`, with its length in bytes.
fn sign(rest: &str) -> Option<(Kind, usize)> {
    const SIGNS: [(&str, Kind); 8] = [
        ("<->", Kind::Both),
        ("->", Kind::To),
        (";", Kind::Semicolon),
        ("|", Kind::Bar),
        (",", Kind::Comma),
        ("{", Kind::Open),
        ("}", Kind::Close),
        ("=", Kind::Equals),
    ];
    SIGNS.iter().find(|(text, _)| rest.starts_with(text)).map(|(text, kind)| (*kind, text.len()))
}

/// Bytes of the word at the front of `rest`, at least one character. `±` starts a word of its own, so that
/// `200ms±50ms` is two.
fn word_bytes(rest: &str) -> usize {
    let ends = |(offset, c): (usize, char)| {
        let here = &rest[offset..];
        let is_end = c.is_whitespace() || matches!(c, '<' | '>' | '±') || sign(here).is_some();
        (offset > 0 && is_end).then_some(offset)
    };
    rest.char_indices().find_map(ends).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<&str> {
        tokens(line, false).unwrap().iter().map(|token| token.text).collect()
    }

    #[test]
    fn signs_split_words_with_and_without_spaces() {
        assert_eq!(texts("cut a->b"), ["cut", "a", "->", "b"]);
        assert_eq!(texts("cut {a , b}<->c-3"), ["cut", "{", "a", ",", "b", "}", "<->", "c-3"]);
        assert_eq!(texts("reorder a->b p=0.2"), ["reorder", "a", "->", "b", "p", "=", "0.2"]);
        assert_eq!(texts("delay a->b 200ms±50ms"), ["delay", "a", "->", "b", "200ms", "±50ms"]);
        assert_eq!(texts("partition a|b;heal # all"), ["partition", "a", "|", "b", ";", "heal"]);
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let tokens = tokens("delay ±5ms x", false).unwrap();
        assert_eq!(tokens[2].column, 12);
        assert_eq!(tokens[2].offset, 12);
    }
}
