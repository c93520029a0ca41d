//! Standard input and output, on a thread of their own.
//!
//! tokio reads standard input on a thread that cannot be cancelled and would hold up the runtime's shutdown.
//! This thread is nobody's: when the process exits, it is gone, whatever it waits for.

use std::io::{self, IsTerminal, Read, Write};
use std::ops::ControlFlow;
use std::thread;

use tokio::sync::{mpsc, oneshot};
use tracing::{info, warn};

use super::editor::{Names, Terminal, Typed};
use super::lines::{Line, LineSplitter};
use super::{Desk, Session};
use crate::cli::OnEof;
use crate::report::{Reply, Style};

/// Lines on their way from the thread to the session: the thread waits for each answer, so there is one.
const LINES_MAX: usize = 1;

/// One read. Commands are short.
const READ_BYTES: usize = 4096;

/// Exit code of a mistake with `--strict`.
const EXIT_STRICT: u8 = 5;

/// Exit code of control and C at the prompt, the same as that of the signal.
const EXIT_INTERRUPTED: u8 = 130;

enum Input {
    Line(Line, oneshot::Sender<Option<Reply>>),
    Eof,
}

/// Serves standard input.
pub(crate) struct Console {
    pub(crate) desk: Desk,
    pub(crate) style: Style,
    pub(crate) on_eof: OnEof,
    /// Whether the first mistake ends the proxy.
    pub(crate) is_strict: bool,
    /// Takes the code of a `quit`.
    pub(crate) exits: mpsc::Sender<u8>,
}

impl Console {
    /// Starts the thread, and returns the task that answers it.
    ///
    /// # Errors
    /// The system has no thread left.
    pub(crate) fn start(self) -> io::Result<impl Future<Output = ()> + Send + 'static> {
        let (inputs, received) = mpsc::channel(LINES_MAX);
        let exchange =
            Exchange { inputs, style: self.style, is_strict: self.is_strict, exits: self.exits.clone() };
        let desk = self.desk.clone();
        let is_person = io::stdin().is_terminal() && io::stdout().is_terminal();
        let names: Names = Box::new(move || desk.directory());
        thread::Builder::new().name("stdin".to_owned()).spawn(move || match is_person {
            true => exchange.edit(names),
            false => exchange.read(),
        })?;
        Ok(self.answer(received))
    }

    async fn answer(self, mut inputs: mpsc::Receiver<Input>) {
        let mut session = Session::new(self.desk.clone());
        loop {
            match inputs.recv().await {
                Some(Input::Line(line, reply)) => drop(reply.send(session.handle(line).await)),
                Some(Input::Eof) => break,
                // The proxy was told to end, so the input was not read to its end.
                None => return,
            }
        }
        match self.on_eof {
            OnEof::Keep => info!("standard input has ended; running on"),
            OnEof::Quit => drop(self.exits.try_send(0)),
            OnEof::Heal => {
                info!("standard input has ended; healing");
                drop(self.desk.execute("heal", 0).await);
            }
        }
    }
}

/// The thread: one line, one answer.
struct Exchange {
    inputs: mpsc::Sender<Input>,
    style: Style,
    is_strict: bool,
    exits: mpsc::Sender<u8>,
}

impl Exchange {
    fn edit(self, names: Names) {
        let Some(mut terminal) = Terminal::new(names) else { return self.read() };
        loop {
            match terminal.read() {
                Typed::Line(line) => {
                    if self.answer(line).is_break() {
                        return;
                    }
                }
                Typed::Eof => break,
                Typed::Interrupt => {
                    let _ = self.exits.try_send(EXIT_INTERRUPTED);
                    return;
                }
            }
        }
        let _ = self.inputs.blocking_send(Input::Eof);
    }

    fn read(self) {
        let mut splitter = LineSplitter::default();
        let mut bytes = [0; READ_BYTES];
        let mut stdin = io::stdin().lock();
        loop {
            let count = match stdin.read(&mut bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Ok(count) => count,
                Err(error) => {
                    warn!(%error, "standard input cannot be read");
                    0
                }
            };
            splitter.feed(&bytes[..count]);
            while let Some(line) = splitter.next_line() {
                if self.answer(line).is_break() {
                    return;
                }
            }
            if count == 0 {
                if splitter.last_line().is_some_and(|line| self.answer(line).is_break()) {
                    return;
                }
                let _ = self.inputs.blocking_send(Input::Eof);
                return;
            }
        }
    }

    /// Breaks when this line has ended the proxy: what stands behind it is not done any more.
    fn answer(&self, line: Line) -> ControlFlow<()> {
        let (reply, answered) = oneshot::channel();
        // Either channel is closed when the proxy goes down, and then there is no answer to print.
        if self.inputs.blocking_send(Input::Line(line, reply)).is_err() {
            return ControlFlow::Break(());
        }
        let reply = match answered.blocking_recv() {
            Ok(Some(reply)) => reply,
            Ok(None) => return ControlFlow::Continue(()),
            Err(_) => return ControlFlow::Break(()),
        };
        print_line(&reply.render(self.style));
        let mistake = (self.is_strict && reply.outcome.is_err()).then_some(EXIT_STRICT);
        match reply.quit_code().or(mistake) {
            None => ControlFlow::Continue(()),
            Some(code) => {
                // Full means that somebody else has asked to quit already.
                let _ = self.exits.try_send(code);
                ControlFlow::Break(())
            }
        }
    }
}

/// Prints a line. A reader that has gone is no reason to stop relaying.
pub(crate) fn print_line(line: &str) {
    let mut stdout = io::stdout().lock();
    if let Err(error) = writeln!(stdout, "{line}").and_then(|()| stdout.flush()) {
        warn!(%error, "an answer was not printed");
    }
}
