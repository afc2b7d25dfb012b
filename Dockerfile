# syntax=docker/dockerfile:1
# The operator as one file on a Node that needs nothing else: no package manager, no shell of ours, user 65532, no write to its root.
# BASE is any image with libc, libstdc++ and CA certificates; node comes from the build, in the version that package-lock.json pins.
ARG BUILD=docker.io/library/node:24-bookworm-slim
ARG BASE=gcr.io/distroless/cc-debian12

FROM ${BUILD} AS build
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY . .
RUN npm run build

FROM ${BASE}
COPY --from=build /src/node_modules/node/bin/node /usr/local/bin/node
COPY --from=build /src/dist/main.mjs /src/dist/main.mjs.LEGAL.txt /app/
USER 65532:65532
WORKDIR /app
# glibc: one arena for all threads, and what is freed goes back; it would keep what a start or a burst has needed once.
ENV NODE_ENV=production MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=65536
EXPOSE 8080
# V8: a quarter of the default for what is young, and old garbage is collected once it is a third of what lives, not when it is several times as much: the process stays small.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=4", "--heap-growing-percent=30", "/app/main.mjs"]
