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
    /// `<`, `<=`, `==`, `!=`, `>=` or `>`
    Compare,
    /// `#3`, glued to what stands before it
    Connection,
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

impl<'a> Token<'a> {
    pub(crate) fn is_semicolon(&self) -> bool {
        self.kind == Kind::Semicolon
    }

    /// The text, without its quotes if it has some.
    pub(crate) fn unquoted(&self) -> &'a str {
        self.text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap_or(self.text)
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
    while let Some(token) = lexer.next_token(&tokens)? {
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

    fn next_token(&mut self, before: &[Token<'a>]) -> Result<Option<Token<'a>>, CommandError> {
        self.skip(char::is_whitespace);
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(None) };
        let (kind, bytes) = match sign(rest) {
            _ if is_filter_next(before) => (Kind::Word, filter_bytes(rest)),
            Some(found) => found,
            None if first == '#' => match self.connection_bytes(before) {
                Some(bytes) => (Kind::Connection, bytes),
                None => return Ok(None),
            },
            None if first == '"' => (Kind::Word, self.quoted_bytes()?),
            None => (Kind::Word, word_bytes(rest)),
        };
        let token = Token { kind, text: &rest[..bytes], column: self.column, offset: self.offset };
        self.advance(bytes);
        Ok(Some(token))
    }

    /// Bytes of `#3` if it is glued to a word, a brace or an equals sign; otherwise `#` begins a comment.
    fn connection_bytes(&self, before: &[Token<'a>]) -> Option<usize> {
        let last = before.last()?;
        let is_glued = last.offset + last.text.len() == self.offset;
        let is_name = matches!(last.kind, Kind::Word | Kind::Close | Kind::Equals);
        let digits = self.rest()[1..].bytes().take_while(u8::is_ascii_digit).count();
        let is_whole = self.rest()[1 + digits..].chars().next().is_none_or(|c| !c.is_alphanumeric());
        (is_glued && is_name && digits > 0 && is_whole).then_some(1 + digits)
    }

    fn quoted_bytes(&self) -> Result<usize, CommandError> {
        let close = self.rest()[1..].find('"').map(|at| at + 2);
        close.ok_or_else(|| CommandError::new(Code::BadSyntax, "\"", self.column, "the quote is not closed"))
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
    const SIGNS: [(&str, Kind); 14] = [
        ("<->", Kind::Both),
        ("->", Kind::To),
        (";", Kind::Semicolon),
        ("|", Kind::Bar),
        (",", Kind::Comma),
        ("{", Kind::Open),
        ("}", Kind::Close),
        ("==", Kind::Compare),
        ("=", Kind::Equals),
        ("!=", Kind::Compare),
        ("<=", Kind::Compare),
        (">=", Kind::Compare),
        ("<", Kind::Compare),
        (">", Kind::Compare),
    ];
    SIGNS.iter().find(|(text, _)| rest.starts_with(text)).map(|(text, kind)| (*kind, text.len()))
}

/// Whether a filter comes next. It is one word, since it is full of signs that mean something else elsewhere.
fn is_filter_next(before: &[Token<'_>]) -> bool {
    matches!(before, [.., key, equals] if key.text == "where" && equals.kind == Kind::Equals)
}

fn filter_bytes(rest: &str) -> usize {
    rest.find(|c: char| c.is_whitespace() || c == ';').unwrap_or(rest.len()).max(1)
}

/// Bytes of the word at the front of `rest`, at least one character. `±` starts a word of its own, so that
/// `200ms±50ms` is two.
fn word_bytes(rest: &str) -> usize {
    let ends = |(offset, c): (usize, char)| {
        let here = &rest[offset..];
        let is_end = c.is_whitespace() || matches!(c, '#' | '"' | '±') || sign(here).is_some();
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
        assert_eq!(texts("run \"a b=1;#.scn\";heal"), ["run", "\"a b=1;#.scn\"", ";", "heal"]);
        assert_eq!(
            texts("drop * where=len>=5,match=00;heal"),
            ["drop", "*", "where", "=", "len>=5,match=00", ";", "heal"]
        );
        assert_eq!(texts("expect held a->b>=5"), ["expect", "held", "a", "->", "b", ">=", "5"]);
    }

    #[test]
    fn a_number_sign_is_a_connection_when_glued_and_a_comment_otherwise() {
        assert_eq!(texts("cut a->b#3"), ["cut", "a", "->", "b", "#3"]);
        assert_eq!(
            texts("cut a->{b,c}#12;heal"),
            ["cut", "a", "->", "{", "b", ",", "c", "}", "#12", ";", "heal"]
        );
        assert_eq!(texts("drop * conns=#7"), ["drop", "*", "conns", "=", "#7"]);
        for comment in ["cut a->b #3", "cut a->b#", "cut a->b#3rd", "cut a->b#x", "cut a->b;#3"] {
            assert!(!texts(comment).iter().any(|text| text.starts_with('#')), "{comment}");
        }
        assert_eq!(texts("#3"), [""; 0]);
    }

    #[test]
    fn columns_count_characters_not_bytes() {
        let tokens = tokens("delay ±5ms x", false).unwrap();
        assert_eq!(tokens[2].column, 12);
        assert_eq!(tokens[2].offset, 12);
    }
}
