//! Scripts that get somewhere: where the mutations start from.
//!
//! Each step is its number and its operands, as `script` and `forge` read them. Sessions are numbered from 0 as they
//! begin. Everything that can happen at all has to happen in one of these, or a mutation would seldom get there.

const CLIENT: &[u8] = &[2, 0];
const SYNC: &[u8] = &[13, 0];
const SYNC_ALL: &[u8] = &[13, 3];
const READ: &[u8] = &[15, 0];
/// Past the relay delay.
const LATER: &[u8] = &[17, 1];
const CRASH: &[u8] = &[19, 0];

/// A station dials; its claim follows.
const fn peer(station: u8) -> [u8; 4] {
    [1, 0, station, 0]
}

/// A peer ships one event of this origin, the next or a later one, of a key; what `shape` announces follows.
const fn ship(session: u8, origin: u8, seq: u8, shape: u8) -> [u8; 7] {
    [3, session, 0, origin, seq, shape, 8 + origin]
}

/// A client writes; `shape` has the key and the context.
const fn put(session: u8, shape: u8, tag: u8) -> [u8; 5] {
    [10, session, 0, shape, tag]
}

const fn get(session: u8, key: u8) -> [u8; 5] {
    [10, session, 6, 0, key]
}

/// All of them, each a list of steps.
pub(crate) fn scripts() -> Vec<(&'static str, Vec<u8>)> {
    vec![
        ("write", write()),
        ("conflict", conflict()),
        ("overtaken", overtaken()),
        ("shipped", shipped()),
        ("lost", lost()),
        ("disputed", disputed()),
        ("liars", liars()),
        ("restart", restart()),
        ("witnesses", witnesses()),
        ("contexts", contexts()),
        ("refused", refused()),
        ("hostile_disk", hostile_disk()),
        ("questions", questions()),
        ("deletions", deletions()),
        ("batches", batches()),
        ("copies", copies()),
        ("sessions", sessions()),
    ]
}

/// A write, its sync, what the key holds, a retry, and the id for another write.
fn write() -> Vec<u8> {
    all(&[CLIENT, &put(0, 0, 8), SYNC, &get(0, 0), &put(0, 0, 8), &put(0, 1, 8), &put(0, 1, 17), SYNC])
}

/// Two writes that have not seen each other, and the write that ends it.
fn conflict() -> Vec<u8> {
    let resolve = [10, 0, 4, 0, 3];
    all(&[CLIENT, &put(0, 0, 1), &peer(0), &ship(1, 0, 0, 0), SYNC_ALL, &get(0, 0), &resolve, SYNC])
}

/// The third event of an origin, the second, the first; then one that names the last as its past.
fn overtaken() -> Vec<u8> {
    let after = all(&[&ship(0, 1, 0, 0x15), &[0, 0, 0, 0]]);
    all(&[&peer(0), &ship(0, 0, 4, 0), &ship(0, 0, 2, 0), &ship(0, 0, 0, 0), &after, SYNC_ALL])
}

/// A dialled peer that has nothing gets a write of ours and one that came from a third station, acknowledges, and loses.
fn shipped() -> Vec<u8> {
    let welcome = [8, 0, 0, 0];
    let lost = [7, 0, 1, 0];
    all(&[
        &[0, 1],
        &welcome,
        CLIENT,
        &put(1, 0, 1),
        SYNC,
        READ,
        &peer(0),
        &ship(2, 0, 0, 0),
        SYNC,
        LATER,
        READ,
        &[7, 0, 0, 0x80],
        &[17, 2],
        &lost,
        READ,
    ])
}

/// A peer knows more of our events than we do; they come back, and the client goes on.
fn lost() -> Vec<u8> {
    let first = [3, 0, 1, 8, 0, 0, 1, 0, 0, 0x11, 2, 8, 3];
    all(&[&peer(0), CLIENT, &put(1, 0, 3), SYNC, &first, &ship(0, 5, 2, 0), &put(1, 1, 4), SYNC_ALL])
}

/// One dot, two contents.
fn disputed() -> Vec<u8> {
    let other = [3, 0, 0, 0, 3, 0x10, 9];
    all(&[&peer(0), &ship(0, 0, 0, 0), SYNC, &other, &other, SYNC])
}

/// Times from the end of the range, claims of everything, bits that flipped.
fn liars() -> Vec<u8> {
    let lie = |lie: u8| all(&[&ship(0, 0, 0, 0x40), &[lie]]);
    let flip = all(&[&ship(1, 1, 0, 0x80), &[30, 2]]);
    let heartbeat = [6, 0, 2, 0, 31, 8, 31];
    all(&[
        &peer(0),
        &peer(1),
        &lie(3),
        &lie(8 + 1),
        &lie(16 + 2),
        &heartbeat,
        &flip,
        &[17, 40],
        CLIENT,
        &put(2, 0, 1),
        SYNC,
    ])
}

/// Power goes before a sync and after one; once the store says that it may have lost events.
fn restart() -> Vec<u8> {
    all(&[
        CLIENT,
        &put(0, 0, 1),
        SYNC,
        &put(0, 0, 2),
        CRASH,
        CLIENT,
        &put(1, 0, 3),
        SYNC,
        &[19, 3],
        CLIENT,
        &put(2, 0, 2),
        SYNC,
    ])
}

