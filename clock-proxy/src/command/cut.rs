//! Flows that are cut: `partition`, `isolate`, `cut`, and the modes as verbs of their own.

use super::change::add;
use super::common::{Common, lasting};
use super::cursor::{Cursor, syntax};
use super::error::{Code, CommandError};
use super::lexer::Token;
use super::option::choice;
use super::selector;
use super::shape::{Outline, Rest, SHAPES, Shape, divided_flows, flows_touching, outline, shape_of};
use super::suggest::did_you_mean;
use crate::rule::{ChangeKind, CutMode, Fault, Place, Which};

pub(super) fn partition(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    if let Some(shape) = cursor.peek().and_then(|word| shape_of(word, cursor.directory)) {
        cursor.next();
        return self::shape(cursor, shape);
    }
    refuse_misspelt_shape(cursor)?;
    let groups = selector::groups(cursor)?;
    let mut cut = Cut::new(None);
    cut.take_options(cursor, &["rest", "mode"])?;
    let flows = divided_flows(&groups, cut.rest, cursor.directory);
    Ok(add(flows, Fault::Cut(cut.mode), cut.common.guard, Place::Partition))
}

/// A word that is no station and nearly a shape was meant as one.
fn refuse_misspelt_shape(cursor: &Cursor<'_>) -> Result<(), CommandError> {
    let directory = cursor.directory;
    let is_near = |word: Token<'_>| {
        let nodes = directory.nodes().map(|node| directory.name(node));
        directory.node(word.unquoted()).is_none()
            && did_you_mean(word.text, nodes).is_empty()
            && !did_you_mean(word.text, SHAPES.iter().map(|(name, _)| *name)).is_empty()
    };
    match cursor.peek().filter(|word| is_near(*word)) {
        Some(word) => choice(word, "shapes", &SHAPES).map(|_| ()),
        None => Ok(()),
    }
}

/// A partition by the name of its shape; `SHAPE for 800ms` lasts that long.
pub(super) fn shape(cursor: &mut Cursor<'_>, shape: Shape) -> Result<ChangeKind, CommandError> {
    let column = cursor.column();
    let Outline { flows, words } = outline(shape, cursor)?;
    if flows.is_empty() {
        let message = "this shape cuts nothing between so few stations";
        return Err(CommandError::new(Code::Conflict, "", column, message));
    }
    let mut cut = Cut::new(None);
    let mut lasts = String::new();
    if cursor.is_word_next("for") && !cursor.is_option_next() {
        cursor.next();
        let word = cursor.word("a duration")?;
        cut.common.guard.lasts = Some(lasting(word)?);
        lasts = format!(" for={}", word.text);
    }
    let options = cursor.unused();
    cut.take_options(cursor, &["mode"])?;
    cursor.drawn = words.map(|words| format!("partition {words}{lasts} {options}").trim_end().to_owned());
    Ok(add(flows, Fault::Cut(cut.mode), cut.common.guard, Place::Partition))
}

pub(super) fn isolate(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let flows = flows_touching(&selector::nodes(cursor)?, cursor.directory);
    let mut cut = Cut::new(None);
    cut.take_options(cursor, &["mode"])?;
    Ok(add(flows, Fault::Cut(cut.mode), cut.common.guard, Place::Beside))
}

pub(super) fn cut(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    let aim = selector::aim(cursor)?;
    let mut cut = Cut::new(aim.connection);
    cut.take_options(cursor, &["mode"])?;
    Ok(add(aim.flows, Fault::Cut(cut.mode), cut.common.guard, Place::Beside))
}

/// `hold`, `refuse`, `syn-drop`: a cut in this mode.
pub(super) fn cut_in(cursor: &mut Cursor<'_>, mode: CutMode) -> Result<ChangeKind, CommandError> {
    let aim = selector::aim(cursor)?;
    let mut common = Common::new(aim.connection);
    common.take_all(cursor)?;
    Ok(add(aim.flows, Fault::Cut(mode), common.guard, Place::Beside))
}

/// Ends the cuts of these flows.
pub(super) fn release(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    Ok(ChangeKind::Lift { which: Which::Cuts, flows: Some(selector::flows(cursor)?) })
}

/// What may follow the flows of a cut.
pub(super) struct Cut {
    pub(super) mode: CutMode,
    pub(super) rest: Rest,
    pub(super) common: Common,
}

impl Cut {
    pub(super) fn new(connection: Option<u64>) -> Self {
        Self { mode: CutMode::default(), rest: Rest::default(), common: Common::new(connection) }
    }

    /// Takes `mode=`, `rest=` if it is one of the keys, and the parameters of every fault.
    pub(super) fn take_options(&mut self, cursor: &mut Cursor<'_>, own: &[&str]) -> Result<(), CommandError> {
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "mode" => self.mode = cut_mode(value)?,
                "rest" if own.contains(&"rest") => self.rest = rest(value)?,
                _ => self.common.take(key, value, own)?,
            }
        }
        Ok(())
    }
}

fn rest(value: Token<'_>) -> Result<Rest, CommandError> {
    match value.text {
        "connected" => Ok(Rest::Connected),
        _ => Err(syntax(value, "the only value is rest=connected")),
    }
}

fn cut_mode(value: Token<'_>) -> Result<CutMode, CommandError> {
    choice(value, "modes", &CutMode::ALL.map(|mode| (mode.name(), mode)))
}
