/**
 * The one shape of a configuration: every key with its type, its safe default (or none), and the
 * environment variable that overrides it. Unknown keys are refused and nothing is coerced. `load.ts`
 * fills it, `dump.ts` prints it, docs/configuration.md describes it, and a test holds the four together.
 *
 * Keywords of our own on a key: `env` names its variable, `secret` marks what a dump elides and what
 * may be written as {env: NAME} or {file: PATH}, `path` marks a path that is relative to the file.
 */
import { Type, type Static } from '@sinclair/typebox';

const milliseconds = (value: number, description: string) =>
  Type.Integer({ minimum: 1, maximum: 3_600_000, default: value, description });

const section = { additionalProperties: false, default: {} } as const;

const http = Type.Object(
  {
    host: Type.String({
      minLength: 1,
      default: '127.0.0.1',
      env: 'WEIR_HOST',
      description: 'Address to listen on. Loopback unless you say otherwise',
    }),
    port: Type.Integer({
      minimum: 0,
      maximum: 65535,
      default: 8080,
      env: 'WEIR_HTTP_PORT',
      description: 'Port to listen on; 0 takes any free one',
    }),
    trustedProxies: Type.Array(Type.String({ minLength: 1 }), {
      default: [],
      description: 'Addresses or CIDR blocks of proxies that are believed about where a request comes from',
    }),
    forwardedHeader: Type.Unsafe<'x-forwarded-for' | 'forwarded'>({
      type: 'string',
      enum: ['x-forwarded-for', 'forwarded'],
      default: 'x-forwarded-for',
      description: 'The header in which they say it: x-forwarded-for, or forwarded (RFC 7239)',
    }),
    corsOrigins: Type.Array(Type.String({ pattern: '^https?://[a-zA-Z0-9.\\-\\[\\]:]+$' }), {
      default: [],
      description: 'Origins of pages that may read answers with a browser, such as https://admin.example.com',
    }),
    maxConcurrent: Type.Integer({
      minimum: 1,
      maximum: 100_000,
      default: 200,
      description: 'Requests in work at once; more are answered 503 busy',
    }),
    requestTimeoutMs: milliseconds(10_000, 'How long a client may take to send its request'),
    drainDelayMs: Type.Integer({
      minimum: 0,
      maximum: 600_000,
      default: 0,
      description:
        'How long /readyz says "draining" before a stop closes the door, for load balancers to notice',
    }),
    drainTimeoutMs: milliseconds(
      30_000,
      'How long a stop waits for requests in work before it cuts them off',
    ),
  },
  section,
);

const store = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      secret: true,
      env: 'WEIR_STORE_URL',
      description: "The gateway's own database, as the runtime role (postgres://…)",
    }),
    ownerUrl: Type.Optional(
      Type.String({
        minLength: 1,
        secret: true,
        env: 'WEIR_STORE_OWNER_URL',
        description:
          'The same database, as the role that owns the tables, or a login that is a member of it. Only `weir migrate`, `weir revoke` and approvals by login use it',
      }),
    ),
    runtimeRole: Type.Optional(
      Type.String({
        minLength: 1,
        maxLength: 63,
        description: 'Role to which `weir migrate` grants INSERT and SELECT. Default: the user of store.url',
      }),
    ),
    poolSize: Type.Integer({
      minimum: 1,
      maximum: 100,
      default: 4,
      description: "Connections, besides one for each of the log's two writers and one for revocations",
    }),
    commitDeadlineMs: milliseconds(2_000, 'A read whose entry is not committed by then is refused (503)'),
    maxWaiting: Type.Integer({
      minimum: 1,
      maximum: 1_000_000,
      default: 2_000,
      description: 'Reads that may wait for a commit; more are answered 503 busy',
    }),
  },
  section,
);

