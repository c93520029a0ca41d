//! The logs of three services, each with a clock of its own that is wrong, merged into the order in which things were
//! caused; and who raced.
//!
//! `cargo run -p clock-core --example merge_logs`

use clock_core::headers::{
    CausalOrder, CountingSource, EventIdSource, EventType, LogEntry, TracedEvent, Tracer, shiviz,
};
use clock_core::{NodeId, Ordering};

type Failure = Box<dyn std::error::Error>;

fn service(name: &str) -> Result<Tracer<CountingSource>, Failure> {
    let node = NodeId::new(name)?;
    Ok(Tracer::new(node.clone(), CountingSource::after(node, 0)))
}

/// Sends an event and keeps a line of log.
fn send<S: EventIdSource>(
    service: &mut Tracer<S>,
    event_type: &str,
    log: &mut Vec<LogEntry>,
) -> Result<TracedEvent, Failure> {
    let event = service.send(EventType::new(event_type)?, Vec::new(), 0)?;
    log.push(LogEntry { service: service.node().clone(), event: event.clone() });
    Ok(event)
}

fn main() -> Result<(), Failure> {
    let (mut orders, mut billing, mut stock) = (service("orders")?, service("billing")?, service("stock")?);
    let mut log = Vec::new();

    let placed = send(&mut orders, "order.placed", &mut log)?;
    billing.receive(placed.causality())?;
    stock.receive(placed.causality())?;
    // Billing takes the money while stock finds the shelf empty: neither knows of the other.
    let charged = send(&mut billing, "card.charged", &mut log)?;
    let sold_out = send(&mut stock, "item.sold_out", &mut log)?;
    assert_eq!(charged.compare(&sold_out), Ordering::Concurrent);
    orders.receive(charged.causality())?;
    orders.receive(sold_out.causality())?;
    send(&mut orders, "order.refunded", &mut log)?;

    // The lines arrive backwards, as they do when the collector trusts timestamps.
    log.reverse();
    let order = CausalOrder::of(log)?;
    println!("in causal order:");
    for entry in order.entries() {
        println!("  {:8} {:16} {}", entry.service, entry.event.event_type(), entry.event.causality());
    }
    let types: Vec<&str> = order.entries().iter().map(|entry| entry.event.event_type().as_str()).collect();
    assert_eq!((types[0], types[3]), ("order.placed", "order.refunded"));
    for race in order.races() {
        let [first, second] = &race.services;
        println!("raced: {first} and {second}, {} pairs of events", race.pairs);
    }
    assert_eq!(order.races().len(), 1, "billing and stock raced, and nobody else");

    println!("\nfor ShiViz, paste:\n{}", shiviz::export(&order)?);
    Ok(())
}
