#!/bin/sh
# Makes the image of docker-compose.yml with the Rust toolchain of this machine: nothing is pulled from a registry.
#
#   docker/build-local.sh            then: docker compose up
#
# Environment: CLOCK_IMAGE   the tag (default: constellation-clock, as in docker-compose.yml)
#              CLOCK_PROFILE release (default) or dev, which builds faster
# Exit codes:  0 built; 1 the build failed; 3 this toolchain cannot build for musl, or there is no toolchain
set -eu

image=${CLOCK_IMAGE:-constellation-clock}
profile=${CLOCK_PROFILE:-release}

say() { echo "build-local: $*" >&2; }

cd "$(dirname "$0")/.."

if ! host=$(rustc -vV | sed -n 's/^host: //p') || [ -z "$host" ]; then
    say "no rustc here. Install Rust (https://rustup.rs), or build from Dockerfile where a registry answers."
    exit 3
fi
target=${host%%-*}-unknown-linux-musl

# Asked of rustc, not of rustup: distributions install targets without rustup.
has_target() { [ -d "$(rustc --print target-libdir --target "$target" 2>/dev/null)" ]; }

if ! has_target; then
    say "installing the target $target"
    if ! rustup target add "$target" || ! has_target; then
        say "the target $target is missing, and 'rustup target add $target' does not work here"
        exit 3
    fi
fi

say "building for $target, profile $profile"
export CARGO_PROFILE_RELEASE_STRIP=debuginfo CARGO_PROFILE_DEV_STRIP=debuginfo
# The line on standard output names each program, wherever the target folder is.
programs=$(cargo build --locked --profile "$profile" --target "$target" \
    --bin clock-node --bin clock-proxy --message-format=json-render-diagnostics |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p')

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
trap 'exit 1' HUP INT TERM

mkdir "$context/data"
for program in clock-node clock-proxy; do
    path=$(echo "$programs" | grep "/$program\$") || { say "cargo did not build $program"; exit 1; }
    cp "$path" "$context/"
done

say "making the image $image"
docker build --quiet --tag "$image" --file docker/prebuilt.Dockerfile "$context"
