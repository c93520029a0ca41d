//! Lines from a person at a terminal: with editing, history and completion.

use std::sync::Arc;

use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::Highlighter;
use rustyline::hint::Hinter;
use rustyline::history::MemHistory;
use rustyline::validate::Validator;
use rustyline::{CompletionType, Config, Context, Editor, Helper};
use tracing::warn;

use super::lines::Line;
use crate::command::{LINE_BYTES_MAX, complete};
use crate::directory::Directory;

/// Lines that are remembered. Nobody goes back further by hand.
const HISTORY_LINES: usize = 1000;

/// Asks for the names as they are now.
pub(super) type Names = Box<dyn Fn() -> Arc<Directory> + Send>;

struct Completion {
    names: Names,
}

impl Completer for Completion {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        position: usize,
        _: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        let directory = (self.names)();
        let nodes: Vec<&str> = directory.nodes().map(|node| directory.name(node)).collect();
        Ok(complete(line, position, &nodes))
    }
}

impl Hinter for Completion {
    type Hint = String;
}
impl Highlighter for Completion {}
impl Validator for Completion {}
impl Helper for Completion {}

/// What the person did.
pub(super) enum Typed {
    Line(Line),
    /// The end of the input: control and D.
    Eof,
    /// Control and C, which is no signal while a line is edited.
    Interrupt,
}

pub(super) struct Terminal {
    editor: Editor<Completion, MemHistory>,
}

impl Terminal {
    /// Nothing if this terminal cannot be edited on; it is read like any file then.
    pub(super) fn new(names: Names) -> Option<Self> {
        let config = Config::builder().completion_type(CompletionType::List).auto_add_history(true);
        let config = config.max_history_size(HISTORY_LINES).map(|config| config.build());
        let editor = config.and_then(|config| {
            let history = MemHistory::with_config(&config);
            Editor::with_history(config, history)
        });
        match editor {
            Ok(mut editor) => {
                editor.set_helper(Some(Completion { names }));
                Some(Self { editor })
            }
            Err(error) => {
                warn!(%error, "lines cannot be edited on this terminal");
                None
            }
        }
    }

    pub(super) fn read(&mut self) -> Typed {
        match self.editor.readline("> ") {
            Ok(line) if line.len() > LINE_BYTES_MAX => Typed::Line(Line::TooLong),
            Ok(line) => Typed::Line(Line::Text(line)),
            Err(ReadlineError::Eof) => Typed::Eof,
            Err(ReadlineError::Interrupted) => Typed::Interrupt,
            Err(error) => {
                warn!(%error, "the terminal cannot be read");
                Typed::Eof
            }
        }
    }
}
