# The image of docker-compose.yml: both programs, static, and nothing else. `docker compose build` makes it.
# Without a registry to pull the builder from, docker/build-local.sh makes the same image.

ARG RUST_VERSION=1.95
FROM rust:${RUST_VERSION}-slim AS build
# Static programs for whichever processor this stage runs on. No crate of the workspace compiles C.
RUN rustup target add "$(uname -m)-unknown-linux-musl"
WORKDIR /src
COPY . .
# Line tables are for debuggers, and three quarters of the size. Function names stay, for backtraces.
ENV CARGO_PROFILE_RELEASE_STRIP=debuginfo
RUN cargo build --release --locked --target "$(uname -m)-unknown-linux-musl" --bin clock-node --bin clock-proxy \
    && mkdir -p /image/data \
    && mv "target/$(uname -m)-unknown-linux-musl/release/clock-node" \
          "target/$(uname -m)-unknown-linux-musl/release/clock-proxy" /image/

# From here on the same as docker/prebuilt.Dockerfile; tests/tests/compose.rs compares them.
FROM scratch
LABEL org.opencontainers.image.title="Constellation Clock" \
      org.opencontainers.image.description="Ground stations that replicate one catalog, and the fault proxy between them" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY --from=build /image/clock-node /image/clock-proxy /
# A new volume takes over the owner of the folder it is mounted on: without this one it would belong to root.
COPY --from=build --chown=65532:65532 /image/data /data
USER 65532:65532
ENTRYPOINT ["/clock-node"]
CMD ["--help"]
