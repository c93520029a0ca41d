//! A disk that remembers the order in which it was written to, and fails when told.

use std::fs::File;
use std::io;
use std::sync::{Arc, Mutex};

use clock_node::store::Disk;
use redb::StorageBackend;
use redb::backends::FileBackend;

/// What the engine did to its file, or the test wants to remember beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    Write {
        offset: u64,
        bytes: Vec<u8>,
    },
    SetLen(u64),
    /// A file was opened: the same, or the one that has taken its name since.
    Opened,
    /// All before it is on the disk: `sync_data` has returned.
    Synced,
    /// So many batches were handed to the writer.
    Begun(usize),
    /// So many batches were reported as durable.
    Acknowledged(usize),
}

/// Which of the engine's calls is to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    Read,
    Write,
    SetLen,
    Sync,
}

/// The call of that kind that comes after so many others fails, and so many in all.
#[derive(Debug, Clone, Copy)]
pub struct Fault {
    pub call: Call,
    pub after: u64,
    pub times: u64,
    pub error: io::ErrorKind,
}

/// A disk that has failed once fails for ever.
pub const FOR_EVER: u64 = u64::MAX;

#[derive(Debug, Default)]
pub struct Tape {
    pub steps: Vec<Step>,
    pub fault: Option<Fault>,
    /// Calls that failed.
    pub failed: u64,
}

/// The tape of one disk. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Recorder(Arc<Mutex<Tape>>);

impl Recorder {
    pub fn with<T>(&self, act: impl FnOnce(&mut Tape) -> T) -> T {
        act(&mut self.0.lock().expect("no test panics with the tape in its hand"))
    }

    pub fn note(&self, step: Step) {
        self.with(|tape| tape.steps.push(step));
    }

    pub fn steps(&self) -> Vec<Step> {
        self.with(|tape| tape.steps.clone())
    }

    /// From now on this fails.
    pub fn break_down(&self, fault: Fault) {
        self.with(|tape| tape.fault = Some(fault));
    }

    pub fn failed(&self) -> u64 {
        self.with(|tape| tape.failed)
    }

    /// What the store is to be opened on.
    pub fn disk(&self) -> Box<Disk<Recording>> {
        let tape = self.clone();
        Box::new(move |file: File| {
            tape.note(Step::Opened);
            Ok(Recording { below: FileBackend::new(file)?, tape: tape.clone() })
        })
    }

    fn allow(&self, call: Call) -> io::Result<()> {
        self.with(|tape| {
            let Some(fault) = tape.fault.as_mut().filter(|fault| fault.call == call) else { return Ok(()) };
            let error = fault.error;
            if fault.after > 0 {
                fault.after -= 1;
                return Ok(());
            }
            if fault.times == 0 {
                return Ok(());
            }
            fault.times -= 1;
            tape.failed += 1;
            Err(io::Error::new(error, "the disk was told to fail"))
        })
    }
}

/// A file whose changes are recorded.
#[derive(Debug)]
pub struct Recording {
    below: FileBackend,
    tape: Recorder,
}

impl StorageBackend for Recording {
    fn len(&self) -> io::Result<u64> {
        self.below.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.tape.allow(Call::Read)?;
        self.below.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.tape.allow(Call::SetLen)?;
        self.tape.note(Step::SetLen(len));
        self.below.set_len(len)
    }

    /// The file below is not synced: the tape is the disk.
    fn sync_data(&self) -> io::Result<()> {
        self.tape.allow(Call::Sync)?;
        self.tape.note(Step::Synced);
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.tape.allow(Call::Write)?;
        self.tape.note(Step::Write { offset, bytes: data.to_vec() });
        self.below.write(offset, data)
    }

    fn close(&self) -> io::Result<()> {
        self.below.close()
    }
}