/// After a restart every peer says hello, which proves nothing; one says what it has, in a welcome.
fn witnesses() -> Vec<u8> {
    all(&[
        CLIENT,
        &put(0, 0, 1),
        SYNC,
        CRASH,
        &peer(0),
        &peer(1),
        &peer(2),
        &[0, 0],
        &[8, 4, 0, 0],
        CLIENT,
        &put(5, 0, 3),
        SYNC,
    ])
}

/// A write that has read one of two versions, a blind one, and a resolution that comes too late.
fn contexts() -> Vec<u8> {
    let exact = all(&[&put(0, 0x1C, 4), &[8, 0]]);
    let late = [10, 0, 4, 0x40, 5];
    all(&[
        CLIENT,
        &put(0, 8, 1),
        &put(0, 8, 2),
        SYNC_ALL,
        &exact,
        &put(0, 8, 3),
        &late,
        SYNC_ALL,
        &late,
        SYNC,
    ])
}

/// Another cluster, a stranger, ourselves, a client's message from a peer, and what comes behind a refusal.
fn refused() -> Vec<u8> {
    let stranger = [1, 0, 3, 0];
    let ourselves = [1, 0, 4, 0];
    all(&[
        &[2, 7],
        &put(0, 0, 1),
        &stranger,
        &ship(1, 0, 0, 0),
        &ourselves,
        &peer(0),
        &[8, 3, 0, 0],
        &ship(3, 0, 0, 0),
        &[18, 3],
        &[18, 9],
        CLIENT,
        &put(4, 0, 1),
        SYNC,
    ])
}

/// Syncs of what was never appended and of the past, reads that nobody asked for.
fn hostile_disk() -> Vec<u8> {
    all(&[
        &[0, 0],
        &[8, 0, 0, 0],
        CLIENT,
        &[13, 6],
        &put(1, 0, 1),
        &[13, 7],
        &[16, 0, 0, 3],
        &[13, 5 + 8],
        &[16, 0, 0, 0xF3],
        &put(1, 0, 2),
        &[16, 0, 0, 7],
        SYNC,
        READ,
    ])
}

/// Every question, over two keys in conflict.
fn questions() -> Vec<u8> {
    let ask = |shape: u8| [10, 0, 6, shape, 0];
    let two = all(&[&put(0, 8, 1), &put(0, 8, 2), &put(0, 9, 3), &put(0, 9, 4)]);
    all(&[CLIENT, &two, SYNC_ALL, &ask(0), &ask(1), &ask(2), &ask(3), &ask(4)])
}

/// A key is deleted, in ignorance of another write and with it in view, and a deletion of nothing is refused.
fn deletions() -> Vec<u8> {
    let delete = |shape: u8, tag: u8| [10, 0, 10, shape, tag];
    all(&[
        CLIENT,
        &put(0, 0, 1),
        SYNC,
        &delete(0, 2),
        &delete(8, 3),
        SYNC_ALL,
        &get(0, 0),
        &delete(1, 4),
        &[10, 0, 4, 0, 5],
        SYNC,
    ])
}

/// Batches: of three writes, of none, with an id twice, and one that is refused for its last write.
fn batches() -> Vec<u8> {
    let three = [10, 0, 12, 3, 0, 1, 1, 2, 0, 3];
    let none = [10, 0, 12, 0];
    let twice = [10, 0, 12, 2, 0, 4, 1, 4];
    let ahead = all(&[&[10, 0, 12, 2, 0, 5, 0x1C, 6], &[0, 9 * 8 + 4]]);
    all(&[CLIENT, &three, &none, &twice, SYNC, &ahead, &three, SYNC_ALL])
}

/// Writes that want two copies: one gets an ack in time, one does not; both are asked for again.
fn copies() -> Vec<u8> {
    let two = |tag: u8| [10, 0, 0x80, 0x0B, 0, tag];
    let receipt = |tag: u8| [10, 0, 6, 5, tag];
    let ack = [7, 1, 0, 0x80];
    all(&[
        CLIENT,
        &[0, 0],
        &[8, 1, 0, 0],
        &two(1),
        SYNC,
        READ,
        &ack,
        &two(2),
        SYNC,
        &[17, 2],
        &receipt(1),
        &receipt(2),
        &receipt(3),
        READ,
        &ack,
    ])
}

/// Sessions that have seen what is here, and what is not; and every question to the log.
fn sessions() -> Vec<u8> {
    let seen = [10, 0, 0x80, 0x89, 0x80, 0, 1];
    let ahead = [10, 0, 0x80, 0x89, 1, 0, 3, 0, 2];
    let ask = |shape: u8, operand: u8| [10, 0, 6, shape, operand];
    let why = all(&[&ask(7, 0), &[8, 0]]);
    let impact = all(&[&ask(8, 0), &[8, 0]]);
    all(&[
        CLIENT,
        &put(0, 0, 1),
        SYNC,
        &seen,
        &ahead,
        SYNC,
        &[17, 2],
        &ask(1, 0),
        &ask(6, 2),
        &why,
        &impact,
        SYNC_ALL,
    ])
}

fn all(steps: &[&[u8]]) -> Vec<u8> {
    steps.concat()
}
