//! Frames that are lost, doubled or damaged: `drop`, `dup`, `replay`, `corrupt`.

use super::change::{conflict, fault};
use super::cursor::{Cursor, syntax};
use super::error::CommandError;
use super::lexer::Token;
use super::value::{count_u32, count_usize, duration, probability};
use crate::rule::{ChangeKind, Corrupt, Duplicate, Fault, Guard, Kind, Loss, Target};

/// Most copies of one frame: a hundred of the largest are more than a lane holds.
const COPIES_MAX: u32 = 100;

/// How far back a replay reaches: so many frames are kept for it.
const BACK_MAX: usize = 1024;

/// Most bits flipped in one frame: beyond this nothing of a small frame is left.
const BITS_MAX: u32 = 4096;

/// Most bytes cut off: more than any frame has.
const TRUNC_MAX: usize = 1 << 30;

/// `drop FLOWS p=0.3 [corr=0.2]`, or `drop FLOWS ge=p,r,h,k`, or with any choice of frames.
pub(super) fn drop(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    const OWN: [&str; 2] = ["corr", "ge"];
    fault(cursor, Kind::Drop, |cursor, common| {
        let (mut correlation, mut burst) = (None, None);
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "corr" => correlation = Some((probability(value)?, key)),
                "ge" => burst = Some((gilbert_elliott(cursor.more_values(value)?)?, key)),
                _ => common.take(key, value, &OWN)?,
            }
        }
        match (burst, correlation) {
            (Some((_, key)), _) if common.has_probability => {
                Err(conflict(key, "ge has probabilities of its own: leave out p"))
            }
            (Some(_), Some((_, key))) => Err(conflict(key, "ge makes bursts already: leave out corr")),
            (Some((loss, _)), None) => Ok(Some(Fault::Drop(loss))),
            (None, _) if !common.has_probability && common.guard == Guard::default() => {
                Err(cursor.missing("p=PROBABILITY, ge=p,r,h,k, another choice of frames, or off"))
            }
            (None, correlation) => {
                let correlation = correlation.map_or(0.0, |(correlation, _)| correlation);
                Ok(Some(Fault::Drop(Loss::Independent { correlation })))
            }
        }
    })
}

/// `p,r` or `p,r,h` or `p,r,h,k`; `h` is 0 and `k` is 1 unless given.
fn gilbert_elliott(values: Vec<Token<'_>>) -> Result<Loss, CommandError> {
    let first = values[0];
    let numbers = values.into_iter().map(probability).collect::<Result<Vec<f64>, _>>()?;
    match numbers[..] {
        [p, r] => Ok(Loss::GilbertElliott { p, r, h: 0.0, k: 1.0 }),
        [p, r, h] => Ok(Loss::GilbertElliott { p, r, h, k: 1.0 }),
        [p, r, h, k] => Ok(Loss::GilbertElliott { p, r, h, k }),
        _ => Err(syntax(first, "ge takes two to four probabilities: ge=p,r,h,k")),
    }
}

/// `dup FLOWS p= copies= gap=`.
pub(super) fn dup(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Duplicate, |cursor, common| {
        let mut duplicate = Duplicate { copies: 1, gap: std::time::Duration::ZERO };
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "copies" => duplicate.copies = count_u32(value, 1, COPIES_MAX)?,
                "gap" => duplicate.gap = duration(value)?,
                _ => common.take(key, value, &["copies", "gap"])?,
            }
        }
        Ok(Some(Fault::Duplicate(duplicate)))
    })
}

/// `replay FLOWS back=N`.
pub(super) fn replay(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Replay, |cursor, common| {
        let mut back = None;
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "back" => back = Some(count_usize(value, 1, BACK_MAX)?),
                _ => common.take(key, value, &["back"])?,
            }
        }
        let back = back.ok_or_else(|| cursor.missing("back=N or off"))?;
        Ok(Some(Fault::Replay { back }))
    })
}

/// `corrupt FLOWS bits=N at=payload`, or `trunc=N`, or `rate=0.0001`.
pub(super) fn corrupt(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    const OWN: [&str; 4] = ["bits", "at", "trunc", "rate"];
    fault(cursor, Kind::Corrupt, |cursor, common| {
        let mut words = CorruptWords::default();
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "bits" => words.bits = Some(count_u32(value, 1, BITS_MAX)?),
                "at" => words.target = Some(target(value)?),
                "trunc" => words.trunc = Some(count_usize(value, 1, TRUNC_MAX)?),
                "rate" => words.rate = Some(probability(value)?),
                _ => common.take(key, value, &OWN)?,
            }
            if words.contradict() {
                return Err(conflict(key, "one damage at a time: bits= with at=, or trunc=, or rate="));
            }
        }
        Ok(Some(Fault::Corrupt(words.into_corrupt())))
    })
}

#[derive(Default)]
struct CorruptWords {
    bits: Option<u32>,
    target: Option<Target>,
    trunc: Option<usize>,
    rate: Option<f64>,
}

impl CorruptWords {
    fn contradict(&self) -> bool {
        let flips = self.bits.is_some() || self.target.is_some();
        u8::from(flips) + u8::from(self.trunc.is_some()) + u8::from(self.rate.is_some()) > 1
    }

    /// One bit of the payload is flipped unless something else is said.
    fn into_corrupt(self) -> Corrupt {
        match (self.trunc, self.rate) {
            (Some(bytes), _) => Corrupt::Truncate { bytes },
            (None, Some(probability)) => Corrupt::PerByte { probability },
            (None, None) => {
                Corrupt::Bits { bits: self.bits.unwrap_or(1), target: self.target.unwrap_or_default() }
            }
        }
    }
}

/// `payload`, `header`, `any`, or the bytes `8..12`, counted from the frame's first, the last one excluded.
fn target(value: Token<'_>) -> Result<Target, CommandError> {
    let wrong = || syntax(value, "the targets are payload, header, any and offsets like 8..12");
    match value.text {
        "payload" => Ok(Target::Payload),
        "header" => Ok(Target::Header),
        "any" => Ok(Target::Any),
        text => {
            let (from, to) = text.split_once("..").ok_or_else(wrong)?;
            let (from, to_exclusive) = (from.parse().map_err(|_| wrong())?, to.parse().map_err(|_| wrong())?);
            if from >= to_exclusive {
                return Err(conflict(value, "the end lies behind the start"));
            }
            Ok(Target::Range { from, to_exclusive })
        }
    }
}

/// `noop FLOWS`: a rule that does nothing.
pub(super) fn noop(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Noop, |cursor, common| {
        common.take_all(cursor)?;
        Ok(Some(Fault::Noop))
    })
}