const orders = Type.Object(
  {
    url: Type.String({
      minLength: 1,
      secret: true,
      env: 'WEIR_ORDERS_URL',
      description: 'The order database, as a role that can only SELECT (postgres://…)',
    }),
    poolSize: Type.Integer({
      minimum: 1,
      maximum: 1_000,
      default: 8,
      description: 'Connections for reads that may take long; look-ups share up to 4 more',
    }),
    connectTimeoutMs: milliseconds(2_000, 'Time to connect, or to get a connection of the pool'),
    statementTimeoutMs: milliseconds(5_000, 'Time for one statement'),
    streamTimeoutMs: milliseconds(120_000, 'Time for one read that streams'),
  },
  section,
);

const policies = Type.Object(
  {
    directory: Type.String({
      minLength: 1,
      path: true,
      env: 'WEIR_POLICIES',
      description: 'Folder that holds catalog.yaml, alerts.yaml and roles/',
    }),
    approval: Type.Unsafe<'required' | 'off'>({
      type: 'string',
      enum: ['required', 'off'],
      default: 'required',
      description:
        'required: a set that shows more or raises a limit waits for `weir policy approve`; off: it is in force at once',
    }),
  },
  section,
);

const claimPath = (value: string, description: string) =>
  Type.String({ minLength: 1, default: value, description: `Claim ${description}; dots lead inward` });

/** The test of this file holds these against identity/issuer.ts, which a configuration must not import. */
const algorithms = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ');

const issuer = Type.Object(
  {
    issuer: Type.String({ minLength: 1, description: 'The `iss` that its tokens carry, byte for byte' }),
    audience: Type.String({
      minLength: 1,
      description: 'The `aud` that a token for this gateway carries, byte for byte',
    }),
    jwks: Type.Unsafe<{ url: string } | { file: string }>(
      Type.Object(
        {
          url: Type.Optional(
            Type.String({ minLength: 1, description: 'Address of its JWK set: https, or http on loopback' }),
          ),
          file: Type.Optional(
            Type.String({ minLength: 1, path: true, description: 'File with its JWK set' }),
          ),
        },
        { additionalProperties: false, minProperties: 1, maxProperties: 1 },
      ),
    ),
    algorithms: Type.Array(Type.String({ enum: algorithms }), {
      minItems: 1,
      default: ['RS256', 'PS256', 'ES256', 'ES384', 'EdDSA'],
      description: `Accepted signature algorithms, of ${algorithms.join(', ')}`,
    }),
    typ: Type.Array(Type.String({ minLength: 1 }), {
      minItems: 1,
      default: ['at+jwt', 'application/at+jwt'],
      description: 'Accepted `typ` headers; an issuer that writes plain JWT needs it named',
    }),
    claims: Type.Object(
      {
        person: claimPath('sub', 'that names the person'),
        displayName: claimPath('name', 'with a name to show'),
        tool: claimPath('client_id', 'that names the tool'),
        roles: claimPath('roles', 'with the roles'),
        scope: claimPath('scope', 'with the scopes'),
        act: claimPath('act.sub', 'that names who acts through the holder'),
      },
      section,
    ),
  },
  { additionalProperties: false },
);

const identity = Type.Object(
  {
    issuers: Type.Array(issuer, {
      minItems: 1,
      description: 'Who may issue tokens for this gateway; at least one',
    }),
    clockToleranceSeconds: Type.Integer({
      minimum: 0,
      maximum: 300,
      default: 30,
      description: 'How far the clocks of issuer and gateway may differ',
    }),
    maxTokenLifetimeSeconds: Type.Integer({
      minimum: 60,
      maximum: 31 * 86_400,
      default: 86_400,
      description: 'Tokens that live longer are refused',
    }),
  },
  section,
);

