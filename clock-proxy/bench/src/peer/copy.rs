//! The simplest relay that one writes with tokio, to compare with.

use std::io;
use std::process::ExitCode;

use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;

use crate::arguments::Copy;

/// Relays until it is killed.
pub(crate) fn run(copy: &Copy) -> ExitCode {
    let served = Runtime::new().and_then(|runtime| runtime.block_on(serve(copy)));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(copy: &Copy) -> io::Result<()> {
    let listener = TcpListener::bind(copy.listen).await?;
    let (upstream, bytes) = (copy.upstream, copy.buffer_bytes);
    loop {
        let (client, _) = listener.accept().await?;
        tokio::spawn(async move {
            let server = TcpStream::connect(upstream).await?;
            relay(client, server, bytes).await
        });
    }
}

async fn relay(mut client: TcpStream, mut server: TcpStream, bytes: usize) -> io::Result<()> {
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    tokio::io::copy_bidirectional_with_sizes(&mut client, &mut server, bytes, bytes).await?;
    Ok(())
}
