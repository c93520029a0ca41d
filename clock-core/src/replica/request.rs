//! A client's request on its way to whoever answers it: terms first, then the session, then the request itself.

use super::asker::Asker;
use super::effect::About;
use super::input::{Lsn, Ticket};
use super::write::Refused;
use super::{Replica, Step};
use crate::wire::{Change, Request, RequestError, Response, Terms, Write};

/// What has been done about a request.
type Served = Result<Option<Response>, RequestError>;

impl Replica {
    pub(super) fn handle_request(
        &mut self,
        step: &mut Step<'_>,
        ticket: Ticket,
        terms: Terms,
        request: Request,
    ) {
        match self.agree(step.now, ticket, &terms) {
            Ok(asker) => self.serve_session(step, asker, terms.session, request),
            Err(error) => self.refuse(step, Asker::on_no_terms(step.now, ticket), error),
        }
    }

    /// An accepted write answers by itself, when the disk has spoken, and a question to the log when it was read;
    /// everything else at once.
    pub(super) fn serve(&mut self, step: &mut Step<'_>, asker: Asker, request: Request) {
        match self.answer(step, asker, request) {
            Ok(Some(response)) => self.reply(step, asker, response),
            Ok(None) => {}
            Err(error) => self.refuse(step, asker, error),
        }
    }

    pub(super) fn refuse(&self, step: &mut Step<'_>, asker: Asker, error: RequestError) {
        self.reply(step, asker, Response::Refused(error));
    }

    fn answer(&mut self, step: &mut Step<'_>, asker: Asker, request: Request) -> Served {
        match request {
            Request::Put { key, kind, value, context, request } => {
                let write = Write { key, change: Change::Put { kind, value }, context, request };
                self.write(step, asker, write)?;
            }
            Request::Delete { key, context, request } => {
                self.write(step, asker, Write { key, change: Change::Delete, context, request })?;
            }
            Request::Batch { writes } => return self.make_batch(step, asker, writes),
            Request::Resolve { conflict, choice, request } => {
                self.resolve(step, asker, conflict, choice, request)?;
            }
            Request::Receipt { request } => self.receipt_of(step, asker, request)?,
            Request::History { key, after } => {
                self.ask_log(step, asker, About::History { key, after: Lsn(after) });
            }
            Request::Why { dot } => self.ask_log(step, asker, About::Why(dot)),
            Request::Impact { dot } => self.ask_log(step, asker, About::Impact(dot)),
            Request::Snapshot { keys, at } => self.snapshot(step, asker, (keys, at))?,
            Request::Get { key, skip } => return Ok(Some(self.entry_view(key, skip))),
            Request::Conflicts { after } => return Ok(Some(self.conflicts_view(after.as_ref()))),
            Request::Status => return Ok(Some(Response::Status(self.status(step.now.wall_ms)))),
            Request::Watch { after: _ } => return Ok(Some(Response::Watching)),
        }
        Ok(None)
    }

    fn make_batch(&mut self, step: &mut Step<'_>, asker: Asker, writes: Vec<Write>) -> Served {
        if writes.is_empty() {
            return Err(RequestError::EmptyBatch);
        }
        match self.batch(step, asker, writes) {
            Ok(()) => Ok(None),
            Err(Refused { index: None, error }) => Err(error),
            Err(Refused { index: Some(index), error }) => {
                let index = u32::try_from(index).unwrap_or(u32::MAX);
                Ok(Some(Response::BatchRefused { index, error }))
            }
        }
    }
}
