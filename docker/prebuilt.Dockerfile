# The image of ../Dockerfile, of programs that are built already. docker/build-local.sh makes the context:
# clock-node, clock-proxy and an empty folder `data`.

FROM scratch
LABEL org.opencontainers.image.title="Constellation Clock" \
      org.opencontainers.image.description="Ground stations that replicate one catalog, and the fault proxy between them" \
      org.opencontainers.image.licenses="MIT OR Apache-2.0"
COPY clock-node clock-proxy /
# A new volume takes over the owner of the folder it is mounted on: without this one it would belong to root.
COPY --chown=65532:65532 data /data
USER 65532:65532
ENTRYPOINT ["/clock-node"]
CMD ["--help"]
