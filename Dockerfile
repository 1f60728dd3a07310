# The engine alone; n8n has its own image (see compose.yaml).
FROM node:22-slim AS build
WORKDIR /app
COPY . .
RUN npm ci && npm run build:engine && npm prune --omit=dev --workspace engine --include-workspace-root=false

FROM node:22-slim
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/engine ./engine
RUN mkdir /data && chown node:node /data
USER node
ENV WARBLER_DATA_DIR=/data
EXPOSE 3210
CMD ["node", "engine/dist/cli.js", "start"]
