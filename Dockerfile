# The program alone on Debian, with the system's libpq: unlike the one that `cargo build` bundles, it speaks TLS.

FROM rust:1.95-bookworm AS build
RUN apt-get update \
 && apt-get install --yes --no-install-recommends libpq-dev \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /build
COPY . .
# The caches keep what was downloaded and compiled from one build of the image to the next.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/build/target \
    cargo build --release --locked --bin gatehouse --no-default-features --features system-libpq \
 && install target/release/gatehouse /usr/local/bin/gatehouse

FROM debian:bookworm-slim
RUN apt-get update \
 && apt-get install --yes --no-install-recommends ca-certificates libpq5 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --system --uid 10001 --user-group --no-create-home --home-dir /nonexistent gatehouse \
 && install --directory --owner=gatehouse --group=gatehouse --mode=700 /data
COPY --from=build /usr/local/bin/gatehouse /usr/local/bin/gatehouse

USER gatehouse
# What the program keeps in `data/` of its folder is then the volume.
WORKDIR /
VOLUME /data
ENV LISTEN_ADDR=0.0.0.0:3000
EXPOSE 3000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["gatehouse", "healthcheck"]
CMD ["gatehouse"]
