# Compiled in one stage, dependencies installed in another, run in a third: what is shipped holds no
# compiler, no tests, and no PostgreSQL of the demo's. .ci/container-steps runs these steps without Docker.

FROM node:24-slim AS build
WORKDIR /weir
COPY package.json package-lock.json ./
RUN npm ci --omit=optional --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build

FROM node:24-slim AS dependencies
WORKDIR /weir
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim
WORKDIR /weir
ENV NODE_ENV=production
ENV WEIR_HOST=0.0.0.0
COPY --from=dependencies /weir/node_modules ./node_modules
COPY --from=build /weir/dist ./dist
COPY package.json LICENSE NOTICE ./
COPY drizzle ./drizzle
USER node
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.WEIR_HTTP_PORT || 8080) + '/healthz').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/main.js", "start"]
