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
COPY --from=build /src/dist/main.js /src/dist/main.js.LEGAL.txt /app/
USER 65532:65532
WORKDIR /app
ENV NODE_ENV=production
EXPOSE 8080
# Half of the default: what dies young is collected sooner, and the process stays smaller.
ENTRYPOINT ["/usr/local/bin/node", "--max-semi-space-size=8", "/app/main.js"]
