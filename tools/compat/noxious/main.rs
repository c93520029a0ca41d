//! Drives a server by the client of noxious: `drive-noxious-client HOST:PORT`. Every claim is made with real bytes.
//!
//! `populate` is left out: this client wants an array for an answer, all others an object.

use std::error::Error;
use std::time::{Duration, Instant};

use noxious_client::{Client, Proxy, StreamDirection, Toxic, ToxicKind};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

type Outcome = Result<(), Box<dyn Error>>;

const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> Outcome {
    let server = std::env::args().nth(1).ok_or("drive-noxious-client HOST:PORT")?;
    let client = Client::new(&server);
    let upstream = start_echo().await?;
    for (_, proxy) in client.proxies().await? {
        proxy.delete().await?;
    }
    proxies(&client, &upstream).await?;
    toxics(&client, &upstream).await?;
    kinds(&client, &upstream).await?;
    reset(&client, &upstream).await?;
    errors(&client, &upstream).await?;
    println!("noxious-client: all passed");
    Ok(())
}

async fn proxies(client: &Client, upstream: &str) -> Outcome {
    let address = free_address().await?;
    let mut proxy = client.create_proxy("echo", &address, upstream).await?;
    assert!(echo_ms(&address).await? < 250, "a new proxy passes bytes");
    let seen = client.proxy("echo").await?;
    assert_eq!((&seen.config.listen, &seen.config.upstream), (&address, &upstream.to_owned()));
    assert!(client.proxies().await?.contains_key("echo"), "it is listed");

    proxy.disable().await?;
    assert!(TcpStream::connect(&address).await.is_err(), "a disabled proxy refuses");
    assert!(!client.proxy("echo").await?.is_enabled());
    proxy.enable().await?;
    assert!(echo_ms(&address).await? < 250, "an enabled one passes bytes again");

    let moved = free_address().await?;
    proxy.config.listen = moved.clone();
    proxy.save().await?;
    assert!(echo_ms(&moved).await? < 250, "it listens where it was moved");
    assert!(TcpStream::connect(&address).await.is_err(), "and no more where it was");
    proxy.delete().await?;
    assert!(TcpStream::connect(&moved).await.is_err(), "a deleted proxy refuses");
    passed("proxies")
}

async fn toxics(client: &Client, upstream: &str) -> Outcome {
    let address = free_address().await?;
    let proxy = client.create_proxy("late", &address, upstream).await?;
    for direction in [StreamDirection::Upstream, StreamDirection::Downstream] {
        let made = proxy.add_toxic(&late(direction, 200, 1.0)).await?;
        assert_eq!((made.name.as_str(), made.direction), ("late", direction));
        assert_eq!(proxy.toxics().await?.len(), 1);
        let elapsed = echo_ms(&address).await?;
        assert!((200..600).contains(&elapsed), "200 ms {direction}: {elapsed}");

        let kind = ToxicKind::Latency { latency: 500, jitter: 0 };
        let changed = proxy.update_toxic("late", 1.0, kind, direction).await?;
        assert_eq!(changed.kind, kind);
        let elapsed = echo_ms(&address).await?;
        assert!((500..900).contains(&elapsed), "500 ms {direction}: {elapsed}");

        proxy.update_toxic("late", 0.0, kind, direction).await?;
        assert!(echo_ms(&address).await? < 250, "toxicity 0 does nothing");
        proxy.remove_toxic("late").await?;
        assert!(echo_ms(&address).await? < 250, "and neither does a removed toxic");
    }
    proxy.delete().await?;
    passed("toxics")
}

/// Each kind is accepted, and comes back as it was sent. Not `noop`: this client cannot read its empty attributes.
async fn kinds(client: &Client, upstream: &str) -> Outcome {
    let proxy = client.create_proxy("kinds", &free_address().await?, upstream).await?;
    let kinds = [
        ToxicKind::Latency { latency: 10, jitter: 2 },
        ToxicKind::Timeout { timeout: 10 },
        ToxicKind::Bandwidth { rate: 100 },
        ToxicKind::SlowClose { delay: 10 },
        ToxicKind::Slicer { average_size: 64, size_variation: 8, delay: 10 },
        ToxicKind::LimitData { bytes: 100 },
    ];
    for kind in kinds {
        let toxic = Toxic { kind, ..late(StreamDirection::Upstream, 0, 0.5) };
        let made = proxy.add_toxic(&toxic).await?;
        assert_eq!((made.kind, made.direction, made.toxicity), (kind, StreamDirection::Upstream, 0.5));
        proxy.remove_toxic("late").await?;
    }
    proxy.delete().await?;
    passed("kinds")
}

async fn reset(client: &Client, upstream: &str) -> Outcome {
    let (one, two) = (free_address().await?, free_address().await?);
    let first = client.create_proxy("one", &one, upstream).await?;
    let mut second = client.create_proxy("two", &two, upstream).await?;
    first.add_toxic(&late(StreamDirection::Downstream, 1_000, 1.0)).await?;
    second.disable().await?;
    client.reset_state().await?;
    assert!(echo_ms(&one).await? < 250, "no toxic is left");
    assert!(echo_ms(&two).await? < 250, "all proxies are enabled");
    first.delete().await?;
    second.delete().await?;
    passed("reset")
}

async fn errors(client: &Client, upstream: &str) -> Outcome {
    let proxy = client.create_proxy("twice", &free_address().await?, upstream).await?;
    let again = client.create_proxy("twice", &free_address().await?, upstream).await;
    assert_says(again.map(drop), "409: proxy already exists");
    assert_says(client.proxy("nobody").await.map(drop), "404: proxy not found");
    assert_says(proxy.remove_toxic("nothing").await, "404: toxic not found");
    let toxic = late(StreamDirection::Downstream, 1, 1.0);
    proxy.add_toxic(&toxic).await?;
    assert_says(proxy.add_toxic(&toxic).await.map(drop), "409: toxic already exists");
    let gone: Proxy = proxy.clone();
    proxy.delete().await?;
    assert_says(gone.delete().await, "404: proxy not found");
    passed("errors")
}

fn late(direction: StreamDirection, latency: u64, toxicity: f32) -> Toxic {
    Toxic { kind: ToxicKind::Latency { latency, jitter: 0 }, name: "late".to_owned(), toxicity, direction }
}

fn assert_says<E: std::fmt::Display>(outcome: Result<(), E>, words: &str) {
    let text = outcome.map_or_else(|error| error.to_string(), |()| "no error".to_owned());
    assert!(text.contains(words), "{text:?} does not say {words:?}");
}

fn passed(part: &str) -> Outcome {
    println!("noxious-client: {part} passed");
    Ok(())
}

/// Milliseconds for a word there and back.
async fn echo_ms(address: &str) -> Result<u128, Box<dyn Error>> {
    let begin = Instant::now();
    let mut stream = timeout(PATIENCE, TcpStream::connect(address)).await??;
    stream.write_all(b"word").await?;
    let mut answer = [0; 4];
    timeout(PATIENCE, stream.read_exact(&mut answer)).await??;
    assert_eq!(&answer, b"word");
    Ok(begin.elapsed().as_millis())
}

async fn free_address() -> Result<String, Box<dyn Error>> {
    Ok(TcpListener::bind("127.0.0.1:0").await?.local_addr()?.to_string())
}

async fn start_echo() -> Result<String, Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                tokio::io::copy(&mut read, &mut write).await
            });
        }
    });
    Ok(address)
}
