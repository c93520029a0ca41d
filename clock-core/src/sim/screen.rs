//! Which messages are believed to be events: input from the network is hostile until it has passed here.

use super::bus::Message;
use super::codec::decode;
use super::event::Event;
use super::fact::Refusal;

/// Takes a message for an event only if its sender may have made it.
///
/// `own_latest` is the counter in the name of the receiver's latest own event, 0 before the first.
pub(super) fn screen(
    message: &Message,
    node_ids: &[String],
    own_id: &str,
    own_latest: u64,
) -> Result<Event, Refusal> {
    let event = decode(&message.payload).ok_or(Refusal::Malformed)?;
    if event.vector.keys().any(|node| !node_ids.contains(node)) {
        return Err(Refusal::Malformed);
    }
    if event.origin != message.from {
        return Err(Refusal::Spoofed);
    }
    if event.vector.get(own_id).is_some_and(|seen| *seen > own_latest) {
        return Err(Refusal::ClaimsOurFuture);
    }
    Ok(event)
}

#[cfg(test)]
mod tests {
    use super::super::codec::encode;
    use super::*;

    /// What node `b`, with five events of its own, makes of an event of `a` sent by `from`.
    fn verdict(from: &str, entries: &[(&str, u64)]) -> Result<(), Refusal> {
        let vector = entries.iter().map(|(node, counter)| ((*node).to_owned(), *counter)).collect();
        let event = Event { origin: "a".to_owned(), lamport: 1, vector, payload: Vec::new() };
        let message = Message { from: from.to_owned(), to: "b".to_owned(), payload: encode(&event) };
        let node_ids = ["a", "b", "c"].map(str::to_owned);
        screen(&message, &node_ids, "b", 5).map(|passed| assert_eq!(passed, event))
    }

    #[test]
    fn an_event_passes_if_its_sender_may_have_made_it() {
        assert_eq!(verdict("a", &[("a", 1), ("b", 5), ("c", 9)]), Ok(()));
    }

    #[test]
    fn each_kind_of_lie_has_its_own_name() {
        assert_eq!(verdict("a", &[("b", 1)]), Err(Refusal::Malformed), "no entry of the origin");
        assert_eq!(verdict("a", &[("a", 1), ("x", 1)]), Err(Refusal::Malformed), "a stranger's entry");
        assert_eq!(verdict("c", &[("a", 1)]), Err(Refusal::Spoofed));
        assert_eq!(verdict("a", &[("a", 1), ("b", 6)]), Err(Refusal::ClaimsOurFuture));
    }
}
