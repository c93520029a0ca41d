//! The lines of a session.

use std::time::Duration;

/// One block of the manual.
pub(crate) struct Session {
    pub(crate) first_line: usize,
    /// With the number of the line in the manual.
    pub(crate) lines: Vec<(usize, Line)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Line {
    Command(String),
    Reply(String),
    Dials { from: char, to: char, outcome: Dialled },
    Sends { who: char, frames: Vec<u32> },
    SendsBytes { who: char, bytes: usize },
    Closes { who: char },
    Aborts { who: char },
    Gets { who: char, what: Seen, after: Duration },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialled {
    Connected,
    Refused,
    Unanswered,
    Reset,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Seen {
    Frames(Vec<Frame>),
    Bytes(usize),
    Nothing,
    End,
    Reset,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) number: u32,
    pub(crate) is_damaged: bool,
}

/// All blocks marked `session`.
pub(crate) fn sessions(text: &str) -> Vec<Session> {
    let mut found = Vec::new();
    let mut open: Option<Session> = None;
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim()) {
            (None, "```session") => open = Some(Session { first_line: index + 1, lines: Vec::new() }),
            (Some(_), "```") => found.extend(open.take()),
            (Some(session), line) if !line.is_empty() => session.lines.push((index + 1, Line::parse(line))),
            _ => {}
        }
    }
    found
}

impl Line {
    pub(crate) fn parse(line: &str) -> Self {
        if let Some(command) = line.strip_prefix("> ") {
            return Self::Command(command.to_owned());
        }
        if let Some(reply) = line.strip_prefix("< ") {
            return Self::Reply(reply.to_owned());
        }
        let (who, rest) = line.split_once(' ').unwrap_or_else(|| panic!("{line:?} is no line of a session"));
        let who = who.chars().next().unwrap();
        match rest.split_once(' ') {
            None if rest == "closes" => Self::Closes { who },
            None if rest == "aborts" => Self::Aborts { who },
            Some(("dials", rest)) => dials(who, rest),
            Some(("sends", rest)) => match bytes(rest) {
                Some(bytes) => Self::SendsBytes { who, bytes },
                None => Self::Sends { who, frames: numbers(rest) },
            },
            Some(("gets", rest)) => gets(who, rest),
            _ => panic!("{line:?} is no line of a session"),
        }
    }
}

fn dials(from: char, rest: &str) -> Line {
    let to = rest.chars().next().unwrap();
    let outcome = match rest[1..].trim() {
        "" => Dialled::Connected,
        "and is refused" => Dialled::Refused,
        "and gets no answer" => Dialled::Unanswered,
        "and is reset" => Dialled::Reset,
        other => panic!("{other:?} is no way in which a dial ends"),
    };
    Line::Dials { from, to, outcome }
}

fn gets(who: char, rest: &str) -> Line {
    let (what, after) = match rest.split_once(" after ") {
        Some((what, after)) => (what, duration(after)),
        None => (rest, Duration::ZERO),
    };
    let what = match what {
        "nothing" => Seen::Nothing,
        "the end" => Seen::End,
        "a reset" => Seen::Reset,
        _ => bytes(what).map_or_else(|| Seen::Frames(frames(what)), Seen::Bytes),
    };
    Line::Gets { who, what, after }
}

fn frames(text: &str) -> Vec<Frame> {
    let mut is_damaged = false;
    let mut frames = Vec::new();
    for word in text.split(' ') {
        if word == "damaged" {
            is_damaged = true;
            continue;
        }
        frames.extend(range(word).into_iter().map(|number| Frame { number, is_damaged }));
        is_damaged = false;
    }
    frames
}

fn numbers(text: &str) -> Vec<u32> {
    text.split(' ').flat_map(range).collect()
}

fn range(word: &str) -> Vec<u32> {
    let number = |text: &str| text.parse::<u32>().unwrap_or_else(|_| panic!("{word:?} is no number"));
    match word.split_once("..") {
        Some((from, to)) => (number(from)..number(to)).collect(),
        None => vec![number(word)],
    }
}

fn bytes(text: &str) -> Option<usize> {
    let (number, unit) = text.split_once(' ')?;
    let scale = match unit {
        "B" => 1,
        "KB" => 1000,
        "MB" => 1_000_000,
        _ => return None,
    };
    Some(number.parse::<usize>().unwrap() * scale)
}

fn duration(text: &str) -> Duration {
    let millis = text.strip_suffix("ms").map(|number| number.parse::<u64>().unwrap());
    let seconds = || text.strip_suffix('s').map(|number| 1000 * number.parse::<u64>().unwrap());
    Duration::from_millis(millis.or_else(seconds).unwrap_or_else(|| panic!("{text:?} is no time")))
}
