//! The rules of the architecture that a reader cannot see broken, kept by reading the source itself.

use std::path::{Path, PathBuf};

const FUNCTION_LINES_MAX: usize = 70;
const FILE_LINES_MAX: usize = 600;

/// The one file of the core that reads a clock, behind the feature `system-time`.
const CORE_TIME: &str = "clock-core/src/clocks/system_time.rs";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ is in the workspace").to_owned()
}

/// The Rust files below a folder, tests left out, with their path from the workspace.
fn product_files(folder: &str) -> Vec<(String, String)> {
    let mut files = Vec::new();
    collect(&workspace().join(folder), &mut files);
    assert!(!files.is_empty(), "no source below {folder}");
    files
}

fn collect(folder: &Path, files: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder") {
        let path = entry.expect("a readable entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(workspace()).expect("below the workspace").display().to_string();
            files.push((name, std::fs::read_to_string(&path).expect("readable")));
        }
    }
}

/// The lines of code that hold the text, `file:line`, comments left out.
fn uses(files: &[(String, String)], text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (name, source) in files {
        for (number, line) in source.lines().enumerate() {
            if line.contains(text) && !line.trim_start().starts_with("//") {
                found.push(format!("{name}:{}", number + 1));
            }
        }
    }
    found
}

fn uses_outside(folder: &str, text: &str, allowed: &[&str]) -> Vec<String> {
    let found = uses(&product_files(folder), text);
    found.into_iter().filter(|place| !allowed.iter().any(|allowed| place.starts_with(allowed))).collect()
}

/// The files without their unit tests.
fn without_tests(folder: &str) -> Vec<(String, String)> {
    let code = |source: &str| source.split("#[cfg(test)]\nmod ").next().unwrap_or_default().to_owned();
    product_files(folder).into_iter().map(|(name, source)| (name, code(&source))).collect()
}

#[test]
fn the_core_has_no_runtime_no_io_and_no_clock() {
    let mut core = without_tests("clock-core/src");
    core.retain(|(name, _)| name != CORE_TIME);
    for banned in
        ["std::fs", "std::net", "SystemTime", "Instant::now", "std::thread", "tracing::", "println!"]
    {
        assert_eq!(uses(&core, banned), Vec::<String>::new(), "{banned} in the core");
    }
    let allowed = uses(&core, "tokio::sync");
    let beyond: Vec<_> =
        uses(&core, "tokio::").into_iter().filter(|place| !allowed.contains(place)).collect();
    assert_eq!(beyond, Vec::<String>::new(), "tokio beyond sync in the core");
    let outside = allowed.iter().filter(|place| !place.starts_with("clock-core/src/sim/"));
    assert_eq!(outside.collect::<Vec<_>>(), Vec::<&String>::new(), "tokio outside the simulation");
}

#[test]
fn each_fenced_crate_is_named_behind_its_fence_only() {
    assert_eq!(
        uses_outside("clock-core/src", "bincode", &["clock-core/src/wire/codec.rs"]),
        Vec::<String>::new()
    );
    assert_eq!(uses_outside("clock-core/src", "rustix", &[CORE_TIME]), Vec::<String>::new());
    assert_eq!(uses_outside("clock-node/src", "redb::", &["clock-node/src/store/"]), Vec::<String>::new());
    assert_eq!(
        uses_outside("clock-proxy/src", "hyper", &["clock-proxy/src/http/"]),
        Vec::<String>::new(),
        "HTTP is one way to command the proxy, and not the only one"
    );
    assert_eq!(
        uses_outside("clock-proxy/src", "clock_core", &[]),
        Vec::<String>::new(),
        "the proxy knows no messages"
    );
}

#[test]
fn wall_clock_is_read_in_one_file_of_the_node_and_one_of_the_core_behind_its_feature() {
    for folder in ["clock-core/src", "clock-node/src", "clock-proxy/src"] {
        let readers = uses_outside(folder, "SystemTime", &["clock-node/src/wall_clock.rs", CORE_TIME]);
        assert_eq!(readers, Vec::<String>::new(), "{folder} reads the wall clock");
    }
    let clocks = std::fs::read_to_string(workspace().join("clock-core/src/clocks/mod.rs")).expect("readable");
    assert!(
        clocks.contains("#[cfg(feature = \"system-time\")]\nmod system_time;"),
        "the feature gates the file"
    );
    let manifest = std::fs::read_to_string(workspace().join("clock-core/Cargo.toml")).expect("readable");
    let default = manifest.lines().find(|line| line.starts_with("default =")).expect("default features");
    assert!(!default.contains("system-time"), "off by default");
}

#[test]
fn the_store_knows_no_replica_and_no_sockets_and_the_net_no_store() {
    let replica: Vec<String> = uses(&product_files("clock-node/src/store"), "Replica::");
    assert_eq!(replica, Vec::<String>::new());
    assert_eq!(uses(&product_files("clock-node/src/store"), "crate::net"), Vec::<String>::new());
    assert_eq!(uses(&product_files("clock-node/src/net"), "crate::store"), Vec::<String>::new());
}

