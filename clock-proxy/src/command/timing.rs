//! When and how fast frames arrive: `delay`, `reorder`, `rate`, `slice`.

use std::sync::Arc;
use std::time::Duration;

use super::change::{conflict, fault};
use super::cursor::Cursor;
use super::error::{Code, CommandError};
use super::lexer::Token;
use super::option::choice;
use super::size::{rate as rate_value, size};
use super::value::{GAP_MAX, count, duration, jitter, probability};
use crate::rule::{ChangeKind, Delay, Fault, Kind, Rate, RateScope, Reorder, Slice, Spread};

/// How long a reordered frame may wait unless told: longer than a burst, shorter than any heartbeat.
const REORDER_MAX_DEFAULT: Duration = Duration::from_millis(100);

/// How many frames overtake a reordered one unless told: one is the least that is a reordering.
const GAP_DEFAULT: u64 = 1;

/// A bucket holds what 10 ms bring, so that a timer which is late loses nothing, and a second is off by 1 % at most.
const BURST_DIVISOR: u64 = 100;

/// The least bucket unless told: an Ethernet frame. A smaller one would split every packet.
const BURST_MIN_DEFAULT: u64 = 1500;

const DELAY_KEYS: [&str; 5] = ["jitter", "dist", "corr", "wave", "order"];

pub(super) fn delay(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Delay, |cursor, common| {
        let base = duration(cursor.word("a duration, e.g. 200ms,")?)?;
        let mut delay = Delay::of(base, Duration::ZERO);
        if let Some(spread) = cursor.peek().map(jitter).transpose()?.flatten() {
            delay.jitter = spread;
            cursor.next();
        }
        let (mut shape, mut needs_jitter): (Option<&str>, Option<Token<'_>>) = (None, None);
        while let Some((key, value)) = cursor.option()? {
            if matches!(key.text, "dist" | "wave" | "corr") {
                needs_jitter = needs_jitter.or(Some(key));
            }
            match key.text {
                "jitter" => delay.jitter = duration(value)?,
                "corr" => delay.correlation = probability(value)?,
                "order" => {
                    delay.may_overtake = choice(value, "orders", &[("keep", false), ("free", true)])?;
                }
                "dist" | "wave" if shape.replace(key.text).is_some_and(|earlier| earlier != key.text) => {
                    return Err(conflict(key, "a wave is no draw: give dist= or wave="));
                }
                "dist" => delay.spread = distribution(cursor, value)?,
                "wave" => delay.spread = wave(value)?,
                _ => common.take(key, value, &DELAY_KEYS)?,
            }
        }
        if let Some(key) = needs_jitter.filter(|_| delay.jitter.is_zero()) {
            return Err(conflict(key, "this is about the jitter, and there is none: add one, e.g. ±5ms"));
        }
        let is_nothing = delay.base.is_zero() && delay.jitter.is_zero();
        Ok(if is_nothing { None } else { Some(Fault::Delay(delay)) })
    })
}

/// A known distribution, or a file of samples: its name has a dot, a slash or quotes.
fn distribution(cursor: &Cursor<'_>, value: Token<'_>) -> Result<Spread, CommandError> {
    if is_file(value) {
        let read = cursor.world.samples.get(value.unquoted());
        return match read {
            Some(Ok(samples)) => Ok(Spread::Samples(Arc::clone(samples))),
            Some(Err(why)) => Err(CommandError::new(Code::Io, value.text, value.column, why.as_str())),
            None => Err(CommandError::new(Code::Io, value.text, value.column, "files cannot be read here")),
        };
    }
    let known = ["uniform", "normal", "pareto", "exp"].map(|name| (name, name));
    Ok(match choice(value, "distributions", &known)? {
        "normal" => Spread::Normal,
        "pareto" => Spread::Pareto,
        "exp" => Spread::Exponential,
        _ => Spread::Uniform,
    })
}

pub(super) fn is_file(value: Token<'_>) -> bool {
    value.text.contains(['.', '/', '"'])
}

/// `sine:10s`.
fn wave(value: Token<'_>) -> Result<Spread, CommandError> {
    let Some(period) = value.text.strip_prefix("sine:") else {
        return Err(super::cursor::syntax(value, "a wave is sine:PERIOD, e.g. sine:10s"));
    };
    let period = duration(Token { text: period, column: value.column + "sine:".len(), ..value })?;
    if period.is_zero() {
        return Err(CommandError::new(Code::BadRange, value.text, value.column, "a wave takes some time"));
    }
    Ok(Spread::Sine(period))
}

pub(super) fn reorder(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Reorder, |cursor, common| {
        let mut reorder = Reorder { gap: GAP_DEFAULT, max: REORDER_MAX_DEFAULT };
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "gap" => reorder.gap = count(value, 1, GAP_MAX)?,
                "max" => reorder.max = duration(value)?,
                _ => common.take(key, value, &["gap", "max"])?,
            }
        }
        if !common.has_probability {
            return Err(cursor.missing("p=PROBABILITY or off"));
        }
        Ok(Some(Fault::Reorder(reorder)))
    })
}

/// `rate FLOWS 1MB/s burst=64KB scope=link`.
pub(super) fn rate(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    const SCOPES: [(&str, RateScope); 5] = [
        ("conn", RateScope::Connection),
        ("link", RateScope::Flow),
        ("node", RateScope::Node),
        ("group", RateScope::All),
        ("all", RateScope::All),
    ];
    fault(cursor, Kind::Rate, |cursor, common| {
        let bytes_per_second = rate_value(cursor.word("a rate, e.g. 1MB/s, or off")?)?;
        let burst = (bytes_per_second / BURST_DIVISOR).max(BURST_MIN_DEFAULT);
        let mut rate = Rate { bytes_per_second, burst, scope: RateScope::default() };
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "burst" => rate.burst = size(value, 1)?,
                "scope" => rate.scope = choice(value, "scopes", &SCOPES)?,
                _ => common.take(key, value, &["burst", "scope"])?,
            }
        }
        Ok(Some(Fault::Rate(rate)))
    })
}

/// `slice FLOWS 100B variation=20B pause=1ms`.
pub(super) fn slice(cursor: &mut Cursor<'_>) -> Result<ChangeKind, CommandError> {
    fault(cursor, Kind::Slice, |cursor, common| {
        let word = cursor.word("a size, e.g. 100B, or off")?;
        let mut slice = Slice { average: narrow(size(word, 1)?), variation: 0, pause: Duration::ZERO };
        while let Some((key, value)) = cursor.option()? {
            match key.text {
                "variation" => slice.variation = narrow(size(value, 0)?),
                "pause" => slice.pause = duration(value)?,
                _ => common.take(key, value, &["variation", "pause"])?,
            }
            if slice.variation >= slice.average {
                return Err(conflict(value, "the variation is smaller than the size"));
            }
        }
        Ok(Some(Fault::Slice(slice)))
    })
}

/// On a machine of 32 bits a slice of more bytes than it can address is the same as none.
fn narrow(bytes: u64) -> usize {
    usize::try_from(bytes).unwrap_or(usize::MAX)
}
