//! `[[rule]]` tables: a command whose words are keys, so that the grammar of the commands is the only one.
//!
//! ```toml
//! [[rule]]
//! flow = "a<->b"
//! delay = "2ms"        # the fault, with the number that follows its verb
//! jitter = "1ms"       # and its options, as the command takes them
//! ```

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::PathBuf;

use toml::{Spanned, Value};

use super::{Fault, Origin, TopologyError};
use crate::command::{Command, World, parse_in, sample_files};
use crate::control::file::samples_now;
use crate::directory::Directory;
use crate::rule::ChangeKind;

/// One table as it is read.
pub(super) type RuleTable = BTreeMap<Spanned<String>, Spanned<Value>>;

/// How the value of a fault's key stands in its command.
#[derive(Debug, Clone, Copy)]
enum Form {
    /// Behind the flow.
    Number,
    /// As this option; `true` is the command without it.
    Option(&'static str),
}

/// Every fault, the likelier ones first. `corrupt` stands before `rate`, which is an option of it as well.
const FAULTS: [(&str, Form); 14] = [
    ("cut", Form::Option("mode")),
    ("delay", Form::Number),
    ("drop", Form::Option("p")),
    ("reorder", Form::Option("p")),
    ("dup", Form::Option("p")),
    ("replay", Form::Option("back")),
    ("corrupt", Form::Option("p")),
    ("rate", Form::Number),
    ("slice", Form::Number),
    ("limit", Form::Number),
    ("slow-close", Form::Number),
    ("black-hole", Form::Option("close")),
    ("reset", Form::Option("after")),
    ("noop", Form::Option("p")),
];

/// A rule of the file, in words, with the places they were written at.
#[derive(Debug, Clone)]
pub struct RuleWish {
    pub(crate) text: String,
    /// From which column on the text came from which place, in the order of the columns.
    places: Vec<(usize, Origin)>,
}

/// Turns a table into a command.
pub(super) fn rule_wish(
    table: &Spanned<RuleTable>,
    origin: impl Fn(Range<usize>) -> Origin,
) -> Result<RuleWish, TopologyError> {
    let fail = |message: &str, span| {
        Err(TopologyError { origin: origin(span), fault: Fault::BadRule(message.to_owned()) })
    };
    let keys = table.get_ref();
    let find = |name: &str| keys.iter().find(|(key, _)| key.get_ref() == name);
    let Some((_, flow)) = find("flow") else { return fail("a rule needs a flow", table.span()) };
    let fault = FAULTS.iter().find_map(|(name, form)| Some((*name, *form, find(name)?)));
    let Some((name, form, (key, number))) = fault else {
        let names = FAULTS.map(|(name, _)| name).join(", ");
        return fail(&format!("a rule needs one fault: {names}"), table.span());
    };
    let mut words = vec![(name.to_owned(), key.span())];
    for (part, value) in [("flow", flow), (name, number)] {
        let Some(text) = text(value.get_ref()) else {
            return fail("a value is a text, a number, true or false", value.span());
        };
        match (part, form) {
            ("flow", _) | (_, Form::Number) => words.push((text, value.span())),
            (_, Form::Option(_)) if text == "true" => {}
            (_, Form::Option(option)) => words.push((format!("{option}={text}"), value.span())),
        }
    }
    for (key, value) in
        in_order(keys).into_iter().filter(|(key, _)| !["flow", name].contains(&key.get_ref().as_str()))
    {
        let Some(text) = text(value.get_ref()) else {
            return fail("a value is a text, a number, true or false", value.span());
        };
        words.push((key.get_ref().clone(), key.span()));
        words.push((format!("={text}"), value.span()));
    }
    Ok(RuleWish::of(&words, origin))
}

fn in_order(table: &RuleTable) -> Vec<(&Spanned<String>, &Spanned<Value>)> {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    entries
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Integer(number) => Some(number.to_string()),
        Value::Float(number) => Some(number.to_string()),
        Value::Boolean(flag) => Some(flag.to_string()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

impl RuleWish {
    fn of(words: &[(String, Range<usize>)], origin: impl Fn(Range<usize>) -> Origin) -> Self {
        let mut wish = Self { text: String::new(), places: Vec::new() };
        for (word, span) in words {
            if !wish.text.is_empty() && !word.starts_with('=') {
                wish.text.push(' ');
            }
            wish.places.push((wish.text.chars().count() + 1, origin(span.clone())));
            wish.text.push_str(word);
        }
        wish
    }

    /// Whether it is one rule between these nodes. Reads files of samples, so not to be called where one must not wait.
    pub(super) fn check(&self, directory: &Directory) -> Result<(), TopologyError> {
        let samples = samples_now(sample_files(&self.text).into_iter().map(PathBuf::from).collect());
        let world = World { samples: &samples, ..World::of(directory) };
        let fail = |column, message: String| {
            let place = self.places.iter().rev().find(|(start, _)| *start <= column).or(self.places.first());
            let origin = place.map_or(Origin::Flag("--config"), |(_, origin)| origin.clone());
            Err(TopologyError { origin, fault: Fault::BadRule(message) })
        };
        let commands = match parse_in(&self.text, 1, &world) {
            Ok(parsed) => parsed.map(|line| line.commands).unwrap_or_default(),
            Err(error) => return fail(error.place().1, error.what()),
        };
        match &commands[..] {
            [Command::Change(change)] if matches!(change.kind, ChangeKind::Add(_)) => Ok(()),
            _ => fail(1, format!("this is not one rule: {}", self.text)),
        }
    }
}