const log = Type.Object(
  {
    digestKey: Type.String({
      minLength: 1,
      secret: true,
      env: 'WEIR_DIGEST_KEY',
      description: 'Key of the digests of records and people on the log: base64 of 32 random bytes',
    }),
    epoch: Type.String({
      pattern: '^[a-z0-9-]{1,32}$',
      default: 'e1',
      description: 'Name of the digest key in the entries; a new key needs a new epoch',
    }),
    zone: Type.String({
      minLength: 1,
      default: 'Asia/Shanghai',
      description: 'Time zone in which the days of limits begin',
    }),
    heartbeatSeconds: Type.Integer({
      minimum: 1,
      maximum: 3_600,
      default: 60,
      description: 'A writer that has nothing to record still writes an entry this often',
    }),
  },
  section,
);

const masks = Type.Object(
  {
    tokenKey: Type.Optional(
      Type.String({
        minLength: 1,
        secret: true,
        env: 'WEIR_TOKEN_KEY',
        description:
          'Key of the tokens that the mask `token` shows: base64 of 32 random bytes. Needed where a role uses it',
      }),
    ),
  },
  section,
);

const principal = Type.Object(
  {
    issuer: Type.Optional(
      Type.String({
        minLength: 1,
        env: 'WEIR_PRINCIPAL_ISSUER',
        description:
          'The `iss` of the tokens that tell services who asks: address of the gateway, as services reach it. Needed with keys',
      }),
    ),
    keys: Type.Array(
      Type.Object(
        {
          jwk: Type.String({
            minLength: 1,
            secret: true,
            description: 'A private key as a JWK (Ed25519 or P-256), as `weir service key` prints it',
          }),
        },
        { additionalProperties: false },
      ),
      {
        default: [],
        description:
          'Keys that sign these tokens, at least one where the catalogue has services: the first signs, all are published',
      },
    ),
  },
  section,
);

const services = Type.Object(
  {
    urls: Type.Array(
      Type.Object(
        {
          service: Type.String({ minLength: 1, description: 'A service, by its name in the catalogue' }),
          url: Type.String({
            minLength: 1,
            description: 'Its base URL; without it, the variable that the catalogue names holds it',
          }),
        },
        { additionalProperties: false },
      ),
      { default: [], description: 'Where the services of the catalogue are' },
    ),
    connections: Type.Integer({
      minimum: 1,
      maximum: 10_000,
      default: 128,
      description: 'Calls of one service under way at once; more are answered 503 busy',
    }),
    connectTimeoutMs: milliseconds(2_000, 'Time to connect to a service'),
    timeoutMs: milliseconds(10_000, "Time for a service's answer to begin, and from then on for it to end"),
    maxAnswerBytes: Type.Integer({
      minimum: 1_024,
      maximum: 268_435_456,
      default: 8_388_608,
      description: 'A longer answer of a service is refused; so much of it is held in memory',
    }),
    maxBodyBytes: Type.Integer({
      minimum: 1,
      maximum: 16_777_216,
      default: 65_536,
      description: 'A longer body of a write is refused',
    }),
  },
  section,
);

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export const configSchema = Type.Object(
  {
    http,
    store,
    orders,
    policies,
    identity,
    log,
    masks,
    principal,
    services,
    logLevel: Type.Unsafe<LogLevel>({
      type: 'string',
      enum: logLevels,
      default: 'info',
      env: 'WEIR_LOG_LEVEL',
      description: "From where on the gateway's own log speaks: " + logLevels.join(', '),
    }),
  },
  { additionalProperties: false },
);

type DeepReadonly<T> = T extends readonly (infer Item)[]
  ? readonly DeepReadonly<Item>[]
  : T extends object
    ? { readonly [Key in keyof T]: DeepReadonly<T[Key]> }
    : T;

/** A whole, checked, frozen configuration; paths are absolute, secrets are the secrets themselves. */
export type Config = DeepReadonly<Static<typeof configSchema>>;

/** Variables that override no key: where things are, and who asks. */
export const placeVariables = Object.freeze({
  WEIR_CONFIG: 'The configuration file',
  WEIR_DATA_DIR: 'Where `weir demo` keeps what it makes (.weir)',
  WEIR_TOKEN: 'Your token, for `weir policy propose` and `weir policy approve`',
});
