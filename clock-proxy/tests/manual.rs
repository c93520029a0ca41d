//! The sessions of the manual, played on real sockets: what `docs/faults.md` shows is what happens.
//!
//! A block marked `session` starts a fresh proxy with seed 42 between the stations a, b and c, and is played line by
//! line. Disproved by a reply, a frame, an end or a time that is not as written.
//!
//! | line | meaning |
//! |---|---|
//! | `> COMMAND` | a command; the next `< REPLY` is its answer; times in microseconds may differ |
//! | `a dials b` | a connection on the link a->b is made, and accepted by b |
//! | `a dials b and is refused`, `... and gets no answer`, `... and is reset` | how a dial fails |
//! | `a sends 0..10` | frames with these numbers on the connection between a and the last one dialled |
//! | `a sends 100 KB` | a frame with that many bytes of payload |
//! | `b gets 0 1 2..9` | exactly these frames come next; `damaged 3` is frame 3 with another content |
//! | `b gets 0 after 100ms` | and not earlier |
//! | `b gets nothing` | not for 50 ms |
//! | `b gets 100 KB`, `... after 1s` | that much of payload in frames |
//! | `a closes`, `a aborts` | FIN, RST |
//! | `b gets the end`, `b gets a reset` | FIN, RST, and no frame before |

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod bench;
#[path = "manual/script.rs"]
mod script;
#[path = "manual/stage.rs"]
mod stage;

use script::{Line, sessions};
use stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_session_of_the_manual_happens_as_written() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let sessions = sessions(&text);
    assert!(sessions.len() >= 15, "only {} sessions", sessions.len());
    for session in sessions {
        println!("docs/faults.md:{}", session.first_line);
        let mut stage = Stage::new().await;
        for (number, line) in session.lines {
            stage.play(&line, &format!("docs/faults.md:{number}: {line:?}")).await;
        }
    }
}

/// Disproved by a page without a session: then what it says is not checked.
#[test]
fn every_fault_of_the_manual_has_a_session() {
    let manual = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/faults.md");
    let text = std::fs::read_to_string(manual).unwrap();
    let faults = text.split("\n## Faults\n").nth(1).unwrap().split("\n## ").next().unwrap();
    for page in faults.split("\n### ").skip(1) {
        let title = page.lines().next().unwrap();
        assert!(page.contains("```session"), "{title} has no session");
        assert!(page.contains("**The victim**"), "{title} does not say what the victim sees");
    }
}

#[test]
fn a_line_that_means_nothing_is_refused() {
    assert!(std::panic::catch_unwind(|| Line::parse("b gets 1 2 x")).is_err());
    assert_eq!(Line::parse("b gets 0..3 5"), Line::parse("b gets 0 1 2 5"));
}
