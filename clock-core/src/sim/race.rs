//! Waits for whichever of two futures is done first. `tokio::select!` would need a further feature.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;

pub(super) enum First<A, B> {
    Left(A),
    Right(B),
}

/// Polls the left one first and drops the other when one is done, so both must be cancel safe.
pub(super) async fn race<A, B>(left: impl Future<Output = A>, right: impl Future<Output = B>) -> First<A, B> {
    let (mut left, mut right) = (pin!(left), pin!(right));
    poll_fn(|context| {
        if let Poll::Ready(done) = left.as_mut().poll(context) {
            return Poll::Ready(First::Left(done));
        }
        right.as_mut().poll(context).map(First::Right)
    })
    .await
}
