# Sourced by every suite: a place to work, and a proxy to talk to.
#
#   COMPAT_WORK    a folder for what is installed and built, kept. Default: a temporary one, removed.
#   COMPAT_SERVER  HOST:PORT of a server that runs already; the suite starts none.
#   CLOCK_PROXY    the program. Default: built here.
set -euo pipefail
# No folders of compiled Python in the source.
export PYTHONDONTWRITEBYTECODE=1
# Nobody debugs the clients, and without it they build in half the time.
export CARGO_PROFILE_DEV_DEBUG=0 CARGO_PROFILE_TEST_DEBUG=0

compat=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$compat/../.." && pwd)

if [[ -z ${COMPAT_WORK:-} ]]; then
    COMPAT_WORK=$(mktemp -d)
    work_is_ours=yes
fi
mkdir -p "$COMPAT_WORK"
export COMPAT_WORK
server_pid=

clean_up() {
    stop_server
    if [[ -n ${work_is_ours:-} ]]; then rm -rf "$COMPAT_WORK"; fi
}
trap clean_up EXIT

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

proxy_program() {
    if [[ -z ${CLOCK_PROXY:-} ]]; then
        cargo build --quiet --release --manifest-path "$root/Cargo.toml" --package clock-proxy
        local target
        target=$(cargo metadata --manifest-path "$root/Cargo.toml" --format-version 1 --no-deps \
            | python3 -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
        CLOCK_PROXY=$target/release/clock-proxy
    fi
    export CLOCK_PROXY
}

# With --prepare as its first argument, a suite only installs and builds what it needs.
prepare_only=
if [[ ${1:-} == --prepare ]]; then prepare_only=yes; fi
end_of_preparing() {
    if [[ -n $prepare_only ]]; then exit 0; fi
}

answers() {
    (exec 3<>"/dev/tcp/${1%:*}/${1##*:}") 2>/dev/null
}

# start_server [PORT]: sets `server` to HOST:PORT of the interface.
start_server() {
    if [[ -n ${COMPAT_SERVER:-} ]]; then
        server=$COMPAT_SERVER
        return
    fi
    proxy_program
    server=127.0.0.1:${1:-$(free_port)}
    if answers "$server"; then
        echo "something listens on $server already" >&2
        return 1
    fi
    "$CLOCK_PROXY" --api "$server" --json --on-eof keep </dev/null >"$COMPAT_WORK/server.out" 2>"$COMPAT_WORK/server.err" &
    server_pid=$!
    for _ in $(seq 100); do
        if answers "$server"; then return; fi
        if ! kill -0 "$server_pid" 2>/dev/null; then break; fi
        sleep 0.05
    done
    echo "clock-proxy does not listen on $server:" >&2
    cat "$COMPAT_WORK/server.err" >&2
    return 1
}

stop_server() {
    if [[ -n $server_pid ]]; then
        kill "$server_pid" 2>/dev/null || true
        wait "$server_pid" 2>/dev/null || true
        server_pid=
    fi
}

# venv NAME PACKAGE...: sets `venv` to its folder.
venv() {
    venv=$COMPAT_WORK/venv-$1
    if [[ ! -x $venv/bin/python ]]; then
        python3 -m venv "$venv"
        "$venv/bin/pip" install --quiet --disable-pip-version-check "${@:2}"
    fi
}
