//! Logs for ShiViz, which draws who knew of what when (Beschastnikh et al., *Visualizing Distributed System
//! Executions*, TOSEM 2020).
//!
//! Its default parser, `(?<host>\S*) (?<clock>{.*})\n(?<event>.*)`, reads two lines per event. It also asks
//! that each clock has its own host, whose number begins with 1 and grows by 1 with each event. A log of sent
//! events has gaps there, and so has a sample, so events are numbered anew: an entry says how many of a
//! service's *logged* events the event knew of. Happens-before between logged events stays as it is.

use alloc::string::String;
use core::fmt::{self, Write};

use thiserror::Error;

use super::causal_order::{CausalOrder, Contradiction, LogEntry, Tracks};

/// Writes a log as ShiViz reads it: the type and the id of each event, and who knew of what.
///
/// # Errors
/// [`Undrawable`] if the clocks contradict themselves, which ShiViz would refuse with less to say about it.
pub fn export(order: &CausalOrder) -> Result<String, Undrawable> {
    if let Some(contradiction) = order.contradictions().first() {
        return Err(Undrawable { contradiction: contradiction.clone() });
    }
    let tracks = Tracks::of(order.entries());
    let mut out = String::new();
    for entry in order.entries() {
        write_entry(entry, &tracks, &mut out).expect("writing to a String does not fail");
    }
    Ok(out)
}

fn write_entry(entry: &LogEntry, tracks: &Tracks, out: &mut String) -> fmt::Result {
    write!(out, "{} {{", entry.service)?;
    let mut separator = "";
    for (track, known) in tracks.known_by(entry).filter(|(_, known)| *known > 0) {
        write!(out, "{separator}\"{}\":{known}", tracks.all()[track].service)?;
        separator = ",";
    }
    out.push_str("}\n");
    write_line(entry.event.event_type().as_str(), out)?;
    writeln!(out, " {}", entry.event.event_id())
}

/// One line stays one line: what JavaScript takes for the end of a line, and an event type may have, is
/// escaped.
fn write_line(text: &str, out: &mut String) -> fmt::Result {
    for character in text.chars() {
        match character {
            '\u{2028}' | '\u{2029}' => write!(out, "{}", character.escape_unicode())?,
            other => out.push(other),
        }
    }
    Ok(())
}

/// The clocks of a log contradict themselves; all contradictions are listed by
/// [`CausalOrder::contradictions`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the log cannot be drawn: {contradiction}")]
pub struct Undrawable {
    /// The first one.
    pub contradiction: Contradiction,
}
