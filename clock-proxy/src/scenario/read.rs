//! Lines to a plan.

use std::time::Duration;

use super::nemesis::expand;
use super::{PLAN_BYTES_MAX, Plan, SCENARIO_LINE_BYTES_MAX, STEPS_MAX, Step, Trigger, When};
use crate::command::cursor::Cursor;
use crate::command::lexer::{self, Token};
use crate::command::option::choice;
use crate::command::value::{count, duration, jitter};
use crate::command::{self, Code, Command, CommandError, Query, World, flow_words, selector};
use crate::dice::Dice;

/// Reads a scenario. The seed of the world is used unless the text gives one.
///
/// # Errors
/// The first thing that is wrong, with its line and column.
pub(crate) fn read(text: &str, world: &World<'_>) -> Result<Plan, CommandError> {
    let world = World { has_rule: &|_| true, ..*world };
    let mut reader = Reader {
        plan: Plan { seed: world.seed, sets_seed: false, steps: Vec::new() },
        now: Duration::ZERO,
        bytes: 0,
        world,
    };
    for (at, line) in text.lines().enumerate() {
        let number = u64::try_from(at).unwrap_or(u64::MAX).saturating_add(1);
        reader.line(line, number).map_err(|error| error.at_line(number))?;
    }
    // Stable: steps of the same time stay in the order of the file; triggers are armed first.
    reader.plan.steps.sort_by_key(|step| match step.when {
        When::OnFrame(_) => None,
        When::At(time) => Some(time),
    });
    Ok(reader.plan)
}

pub(super) struct Reader<'a> {
    plan: Plan,
    /// The time of the line before.
    now: Duration,
    bytes: usize,
    world: World<'a>,
}

