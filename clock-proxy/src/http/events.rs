//! `/v1/events`: the journal as lines of JSON, the last ones or all to come.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use http_body_util::Either;
use hyper::StatusCode;
use hyper::body::{Body, Bytes, Frame};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;

use super::answer::{self, Answer};
use crate::control::Desk;

/// Events of an answer that does not follow: what a person looks through, and some hundred kilobytes.
const EVENTS_MAX: usize = 1000;

/// Clients that follow at one time. Each keeps its connection for good, and most of them are for commands.
const FOLLOWERS_MAX: usize = 64;

const CONTENT_TYPE: &str = "application/x-ndjson";

/// The next event, and where those behind it come from.
type Next = Pin<Box<dyn Future<Output = (Result<Arc<str>, RecvError>, Receiver<Arc<str>>)> + Send>>;

/// The last events, or with `?follow` those from now on, until the client has enough.
pub(super) async fn answer(desk: &Desk, query: Option<&str>) -> Answer {
    let journal = desk.journal();
    let follows =
        query.is_some_and(|query| query.split('&').any(|part| part.split('=').next() == Some("follow")));
    if follows && journal.followers() >= FOLLOWERS_MAX {
        let reason = format!("{FOLLOWERS_MAX} clients follow the events already");
        return answer::text(StatusCode::SERVICE_UNAVAILABLE, &reason);
    }
    if follows {
        let mut answer = answer::bytes(StatusCode::OK, CONTENT_TYPE, Bytes::new());
        *answer.body_mut() = Either::Right(Follow::new(journal.subscribe()));
        return answer;
    }
    let lines = journal.last(EVENTS_MAX).await;
    let text: String = lines.iter().map(|line| format!("{}\n", line.trim_end())).collect();
    answer::bytes(StatusCode::OK, CONTENT_TYPE, text)
}

/// A body that goes on for as long as there are events. It ends with the journal, or when its reader goes.
pub(super) struct Follow(Next);

impl Follow {
    fn new(mut events: Receiver<Arc<str>>) -> Self {
        Self(Box::pin(async move {
            let event = events.recv().await;
            (event, events)
        }))
    }
}

impl Body for Follow {
    type Data = Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let (event, events) = ready!(self.0.as_mut().poll(context));
        let line = match event {
            Ok(line) => format!("{}\n", line.trim_end()),
            // The reader is too slow. It is told, since a gap that is not seen is worse than one that is.
            Err(RecvError::Lagged(missed)) => format!("{{\"missed\":{missed}}}\n"),
            Err(RecvError::Closed) => return Poll::Ready(None),
        };
        *self = Follow::new(events);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(line)))))
    }
}
