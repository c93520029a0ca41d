//! `explain a->b#3:1042`: a question about one frame of one connection.

use super::cursor::{Cursor, syntax};
use super::error::{Code, CommandError};
use super::lexer::Kind;
use super::selector;
use super::value::connection;
use crate::journal::Inquiry;

/// Reads the flow, the ordinal of the connection on its link, and the number of the frame.
pub(super) fn explain(cursor: &mut Cursor<'_>) -> Result<Inquiry, CommandError> {
    const FORM: &str = "a connection and a frame, e.g. a->b#3:1042,";
    let column = cursor.column_next();
    let from = cursor.word(FORM)?;
    let from = selector::node(cursor.directory, from)?;
    cursor.take(Kind::To).ok_or_else(|| cursor.missing("-> and the receiver"))?;
    let to = cursor.word("the receiver")?;
    let to = selector::node(cursor.directory, to)?;
    let ordinal = connection(cursor.take(Kind::Connection).ok_or_else(|| cursor.missing(FORM))?)?;
    let frame = cursor.word(":FRAME")?;
    let number = frame.text.strip_prefix(':').and_then(|number| number.parse().ok());
    let number = number.ok_or_else(|| syntax(frame, "the number of a frame is expected, e.g. :1042"))?;
    let Some(flow) = cursor.directory.flow(from, to) else {
        return Err(CommandError::new(Code::NotFound, "", column, "no flow runs between them"));
    };
    Ok(Inquiry { flow: cursor.directory.flow_name(flow), ordinal, number })
}
