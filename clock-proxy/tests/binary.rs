//! The real program: its first line, its answers, its ends.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod program;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::Instant;

use program::{DEADLINE, NODES, Program, with};

#[test]
fn the_ready_line_names_every_link_and_the_answers_are_one_line_each() {
    let mut program = Program::start(&with(&["--seed", "42", "--json"]));
    let ready = program.ready();
    assert_eq!(ready["proto"], 1);
    assert_eq!(ready["seed"], 42);
    assert_eq!(ready["pid"], program.child.id());
    assert!(ready["control"].is_null());
    let links = ready["links"].as_object().unwrap();
    assert_eq!(links.keys().collect::<Vec<_>>(), ["a->b", "b->a"]);
    TcpStream::connect(links["a->b"].as_str().unwrap()).unwrap();

    assert_eq!(program.say("# nothing\n\n@1 ping"), "ok @1 {}");
    let cut = program.say("@2 cut a->b");
    assert!(cut.starts_with(r#"ok @2 {"#) && cut.contains(r#""flows":1"#), "{cut}");
    assert_eq!(
        program.say("delay a->b 5"),
        r#"err bad-unit "5": a duration needs a unit, e.g. 5ms (line 5, col 12)"#
    );
    let long = "x".repeat(5000);
    assert_eq!(program.say(&long), "err bad-range: a line has at most 4096 bytes (line 6, col 4097)");
    assert!(program.say("help cut").contains("one way"));
    assert!(program.say("version").contains(env!("CARGO_PKG_VERSION")));
    assert_eq!(program.say("quit 7"), r#"ok {"code":7}"#);
    assert_eq!(program.code(), Some(7));
}

#[test]
fn the_end_of_input_quits_when_asked_and_keeps_running_otherwise() {
    let mut quitting = Program::start(&with(&["--on-eof", "quit"]));
    quitting.ready();
    quitting.stdin = None;
    assert_eq!(quitting.code(), Some(0));

    let mut keeping = Program::start(&with(&["--control", "127.0.0.1:0"]));
    let ready = keeping.ready();
    keeping.stdin = None;
    let mut control = TcpStream::connect(ready["control"].as_str().unwrap()).unwrap();
    control.set_read_timeout(Some(DEADLINE)).unwrap();
    control.write_all(b"@9 ping\nquit 4\n").unwrap();
    let mut answers = String::new();
    drop(control.read_to_string(&mut answers));
    assert_eq!(answers, "ok @9 {}\nok {\"code\":4}\n");
    assert_eq!(keeping.code(), Some(4));
}

#[test]
fn the_end_of_input_heals_when_asked() {
    let mut program = Program::start(&with(&["--control", "127.0.0.1:0", "--on-eof", "heal"]));
    let ready = program.ready();
    assert!(program.say("isolate a").starts_with("ok"));
    program.stdin = None;
    let control = TcpStream::connect(ready["control"].as_str().unwrap()).unwrap();
    control.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut answers = BufReader::new(control.try_clone().unwrap()).lines();
    let start = Instant::now();
    loop {
        writeln!(&control, "show rules").unwrap();
        let answer = answers.next().unwrap().unwrap();
        if answer.contains(r#""rules":[]"#) {
            break;
        }
        assert!(start.elapsed() < DEADLINE, "not healed: {answer}");
    }
}

#[test]
fn a_config_error_names_its_line_and_exits_with_two() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("p.toml");
    std::fs::write(&path, "[nodes]\na = \"x:1\"\nb = \"nowhere\"\n").unwrap();
    let output = Command::new(env!("CARGO_BIN_EXE_clock-proxy"))
        .args(["--config", path.to_str().unwrap()])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{stderr}");
    assert!(stderr.contains("p.toml:3:5: \"nowhere\" is not an address to dial"), "{stderr}");
    assert!(output.stdout.is_empty());
}

#[test]
fn a_taken_address_exits_with_three() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let link = format!("a->b={}", taken.local_addr().unwrap());
    let mut program = Program::start(&[&NODES[..], &["--link", &link]].concat());
    assert_eq!(program.code(), Some(3));
}

#[test]
fn a_termination_signal_exits_with_143() {
    let mut program = Program::start(&NODES);
    program.ready();
    // The standard library sends no other signal than SIGKILL.
    let sent = Command::new("kill").args(["-TERM", &program.child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    assert_eq!(program.code(), Some(143));
}

#[test]
fn text_style_prints_tables() {
    let mut program = Program::start(&with(&["--text"]));
    assert!(program.line().starts_with("ready: pid "));
    assert!(program.line().contains("listen"));
    let stdin = program.stdin.as_mut().unwrap();
    writeln!(stdin, "cut a->b\nshow rules").unwrap();
    let start = Instant::now();
    while !program.line().contains("cut a->b") {
        assert!(start.elapsed() < DEADLINE);
    }
}

/// Kilobytes of writable memory of a process.
#[cfg(target_os = "linux")]
fn data_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:")).unwrap();
    line.trim().strip_suffix(" kB").unwrap().parse().unwrap()
}

/// Each frame is read alone. Disproved by memory that grows by more than a few times what is charged: a read's
/// block of 128 KiB for every frame would be a quarter of a gigabyte.
#[cfg(target_os = "linux")]
#[test]
fn frames_that_trickle_into_a_cut_cost_no_more_than_they_are_charged() {
    let mut program = Program::start(&NODES);
    let ready = program.ready();
    assert!(program.say("cut a->b").starts_with("ok"));
    let mut near = TcpStream::connect(ready["links"]["a->b"].as_str().unwrap()).unwrap();
    near.set_nodelay(true).unwrap();
    let mut trickle = |program: &mut Program, frames: std::ops::Range<u32>| {
        for frame in frames {
            near.write_all(&[&[0, 0, 0, 20][..], &[7; 20]].concat()).unwrap();
            let held = program.say(&format!("wait held a->b {}", frame + 1));
            assert!(held.starts_with("ok"), "{held}");
        }
    };
    trickle(&mut program, 0..10);
    let before = data_kb(program.child.id());
    trickle(&mut program, 10..2010);
    let grown = data_kb(program.child.id()).saturating_sub(before);
    assert!(grown < 32 << 10, "{grown} kB more for 48 kB of frames");
}

/// With no file descriptor left, both listeners stay ready and fail. Disproved by a log with more than a line
/// for each of them (and a few more while it passes), or by a control port that does not recover.
#[cfg(unix)]
#[test]
fn a_shortage_of_descriptors_is_logged_once_and_passes() {
    let mut command = Command::new("sh");
    command.args(["-c", r#"ulimit -n 40; exec "$@""#, "sh", env!("CARGO_BIN_EXE_clock-proxy")]);
    command.args(with(&["--control", "127.0.0.1:0"])).stderr(Stdio::piped());
    let mut program = Program::spawn(command);
    let mut stderr = BufReader::new(program.child.stderr.take().unwrap()).lines();
    let ready = program.ready();
    assert!(program.say("cut a->b").starts_with("ok"));
    let mut next_warning =
        || stderr.find_map(|line| line.ok().filter(|line| line.contains("cannot be accepted")));
    let link = ready["links"]["a->b"].as_str().unwrap();
    let hoard: Vec<_> = (0..40).map(|_| TcpStream::connect(link).unwrap()).collect();
    assert!(next_warning().is_some());
    let mut control = TcpStream::connect(ready["control"].as_str().unwrap()).unwrap();
    assert!(next_warning().is_some());
    assert!(program.say("wait held a->b 1 timeout=300ms").starts_with("err timeout"));
    drop(hoard);
    control.set_read_timeout(Some(DEADLINE)).unwrap();
    control.write_all(b"quit\n").unwrap();
    let mut answers = String::new();
    drop(control.read_to_string(&mut answers));
    assert_eq!(answers, "ok {\"code\":0}\n");
    assert_eq!(program.code(), Some(0));
    let more = std::iter::from_fn(next_warning).count();
    assert!(more < 10, "{more} warnings more");
}
