//! `key=value`: known keys, known values, and what is said about others.

use super::cursor::syntax;
use super::error::CommandError;
use super::lexer::Token;
use super::suggest::did_you_mean;

/// The value of this name among a few; `what` names them all in the error.
pub(crate) fn choice<T: Copy>(word: Token<'_>, what: &str, known: &[(&str, T)]) -> Result<T, CommandError> {
    let found = known.iter().find(|(name, _)| word.text.eq_ignore_ascii_case(name));
    found.map(|(_, value)| *value).ok_or_else(|| {
        let names: Vec<&str> = known.iter().map(|(name, _)| *name).collect();
        let hint = did_you_mean(word.text, names.iter().copied());
        syntax(word, format!("the {what} are {}{hint}", listed(&names)))
    })
}

pub(super) fn unknown_key(key: Token<'_>, own: &[&str], common: &[&str]) -> CommandError {
    let known: Vec<&str> = own.iter().chain(common).copied().collect();
    let hint = did_you_mean(key.text, known.iter().copied());
    syntax(key, format!("no such option here{hint}; known: {}", known.join(", ")))
}

/// `a, b and c`.
fn listed(names: &[&str]) -> String {
    match names {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}
