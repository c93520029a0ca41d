//! Three services and a queue. Causality travels in headers, so at the end of the line a consumer knows what came
//! before what, without anybody's clock being right.
//!
//! `cargo run -p clock-core --features http --example http_services`
//!
//! `orders` calls `billing` over HTTP. `billing` and `stock` publish the status of an order to a queue with binary
//! headers, as Kafka has them; each message is the whole status, so a later one may replace an earlier one. A consumer
//! reads the queue, in which a message is duplicated, two are swapped, and two services disagree.

use clock_core::headers::{
    Deduplicator, EventIdSource, EventType, Trace, TracedEvent, Tracer, UuidV7Source, Verdict,
    binary_headers, text_headers,
};
use clock_core::{NodeId, Ordering};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::SystemTime;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A message of the queue: headers, then the payload.
type Record = (Vec<(String, Vec<u8>)>, Vec<u8>);

/// A service's tracer. Ids need a time and randomness; both are handed in, so a run with one seed is repeatable.
fn tracer(name: &str, seed: u64) -> Result<Tracer<UuidV7Source<impl FnMut() -> u64 + use<>>>, Failure> {
    let mut state = name.bytes().fold(seed, |state, byte| state.rotate_left(8) ^ u64::from(byte));
    let splitmix64 = move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    };
    Ok(Tracer::new(NodeId::new(name)?, UuidV7Source::new(splitmix64)))
}

/// Learns from an event that arrived, and publishes what the order's status is now.
fn publish<S: EventIdSource>(
    service: &mut Tracer<S>,
    heard: &Trace,
    status: &str,
    wall_ms: u64,
) -> Result<(TracedEvent, Record), Failure> {
    service.receive(&heard.causality)?;
    let event = service.send(EventType::new("order.status")?, status.into(), wall_ms)?;
    let mut headers = Vec::new();
    binary_headers::inject(event.trace(), &mut headers)?;
    println!("{:8} publishes {status:?} {}", service.node(), event.causality());
    Ok((event, (headers, status.into())))
}

/// What `billing` does with a request: the status is in the path.
fn bill<S: EventIdSource>(
    billing: &Mutex<Tracer<S>>,
    request: &Request<Incoming>,
    wall_ms: u64,
) -> Result<(TracedEvent, Record), Failure> {
    let trace = text_headers::extract(request.headers())?.ok_or("a request without causality")?;
    let mut billing = billing.lock().map_err(|_| "another request panicked")?;
    publish(&mut billing, &trace, request.uri().path().trim_start_matches('/'), wall_ms)
}

async fn serve<S: EventIdSource + Send + 'static>(
    billing: Tracer<S>,
    listener: TcpListener,
    queue: mpsc::Sender<Record>,
    wall_ms: u64,
) -> Result<(), Failure> {
    let billing = Arc::new(Mutex::new(billing));
    loop {
        let (stream, _) = listener.accept().await?;
        let (billing, queue) = (Arc::clone(&billing), queue.clone());
        let handle = move |request: Request<Incoming>| {
            let (billing, queue) = (Arc::clone(&billing), queue.clone());
            async move {
                let mut response = Response::new(Empty::<Bytes>::new());
                match bill(&billing, &request, wall_ms) {
                    Ok((event, record)) => {
                        text_headers::inject(event.trace(), response.headers_mut())?;
                        queue.send(record).await?;
                    }
                    Err(refused) => {
                        eprintln!("billing refuses a request: {refused}");
                        *response.status_mut() = StatusCode::BAD_REQUEST;
                    }
                }
                Ok::<_, Failure>(response)
            }
        };
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), service_fn(handle));
        tokio::spawn(connection);
    }
}

/// One step of an order: its event goes along as headers, and the answer's headers are learned from.
async fn order<S: EventIdSource>(
    orders: &mut Tracer<S>,
    billing: SocketAddr,
    status: &str,
    wall_ms: u64,
) -> Result<Trace, Failure> {
    let event = orders.send(EventType::new("order.step")?, Vec::new(), wall_ms)?;
    println!("orders   asks for {status:?} {}", event.causality());
    let request = Request::post(format!("/{status}")).header("host", "billing");
    let mut request = request.body(Empty::<Bytes>::new())?;
    text_headers::inject(event.trace(), request.headers_mut())?;
    let stream = TcpStream::connect(billing).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let answer = text_headers::extract(response.headers())?.ok_or("an answer without causality")?;
    orders.receive(&answer.causality)?;
    assert_eq!(
        event.causality().compare(&answer.causality),
        Ordering::Before,
        "the answer knows of the order"
    );
    Ok(event.trace().clone())
}

/// Reads the queue: what a newer status replaced is dropped, by causality and not by age, and what two services said
/// without knowing of each other is decided. The tracer refuses a vector that no working clock makes.
fn consume<S: EventIdSource>(
    consumer: &mut Tracer<S>,
    records: &[Record],
    wall_ms: u64,
) -> Result<Vec<Verdict>, Failure> {
    let mut seen = Deduplicator::new(16, 16);
    let mut verdicts = Vec::new();
    for (headers, payload) in records {
        let trace = binary_headers::extract(headers)?.ok_or("a record without causality")?;
        consumer.receive(&trace.causality)?;
        let event = TracedEvent::new(trace, payload.clone());
        let offered = seen.offer("order-42", &event)?;
        println!("consumer finds {:?} {:?}", String::from_utf8_lossy(payload), offered.verdict);
        verdicts.push(offered.verdict);
    }
    for open in seen.take_conflicts("order-42") {
        println!("consumer decides about {:?}", String::from_utf8_lossy(open.payload()));
    }
    let decision = consumer.send(EventType::new("order.status")?, b"refunded".to_vec(), wall_ms)?;
    seen.resolved("order-42", decision.trace())?;
    println!("consumer publishes \"refunded\" {}", decision.causality());
    Ok(verdicts)
}

#[tokio::main(flavor = "current_thread")]
#[allow(clippy::disallowed_methods, reason = "a program's edge: the time is read once and handed in")]
async fn main() -> Result<(), Failure> {
    let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH)?;
    let wall_ms = u64::try_from(wall.as_millis())?;
    let seed = RandomState::new().build_hasher().finish();
    println!("seed {seed}, millisecond {wall_ms}");
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let billing = listener.local_addr()?;
    let (queue, mut records) = mpsc::channel(16);
    tokio::spawn(serve(tracer("billing", seed)?, listener, queue, wall_ms));

    let (mut orders, mut stock) = (tracer("orders", seed)?, tracer("stock", seed)?);
    let placed = order(&mut orders, billing, "invoiced", wall_ms).await?;
    order(&mut orders, billing, "paid", wall_ms).await?;
    let invoiced = records.recv().await.ok_or("the queue is closed")?;
    let paid = records.recv().await.ok_or("the queue is closed")?;
    // Stock has heard of the order, and not of what billing did meanwhile.
    let (_, sold_out) = publish(&mut stock, &placed, "sold out", wall_ms)?;

    // The queue delivers at least once, and not in order.
    let delivered = [paid.clone(), invoiced, paid, sold_out];
    let verdicts = consume(&mut tracer("consumer", seed)?, &delivered, wall_ms)?;
    assert_eq!(verdicts, [Verdict::Fresh, Verdict::Stale, Verdict::Duplicate, Verdict::Concurrent]);
    Ok(())
}