/// Every queue of a station has a bound with a name, and its policy stands in the table of docs/protocol.md. Disproved by
/// a queue without a bound, by one whose bound is a bare number, or by one that the table does not list.
#[test]
fn queues_are_all_bounded() {
    for folder in ["clock-core/src", "clock-node/src", "clock-proxy/src", "tests/src"] {
        for banned in ["unbounded_channel", "UnboundedSender", "std::sync::mpsc::channel("] {
            assert_eq!(uses_outside(folder, banned, &[]), Vec::<String>::new(), "{banned} in {folder}");
        }
    }
    let protocol = std::fs::read_to_string(workspace().join("docs/protocol.md")).expect("readable");
    let table = protocol.split("\n## Queues").nth(1).expect("docs/protocol.md lists the queues");
    for folder in ["clock-core/src", "clock-node/src"] {
        for (place, bound) in queues(&without_tests(folder)) {
            assert!(is_constant(&bound), "{place}: the bound {bound:?} of a queue has a name");
            assert!(
                table.contains(&format!("`{bound}`")),
                "{place}: docs/protocol.md lists {bound} as a queue"
            );
        }
    }
    for (place, bound) in queues(&without_tests("clock-proxy/src")) {
        assert!(is_constant(&bound) || bound == "1", "{place}: the bound {bound:?} of a queue has a name");
    }
}

/// Where queues are made, and with which bound. Channels that hold one value (watch, oneshot) are no queues, and files of
/// tests alone are no product.
fn queues(files: &[(String, String)]) -> Vec<(String, String)> {
    let makers = ["mpsc::channel(", "broadcast::channel(", "sync_channel(", "mpsc::channel::<"];
    let mut found = Vec::new();
    for (name, source) in files.iter().filter(|(name, _)| !name.ends_with("tests.rs")) {
        for (number, line) in
            source.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
        {
            for maker in makers.iter().filter(|maker| line.contains(**maker)) {
                let bound = line.split(maker).nth(1).and_then(|rest| rest.split(')').next());
                let bound = bound.unwrap_or_default().split('(').next_back().unwrap_or_default();
                found.push((format!("{name}:{}", number + 1), bound.to_owned()));
            }
        }
    }
    found
}

fn is_constant(bound: &str) -> bool {
    !bound.is_empty() && bound.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[test]
fn a_queue_without_a_named_bound_is_really_seen() {
    let source =
        "let (a, b) = mpsc::channel(12);\n// mpsc::channel(13)\nlet x = broadcast::channel(NOTICES);\n";
    let found = queues(&[("file".to_owned(), source.to_owned())]);
    assert_eq!(found, [("file:1".to_owned(), "12".to_owned()), ("file:3".to_owned(), "NOTICES".to_owned())]);
    assert!(!is_constant("12") && is_constant("NOTICES"));
}

#[test]
fn no_test_is_ignored_and_nothing_sleeps_on_a_thread() {
    for folder in ["clock-core", "clock-node", "clock-proxy", "tests/src"] {
        for banned in ["#[ignore", "thread::sleep", "todo!(", "unimplemented!("] {
            assert_eq!(uses_outside(folder, banned, &[]), Vec::<String>::new(), "{banned} in {folder}");
        }
    }
}

#[test]
fn unsafe_code_is_in_one_file_and_proved_there() {
    let the_file = "clock-core/src/versions/simd.rs";
    for folder in ["clock-core/src", "clock-node/src", "clock-proxy/src", "tests/src"] {
        for banned in ["unsafe {", "unsafe fn", "unsafe impl", "allow(unsafe_code"] {
            assert_eq!(
                uses_outside(folder, banned, &[the_file]),
                Vec::<String>::new(),
                "{banned} in {folder}"
            );
        }
    }
    let source = std::fs::read_to_string(workspace().join(the_file)).expect("readable");
    let proofs = source.matches("// SAFETY:").count();
    assert_eq!(source.matches("unsafe {").count(), proofs, "a proof beside each unsafe block of {the_file}");
}

#[test]
fn files_and_functions_stay_short() {
    let folders = ["clock-core/src", "clock-node/src", "clock-proxy/src", "tests/src"];
    for (name, source) in folders.iter().flat_map(|folder| product_files(folder)) {
        let lines = source.lines().count();
        assert!(lines <= FILE_LINES_MAX, "{name} has {lines} lines: split it by concept");
        for (start, length) in functions(&source) {
            assert!(length <= FUNCTION_LINES_MAX, "{name}:{start} has {length} lines");
        }
    }
}

/// Where functions begin and how long they are: from `fn` to the brace at the same indentation, as rustfmt sets it.
fn functions(source: &str) -> Vec<(usize, usize)> {
    let lines: Vec<&str> = source.lines().collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let begins = |line: &str| line.split_whitespace().take(4).any(|word| word == "fn");
    let mut found = Vec::new();
    for (start, line) in
        lines.iter().enumerate().filter(|(_, line)| begins(line) && !line.trim_start().starts_with("//"))
    {
        let closes = |other: &&str| indent(other) == indent(line) && other.trim_start().starts_with('}');
        if let Some(length) = lines[start..].iter().position(closes) {
            found.push((start + 1, length + 1));
        }
    }
    found
}

#[test]
fn the_length_of_a_function_is_really_measured() {
    let long = format!("impl X {{\n    pub fn long() {{\n{}    }}\n}}\n", "        step();\n".repeat(80));
    assert_eq!(functions(&long), [(2, 82)]);
}
