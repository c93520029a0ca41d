//! What a client meets at the door of a station whose mailbox is full.

use std::time::Duration;

use bytes::Bytes;
use clock_core::replica::{Input, Opener};
use clock_core::wire::message::Message;
use clock_core::wire::{Request, RequestError, Response, Terms};
use clock_core::{Key, NodeId};
use futures_util::SinkExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, mpsc};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use super::session::{self, Ending, Reader, Session, Writer, next_message};
use crate::handle::{Mail, RETRY_AFTER_MS, SUBMIT_PATIENCE, StationHandle};

/// How long anything may take that should come at once.
const PATIENCE: Duration = Duration::from_secs(20);

/// A session of a client, whose station is this test: it reads the mailbox when it likes.
struct Door {
    mailbox: mpsc::Receiver<Mail>,
    filler: mpsc::Sender<Mail>,
    reader: Reader,
    writer: Writer,
    session: JoinHandle<Ending>,
}

impl Door {
    /// With room for one input in the mailbox.
    async fn open() -> Self {
        let (filler, mailbox) = mpsc::channel(ROOM);
        let (notices, _) = broadcast::channel(1);
        let handle = StationHandle::new(filler.clone(), notices);
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let (dialled, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        let (stream, _) = accepted.expect("accepted");
        let opener = Opener::Client { cluster: NodeId::new("constellation").expect("valid") };
        let ends = session::split(stream);
        let session = tokio::spawn(Session::run(handle, CancellationToken::new(), ends, opener, || {}));
        let (reader, writer) = session::split(dialled.expect("connected"));
        let mut door = Self { mailbox, filler, reader, writer, session };
        assert!(matches!(door.received().await, Mail::Open { .. }), "a session announces itself");
        door
    }

    async fn received(&mut self) -> Mail {
        let mail = timeout(PATIENCE, self.mailbox.recv()).await;
        mail.expect("mail in time").expect("the mailbox is open")
    }

    async fn ask(&mut self, number: u64) {
        let request = Message::Request { number, terms: Terms::default(), request: get() };
        self.writer.send(request).await.expect("written");
    }

    async fn answer(&mut self) -> Message {
        let message = timeout(PATIENCE, next_message(&mut self.reader)).await;
        message.expect("an answer in time").expect("an open session").expect("a message")
    }
}

/// Inputs in the mailbox of a test.
const ROOM: usize = 1;

fn get() -> Request {
    Request::Get { key: Key::new("MSS-17").expect("valid"), skip: 0 }
}

fn is_request(mail: &Mail, expected: u64) -> bool {
    matches!(mail, Mail::Input(Input::Client { ticket, request, .. }) if ticket.number == expected && *request == get())
}

/// Disproved by a request that waits without a word, ends the session, or is handed in although it was refused.
#[tokio::test]
async fn full_mailbox_answers_busy() {
    let mut door = Door::open().await;
    door.filler.send(Mail::Input(Input::Tick)).await.expect("room for one");
    let asked = Instant::now();
    door.ask(1).await;
    let Message::Response { number: 1, response: Response::Refused(refusal), .. } = door.answer().await
    else {
        panic!("expected request 1 to be refused");
    };
    assert!(asked.elapsed() >= SUBMIT_PATIENCE, "it was refused before it had waited");
    let RequestError::Busy { retry_after_ms, .. } = &refusal else { panic!("refused as {refusal}") };
    assert_eq!(*retry_after_ms, RETRY_AFTER_MS);

    assert!(matches!(door.received().await, Mail::Input(Input::Tick)), "the refused request was handed in");
    door.ask(2).await;
    let mail = door.received().await;
    assert!(is_request(&mail, 2), "expected the next request, got {mail:?}");
    door.session.abort();
}

/// Disproved by a request that is refused although room came while it waited.
#[tokio::test]
async fn a_request_waits_for_room_in_the_mailbox() {
    let mut door = Door::open().await;
    door.filler.send(Mail::Input(Input::Tick)).await.expect("room for one");
    door.ask(1).await;
    assert!(matches!(door.received().await, Mail::Input(Input::Tick)));
    let mail = door.received().await;
    assert!(is_request(&mail, 1), "expected the request, got {mail:?}");
    door.session.abort();
}

/// Disproved by a malformed request that reaches the actor, is answered without its field, or ends the session.
#[tokio::test]
async fn a_malformed_request_is_answered_at_the_door() {
    use tokio::io::AsyncWriteExt;
    let mut door = Door::open().await;
    let whole =
        Message::Request { number: 7, terms: Terms::default(), request: get() }.to_frame().expect("fits");
    let body = [&whole[14..whole.len() - 1], &[0xff]].concat();
    let malformed: Bytes = clock_core::wire::frame::encode(whole[7], &body).expect("fits");
    door.writer.get_mut().write_all(&malformed).await.expect("written");
    let Message::Response { number: 7, response: Response::Refused(refusal), .. } = door.answer().await
    else {
        panic!("expected request 7 to be refused");
    };
    assert!(matches!(&refusal, RequestError::Malformed { field, .. } if field == "Get.skip"), "{refusal}");
    door.ask(8).await;
    let mail = door.received().await;
    assert!(is_request(&mail, 8), "expected the next request and nothing else, got {mail:?}");
    door.session.abort();
}
