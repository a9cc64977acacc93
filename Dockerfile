# The image for those who have a container engine; `deno task image` makes the
# same without one. For several architectures:
#
#   docker buildx build --platform linux/amd64,linux/arm64 -t thresher:0.1.0 .

# Both can be had from a registry of one's own.
ARG DENO=denoland/deno:bin-2.9.5
ARG BASE=gcr.io/distroless/cc-debian12:nonroot

FROM ${DENO} AS deno
FROM --platform=$BUILDPLATFORM ${DENO} AS deno-here

# What the program is made of is the same on every architecture.
FROM --platform=$BUILDPLATFORM debian:12-slim AS program
COPY --from=deno-here /deno /usr/bin/deno
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates
WORKDIR /source
COPY . .
RUN deno run -A tasks/image/program.ts /program

FROM ${BASE}
COPY --from=deno /deno /usr/bin/deno
COPY --from=program /program /
USER 65532:65532
WORKDIR /
# Compiled modules; all that is written outside of the data folder.
ENV DENO_NO_UPDATE_CHECK=1 DENO_DIR=/tmp/deno XDG_STATE_HOME=/tmp/state
# Whatever is asked of it, nothing is fetched.
ENTRYPOINT ["/usr/bin/deno", "run", "--quiet", "-A", "--no-remote", "--no-npm", "/app/cli.ts"]
