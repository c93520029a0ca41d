//! Two HTTP services and a queue. Causality travels in headers, so at the end of the line a consumer knows what came
//! before what, without anybody's clock being right.
//!
//! `cargo run -p clock-core --features http --example http_services`
//!
//! `orders` calls `billing` over HTTP. `billing` publishes to a queue with binary headers, as Kafka has them. A consumer
//! reads the queue, in which a message is duplicated and two are swapped.

use clock_core::headers::{
    CountingSource, Deduplicator, EventType, TracedEvent, Tracer, Verdict, binary_headers, text_headers,
};
use clock_core::{NodeId, Ordering};
use http_body_util::Empty;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

type Failure = Box<dyn std::error::Error + Send + Sync>;
/// A message of the queue: headers, then the payload.
type Record = (Vec<(String, Vec<u8>)>, Vec<u8>);

fn tracer(name: &str) -> Result<Tracer<CountingSource>, Failure> {
    let node = NodeId::new(name)?;
    Ok(Tracer::new(node.clone(), CountingSource::after(node, 0)))
}

/// What `billing` does with a request: learn from its headers, send an event of its own, publish that.
fn bill(
    billing: &Mutex<Tracer<CountingSource>>,
    request: &Request<Incoming>,
) -> Result<(TracedEvent, Record), Failure> {
    let trace = text_headers::extract(request.headers())?.ok_or("a request without causality")?;
    let mut billing = billing.lock().map_err(|_| "another request panicked")?;
    billing.receive(&trace.causality)?;
    let invoice = billing.send(EventType::new("invoice.created")?, b"42 EUR".to_vec(), 0)?;
    let mut headers = Vec::new();
    binary_headers::inject(invoice.trace(), &mut headers)?;
    println!("billing  got {} and sends {} {}", trace.event_id, invoice.event_id(), invoice.causality());
    Ok((invoice.clone(), (headers, invoice.into_payload())))
}

async fn serve(listener: TcpListener, queue: mpsc::Sender<Record>) -> Result<(), Failure> {
    let billing = Arc::new(Mutex::new(tracer("billing")?));
    loop {
        let (stream, _) = listener.accept().await?;
        let (billing, queue) = (Arc::clone(&billing), queue.clone());
        let handle = move |request: Request<Incoming>| {
            let (billing, queue) = (Arc::clone(&billing), queue.clone());
            async move {
                let mut response = Response::new(Empty::<Bytes>::new());
                match bill(&billing, &request) {
                    Ok((invoice, record)) => {
                        text_headers::inject(invoice.trace(), response.headers_mut())?;
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

/// One order: its event goes along as headers, and the answer's headers are learned from.
async fn order(orders: &mut Tracer<CountingSource>, billing: SocketAddr) -> Result<Ordering, Failure> {
    let event = orders.send(EventType::new("order.placed")?, Vec::new(), 0)?;
    println!("orders   sends {} {}", event.event_id(), event.causality());
    let mut request = Request::post("/invoices").header("host", "billing").body(Empty::<Bytes>::new())?;
    text_headers::inject(event.trace(), request.headers_mut())?;
    let stream = TcpStream::connect(billing).await?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request).await?;
    let answer = text_headers::extract(response.headers())?.ok_or("an answer without causality")?;
    orders.receive(&answer.causality)?;
    Ok(event.causality().compare(&answer.causality))
}

/// Reads the queue: what is old or was seen is dropped, by causality and not by age.
fn consume(records: &[Record]) -> Result<Vec<Verdict>, Failure> {
    let mut seen = Deduplicator::new(16, 16);
    let mut verdicts = Vec::new();
    for (headers, payload) in records {
        let trace = binary_headers::extract(headers)?.ok_or("a record without causality")?;
        let event = TracedEvent::new(trace, payload.clone());
        let verdict = seen.offer("customer-7", &event)?;
        println!("consumer {} is {verdict:?}", event.event_id());
        verdicts.push(verdict);
    }
    Ok(verdicts)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let billing = listener.local_addr()?;
    let (queue, mut records) = mpsc::channel(16);
    tokio::spawn(serve(listener, queue));

    let mut orders = tracer("orders")?;
    let mut published = Vec::new();
    for _ in 0..2 {
        assert_eq!(order(&mut orders, billing).await?, Ordering::Before, "an invoice knows of its order");
        published.push(records.recv().await.ok_or("the queue is closed")?);
    }
    // The queue delivers at least once, and not in order: the second, the first, the second again.
    let delivered = [published[1].clone(), published[0].clone(), published[1].clone()];
    assert_eq!(consume(&delivered)?, [Verdict::Fresh, Verdict::Stale, Verdict::Duplicate]);
    Ok(())
}
