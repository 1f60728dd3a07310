# The engine alone; n8n has its own image (see compose.yaml).
FROM node:22-slim AS build
WORKDIR /app
COPY . .
RUN npm ci && npm run build:engine

FROM node:22-slim
# Makes voice notes of recordings, videos of GIFs, and pictures of videos.
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/*
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY engine/package.json engine/
COPY engine/bin engine/bin
RUN npm ci --omit=dev -w engine --include-workspace-root=false
COPY --from=build /app/engine/dist engine/dist
RUN mkdir /data && chown node:node /data
USER node
ENV WARBLER_DATA_DIR=/data
EXPOSE 3210
CMD ["node", "engine/dist/cli.js", "start"]