impl Reader<'_> {
    fn line(&mut self, line: &str, number: u64) -> Result<(), CommandError> {
        if line.len() > SCENARIO_LINE_BYTES_MAX {
            let message = format!("a line has at most {SCENARIO_LINE_BYTES_MAX} bytes");
            return Err(CommandError::new(Code::BadRange, "", SCENARIO_LINE_BYTES_MAX + 1, message));
        }
        let tokens = lexer::tokens(line, false)?;
        let Some(first) = tokens.first() else { return Ok(()) };
        let end = line.trim_end().chars().count() + 1;
        let world = self.world;
        let mut cursor = Cursor::new(line, &tokens, end, &world);
        match first.text.to_lowercase().as_str() {
            "seed" if self.plan.steps.is_empty() && !self.plan.sets_seed => self.seed(&mut cursor),
            "at" => {
                cursor.next();
                self.now = micros(duration(cursor.word("a time, e.g. 2s,")?)?);
                self.step(self.now, &Body::of(&cursor, line, number))
            }
            "on" => self.trigger(&mut cursor, line, number),
            "every" => self.every(&mut cursor, line, number),
            _ => self.step(self.now, &Body::of(&cursor, line, number)),
        }
    }

    fn seed(&mut self, cursor: &mut Cursor<'_>) -> Result<(), CommandError> {
        cursor.next();
        self.plan.seed = count(cursor.word("a seed")?, 0, u64::MAX)?;
        self.plan.sets_seed = true;
        self.world.seed = self.plan.seed;
        cursor.finish()
    }

    /// `on frame a->b 1000 commands`: changes only, since nobody waits for them.
    fn trigger(&mut self, cursor: &mut Cursor<'_>, line: &str, number: u64) -> Result<(), CommandError> {
        cursor.next();
        let word = cursor.word("frame")?;
        choice(word, "triggers", &[("frame", ())])?;
        let column = cursor.column_next();
        let aim = selector::aim(cursor)?;
        let [flow] = aim.flows[..] else {
            return Err(CommandError::new(
                Code::Conflict,
                "",
                column,
                "a trigger watches one flow, e.g. a->b",
            ));
        };
        let words = flow_words(&aim, self.world.directory);
        let frame = count(cursor.word("the number of a frame")?, 0, u64::MAX)?;
        let body = Body::of(cursor, line, number);
        let (commands, texts) = command::commands(line, body.tokens, &self.world)?;
        let is_change = |command: &Command| matches!(command, Command::Change(_));
        if !commands.iter().all(is_change) {
            let column = body.tokens.first().map_or(1, |token| token.column);
            return Err(CommandError::new(Code::Conflict, "", column, "a frame can only trigger changes"));
        }
        let when = When::OnFrame(Trigger { flow, connection: aim.connection, frame, words });
        self.push(Step { when, line: number, commands, text: texts.join("; ") })
    }

    /// `every 3s ±1s [from 10s] until 30s commands`: the first time one period after the start.
    fn every(&mut self, cursor: &mut Cursor<'_>, line: &str, number: u64) -> Result<(), CommandError> {
        cursor.next();
        let word = cursor.word("a time, e.g. 3s,")?;
        let period = micros(duration(word)?);
        if period.is_zero() {
            return Err(CommandError::new(
                Code::BadRange,
                word.text,
                word.column,
                "a period is longer than this",
            ));
        }
        let mut spread = Duration::ZERO;
        if let Some(found) = cursor.peek().map(jitter).transpose()?.flatten() {
            spread = micros(found);
            cursor.next();
        }
        let mut from = Duration::ZERO;
        if cursor.is_word_next("from") {
            cursor.next();
            from = micros(duration(cursor.word("a time")?)?);
        }
        if !cursor.is_word_next("until") {
            return Err(cursor.missing("until TIME"));
        }
        cursor.next();
        let word = cursor.word("a time")?;
        let until = micros(duration(word)?);
        if from + period > until {
            let message = "this is before the first time, one period after the start";
            return Err(CommandError::new(Code::BadRange, word.text, word.column, message));
        }
        let body = Body::of(cursor, line, number);
        let mut dice = Dice::new(self.world.seed, (self.world.next_draw)());
        let mut nominal = from + period;
        while nominal <= until {
            let drawn = dice.duration(nominal.saturating_sub(spread), nominal + spread);
            self.step(drawn.min(until), &body)?;
            nominal += period;
        }
        Ok(())
    }

    /// Reads the commands of a step anew each time: what they draw differs.
    fn step(&mut self, time: Duration, body: &Body<'_>) -> Result<(), CommandError> {
        // Charged before it is read, also if nothing comes of it: that bounds how often a line is repeated.
        self.charge(body.line.len())?;
        let (commands, texts) = command::commands(body.line, body.tokens, &self.world)?;
        let refused = commands.iter().position(is_refused);
        if let Some(text) = refused.and_then(|at| texts.get(at)) {
            let column = body.tokens.first().map_or(1, |token| token.column);
            return Err(CommandError::new(Code::Conflict, text, column, "not inside a scenario"));
        }
        let mut kept =
            Step { when: When::At(time), line: body.number, commands: Vec::new(), text: String::new() };
        for (command, text) in commands.into_iter().zip(texts) {
            match command {
                Command::Query(Query::Nemesis(nemesis)) => {
                    for step in expand(&nemesis, time, body.number, &self.world)? {
                        self.push(step)?;
                    }
                }
                command => kept.add(command, &text),
            }
        }
        if kept.commands.is_empty() { Ok(()) } else { self.push(kept) }
    }

    fn push(&mut self, step: Step) -> Result<(), CommandError> {
        self.charge(step.text.len())?;
        if self.plan.steps.len() >= STEPS_MAX {
            let message = format!("a scenario has at most {STEPS_MAX} steps");
            return Err(CommandError::new(Code::BadRange, "", 1, message));
        }
        self.plan.steps.push(step);
        Ok(())
    }

    fn charge(&mut self, bytes: usize) -> Result<(), CommandError> {
        self.bytes += bytes;
        if self.bytes <= PLAN_BYTES_MAX {
            return Ok(());
        }
        let message =
            format!("a scenario has at most {PLAN_BYTES_MAX} bytes of commands, repetitions included");
        Err(CommandError::new(Code::BadRange, "", 1, message))
    }
}

impl Step {
    fn add(&mut self, command: Command, text: &str) {
        let separator = if self.text.is_empty() { "" } else { "; " };
        self.text.push_str(separator);
        self.text.push_str(text);
        self.commands.push(command);
    }
}

/// The commands of a line, behind what says when.
struct Body<'a> {
    line: &'a str,
    tokens: &'a [Token<'a>],
    number: u64,
}

impl<'a> Body<'a> {
    fn of(cursor: &Cursor<'a>, line: &'a str, number: u64) -> Self {
        Self { line, tokens: cursor.unused_tokens(), number }
    }
}

/// What makes no sense while a scenario runs: another one, or a change of what it was checked against.
fn is_refused(command: &Command) -> bool {
    matches!(
        command,
        Command::Query(Query::Run(_) | Query::Plan(_) | Query::Stop | Query::Reload | Query::WaitScenario(_))
    )
}

/// Times are kept to the microsecond, which is what a plan prints.
fn micros(duration: Duration) -> Duration {
    Duration::from_micros(u64::try_from(duration.as_micros()).unwrap_or(u64::MAX))
}
