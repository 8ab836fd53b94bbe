/**
 * Everything in bad-inputs.yaml, sent over a bare socket to a whole gateway on real databases. Each is told
 * what is wrong, in time, in words that repeat nothing of what was sent and nothing of the order database; each
 * refusal of somebody identified is on the log once; and the databases are as they were.
 */
import { createHmac, createPrivateKey, type JsonWebKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { dirname, join } from 'node:path';
import pg from 'pg';
import t, { type Test } from 'tap';
import { parse } from 'yaml';
import type { EntryBody } from '../../src/log/entry.js';
import { verifyLog } from '../../src/log/verify.js';
import { encode, forge, makeKey, type ForgeKey } from '../identity/token-forge.js';
import { startGateway, type OpenedGateway } from '../support/gateway.js';

t.setTimeout(240_000);

interface Case {
  readonly title: string;
  readonly get?: string;
  readonly send?: string;
  readonly raw?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
  readonly as?: string;
  readonly is: string | number;
  readonly hint?: 'no';
  /** Rows of a read that is on the log before the refusal. */
  readonly reads?: number;
}

interface Group {
  readonly group: string;
  readonly as: string;
  readonly cases: readonly Case[];
}

interface Told {
  readonly label: string;
  readonly bad: Case;
  readonly token: string;
  /** Everything that came until the connection ended. */
  readonly text: string;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly tookMs: number;
}

const boundMs = 2_000;
const atOnce = 8;

const groups = parse(await readFile(new URL('bad-inputs.yaml', import.meta.url), 'utf8')) as Group[];

void t.test('every bad input is told what is wrong, and changes nothing', async (t) => {
  const gateway = await startGateway(t);
  const tokens = await tokenDesk(gateway);
  const all = groups.flatMap(({ group, as, cases }) =>
    cases.map((bad) => ({ label: `${group}: ${bad.title}`, as: bad.as ?? as, bad })),
  );
  t.equal(new Set(all.map(({ label }) => label)).size, all.length, 'titles are distinct');
  t.equal(new Set(all.map(({ as, bad }) => JSON.stringify({ ...bad, as, title: '' }))).size, all.length);
  t.ok(all.filter(({ bad }) => bad.is !== 200).length >= 150);

  // Somebody has read before, so that there is something to be changed.
  const order = await aGoodRead(gateway);
  const before = await digests(gateway);
  const noted = await entries(gateway);

  const told: Told[] = [];
  const queue = all.map((each, i) => ({ ...each, i }));
  const work = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
      const token = tokens(next.as, `case-${next.i}`);
      told.push(
        await ask(
          gateway,
          next.label,
          next.bad,
          next.as === 'nobody' ? undefined : token,
          token,
          reasonFor(next.as),
        ),
      );
    }
  };
  await Promise.all(Array.from({ length: atOnce }, work));

  const values = await valuesOfTheShop(gateway);
  const written = (await entries(gateway)).slice(noted.length);
  for (const each of told) {
    await t.test(each.label, async (t) => {
      if (each.bad.is === 200) checkHarmless(t, each, written);
      else checkRefusal(t, each, written);
      t.same(repeated(each), [], 'nothing of what was sent comes back');
      t.notMatch(each.text, innards, 'nothing of the inside');
      t.notOk(
        values.some((value) => each.text.includes(value)),
        'nothing of the order database',
      );
      t.ok(each.tookMs < boundMs, `in ${Math.round(each.tookMs)} ms`);
    });
  }

  const logged = told.filter(({ bad }) => bad.is !== 200 && !String(bad.is).endsWith(' unlogged'));
  t.equal(
    written.filter(({ kind }) => kind === 'refusal').length,
    logged.length,
    `${logged.length} refusals on the log, one for each`,
  );
  t.equal(
    new Set(told.map(({ headers }) => headers['weir-request-id'])).size,
    told.length,
    'ids are distinct',
  );
  const text = JSON.stringify(written);
  // Names may stand there, and the numbers of limit and offset.
  const telling = (value: string) => value.length > 7 && /\d{6}|[^\w,."()-]/.test(value);
  const kept = told.flatMap((each) =>
    sentValues(each).filter((value) => telling(value) && text.includes(value)),
  );
  t.same(kept, [], 'no value that was sent stands on the log');
  t.same(await digests(gateway), before, 'both databases are as they were');
  t.same((await entries(gateway)).slice(0, noted.length), noted);
  t.same((await verifyLog({ source: { url: gateway.store.superuserUrl } })).faults, []);
  t.equal(await aGoodRead(gateway), order, 'and the gateway serves as before');
  t.same(
    gateway.observed.filter((each) => each.event === 'failure').map(({ where }) => where),
    [],
    'nothing failed inside',
  );
  t.comment(
    `${told.length} inputs, ${logged.length} on the log, slowest answer ${Math.round(Math.max(...told.map(({ tookMs }) => tookMs)))} ms`,
  );
});

void t.test('hidden and unknown are told apart by nobody, wherever the name stands', async (t) => {
  const gateway = await startGateway(t);
  const tokens = await tokenDesk(gateway);
  const operators = [
    'eq.x',
    'neq.x',
    'gt.1',
    'gte.1',
    'lt.1',
    'lte.1',
    'in.(x,y)',
    'is.null',
    'not.is.null',
    'not.eq.x',
  ];
  const places = [
    'select=NAME',
    'select=order_no,NAME',
    'order=NAME',
    'order=order_no,NAME.desc.nullslast',
    'NAME=eq.&select=nothing_else',
    ...operators.map((operator) => `NAME=${operator}`),
  ].flatMap((place) => [place, `order_no=eq.a&${place}`, `order_no=eq.a&${place}&limit=5&offset=2`]);
  const kinds = [[], ['Accept: text/csv'], ['Prefer: count=exact'], ['Range: 0-4']];
  const hidden = ['remark', 'region', 'amount', 'receiver_phone_last4', 'ctid', 'tableoid'];
  let asked = 0;
  const answer = async (name: string, place: string, headers: readonly string[], table = 'orders') => {
    const token = tokens('agent', `person-${asked++}`);
    const get = `/rest/${table}?${place.replaceAll('NAME', name)}`;
    const told = await ask(gateway, get, { title: get, get, headers, is: 0 }, token, token);
    const { 'weir-request-id': id = '', ...rest } = { ...told.headers, date: '', 'content-length': '' };
    return `${told.status} ${JSON.stringify(rest)} ${told.body.replaceAll(id, 'ID').replaceAll(name, 'NAME')}`;
  };
  for (const place of places) {
    for (const headers of kinds) {
      const unknown = await answer('never_was', place, headers);
      const answers = await Promise.all(hidden.map((name) => answer(name, place, headers)));
      t.same([...new Set(answers)], [unknown], `${place} ${headers.join()}`);
    }
  }
  for (const place of ['', 'select=NAME', 'order_no=eq.a', 'limit=1', 'NAME=gt.1']) {
    const unknown = await answer('never_was', place, [], 'never_was');
    for (const table of ['pg_authid', 'pg_class', 'users'])
      t.equal(await answer('never_was', place, [], table), unknown, `${table} ${place}`);
  }
});

function checkRefusal(
  t: Test,
  { bad, status, headers, body, text }: Told,
  written: readonly EntryBody[],
): void {
  const [expected = '', code = '', unlogged] = String(bad.is).split(' ');
  t.equal(status, Number(expected), 'status');
  t.match(headers, {
    'content-type': 'application/problem+json',
    'weir-request-id': /^[0-9a-f-]{36}$/,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  t.equal(text.match(/HTTP\/1\.1 \d/g)?.length, 1, 'one answer');
  if (bad.send?.startsWith('HEAD ') === true) t.equal(body, '');
  else {
    const problem = JSON.parse(body) as Record<string, unknown>;
    t.match(problem, { type: `urn:weir:error:${code}`, status, title: /\w/, detail: /\w/, code: /\w/ });
    t.equal(problem['instance'], headers['weir-request-id']);
    const hint = problem['hint'];
    t.equal(
      typeof hint === 'string' && hint !== '' ? 'yes' : 'no',
      bad.hint ?? 'yes',
      `hint: ${String(hint)}`,
    );
  }
  const own = written.filter(({ request }) => request === headers['weir-request-id']);
  const reads = bad.reads === undefined ? [] : [{ kind: 'read', read: { records: bad.reads } }];
  if (unlogged === 'unlogged') t.same(own, []);
  else t.match(own, [...reads, { kind: 'refusal', error: code }], 'on the log, once');
  t.equal(own.length, unlogged === 'unlogged' ? 0 : reads.length + 1);
}

/** What looks like an attack and is only a value: it finds nothing, and that is on the log. */
function checkHarmless(t: Test, { status, headers, body }: Told, written: readonly EntryBody[]): void {
  t.equal(status, 200);
  t.equal(body, '[]');
  const own = written.filter(({ request }) => request === headers['weir-request-id']);
  t.match(own, [{ kind: 'read', read: { records: 0 } }]);
  t.equal(own.length, 1);
}

/** Texts of PostgreSQL, node, fastify and jose, stacks, files and addresses. */
const innards =
  /\n\s+at |node_modules|\.[tj]s:\d|[A-Za-z]Error\b|FST_|HPE_|ERR_|llhttp|Parse Error|fastify|jose|SELECT |syntax error|relation "|pg_|postgres|127\.0\.0\.1|__weir_(?!record |subject )|shop\./;

/** The values of a request: what a message must not repeat. Names of columns, tables and options are none. */
function sentValues({ bad, token }: Told): string[] {
  const found = [token, ...token.split('.')];
  const target = bad.get ?? bad.send?.replace(/^\S+ /, '') ?? bad.raw?.split(' ')[1] ?? '';
  const [path = '', search = ''] = expand(target, token).split('?', 2);
  if (!isPlain(path) && !path.includes('://'))
    found.push(path, ...path.split('/'), ...decoded(path).split('/'));
  for (const pair of search.split('&')) {
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    const bare = value.replace(/^(not\.)?[a-z]+\./, '');
    const names = /^(select|order|columns|on_conflict)$/.test(name);
    for (const each of [bare, decoded(bare)]) if (!(names ? isNames(each) : isPlain(each))) found.push(each);
    if (!isNames(name)) found.push(name, decoded(name));
  }
  for (const header of bad.headers ?? []) {
    if (!/^(Prefer|Origin|Expect):/.test(header)) found.push(expand(header, token).replace(/^[^:]*: */, ''));
  }
  return found.filter((value) => value.length > 3 && !/^[\d-]{1,4}$/.test(value));
}

function repeated(told: Told): string[] {
  // Its own id is random, and what stands before the body is ours.
  const said = told.body.replace(/"instance":"[^"]*"/, '');
  const header = told.text.slice(0, told.text.length - told.body.length);
  return sentValues(told).filter(
    (value) => said.includes(value) || (value.length > 8 && header.includes(value)),
  );
}

/** Names, and paths and lists of names. */
function isPlain(text: string): boolean {
  return /^[A-Za-z_/,.]*$/.test(text);
}

function isNames(text: string): boolean {
  return /^[A-Za-z_][\w,.]*$/.test(text);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function expand(text: string, token: string): string {
  return text
    .replaceAll('{bearer}', `Authorization: Bearer ${token}\r\nWeir-Reason: call\r\nConnection: close\r\n`)
    .replaceAll('{token}', token)
    .replace(/\{([^{}]*)\*(\d+)\}/gs, (_all, what: string, times: string) => what.repeat(Number(times)));
}

/** Each role has reasons of its own, or asks for none. */
function reasonFor(as: string): string {
  return as === 'logistics' ? 'undelivered' : 'call';
}

async function ask(
  gateway: OpenedGateway,
  label: string,
  bad: Case,
  bearer: string | undefined,
  token: string,
  reason = 'call',
): Promise<Told> {
  const lines = [
    `${bad.send ?? `GET ${bad.get}`} HTTP/1.1`,
    'Host: weir',
    'Connection: close',
    ...(bearer === undefined ? [] : [`Authorization: Bearer ${bearer}`]),
    `Weir-Reason: ${reason}`,
    ...(bad.headers ?? []),
  ];
  const bytes = expand(bad.raw ?? `${lines.join('\r\n')}\r\n\r\n${bad.body ?? ''}`, token);
  const socket = connect(Number(new URL(gateway.address).port), '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.on('error', () => undefined);
  socket.setTimeout(10_000, () => socket.destroy());
  const started = performance.now();
  let tookMs = Infinity;
  socket.once('data', () => (tookMs = performance.now() - started));
  const closed = new Promise<void>((settle) => socket.once('close', () => settle()));
  socket.write(Buffer.from(bytes, 'latin1'));
  await closed;
  const text = Buffer.concat(parts).toString('utf8');
  const [head = '', ...rest] = text.split('\r\n\r\n');
  const [first = '', ...headers] = head.split('\r\n');
  return {
    label,
    bad,
    token,
    text,
    status: Number(/^HTTP\/1\.1 (\d{3}) /.exec(first)?.[1] ?? 0),
    headers: Object.fromEntries(
      headers.map((line) => {
        const [name = '', value = ''] = line.split(/: *(.*)/s);
        return [name.toLowerCase(), value];
      }),
    ),
    body: rest.join('\r\n\r\n'),
    tookMs,
  };
}

/** Tokens of every kind, good ones and forged ones. @returns the token of a person in that position */
async function tokenDesk({ issuer }: OpenedGateway): Promise<(as: string, person: string) => string> {
  const file = join(dirname(issuer.jwksFile), 'signing-key.json');
  const jwk = JSON.parse(await readFile(file, 'utf8')) as JsonWebKey & { kid: string };
  const own: ForgeKey = {
    ...makeKey('ES256', jwk.kid),
    privateKey: createPrivateKey({ key: jwk, format: 'jwk' }),
  };
  const other = makeKey('ES256', jwk.kid);
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'ES256', typ: 'at+jwt', kid: jwk.kid };
  return (as, person) => {
    const claims = {
      iss: issuer.issuer,
      aud: issuer.audience,
      sub: person,
      client_id: 'desk',
      jti: person,
      iat: now,
      exp: now + 600,
      roles: ['support-agent'],
      region: '华东',
    };
    const good = (more: object) => forge(own, header, { ...claims, ...more });
    const unusual = (more: object) => forge(own, { ...header, ...more }, claims);
    switch (as) {
      case 'agent':
      case 'nobody':
        return good({});
      case 'warehouse':
        return good({ roles: ['warehouse'], warehouse: 'HZ1' });
      case 'analyst':
      case 'logistics':
      case 'security':
        return good({ roles: [as] });
      case 'unsigned':
        return `${encode({ ...header, alg: 'none' })}.${encode(claims)}.`;
      case 'signed-with-public-key': {
        const text = `${encode({ ...header, alg: 'HS256' })}.${encode(claims)}`;
        return `${text}.${createHmac('sha256', JSON.stringify({ ...jwk, d: undefined }))
          .update(text)
          .digest('base64url')}`;
      }
      case 'signed-by-another':
        return forge(other, header, claims);
      case 'changed':
        return good({}).replace(/\..*\./, `.${encode({ ...claims, roles: ['security'] })}.`);
      case 'unknown-key':
        return unusual({ kid: 'another' });
      case 'key-by-path':
        return unusual({ kid: '../../../../dev/null' });
      case 'key-of-its-own':
        return forge(other, { ...header, jwk: other.jwk }, claims);
      case 'key-by-address':
        return forge(other, { ...header, jku: 'https://evil.example/jwks.json' }, claims);
      case 'critical':
        return unusual({ crit: ['b64'], b64: false });
      case 'identity-token':
        return unusual({ typ: 'JWT' });
      case 'expired':
        return good({ iat: now - 900, exp: now - 300 });
      case 'not-yet':
        return good({ nbf: now + 300 });
      case 'endless':
        return good({ exp: undefined });
      case 'far-end':
        return good({ exp: now + 90_000_000 });
      case 'other-audience':
        return good({ aud: 'another' });
      case 'other-issuer':
        return good({ iss: 'https://evil.example' });
      case 'toolless':
        return good({ client_id: undefined });
      case 'invisible':
        return good({ sub: `${person}\u200b` });
      case 'roleless':
        return good({ roles: [] });
      case 'stranger':
        return good({ roles: ['superuser'] });
      case 'two-roles':
        return good({ roles: ['support-agent', 'analyst'] });
      case 'tool':
        return good({ sub: 'desk' });
      case 'regionless':
        return good({ region: undefined });
      case 'regions':
        return good({ region: ['华东', '华南'] });
      case 'homeless':
        return good({ roles: ['warehouse'] });
      default:
        throw new Error(`nobody is ${as}`);
    }
  };
}

async function query<Row extends object>(url: string, text: string): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(text)).rows;
  } finally {
    await client.end();
  }
}

async function aGoodRead(gateway: OpenedGateway): Promise<string> {
  const [row] = await query<{ order_no: string }>(
    gateway.ordersUrl,
    `SELECT order_no FROM shop.orders WHERE region = '华东' ORDER BY order_id LIMIT 1`,
  );
  const who = { role: 'support-agent', sub: 'wang', claims: { region: '华东' } };
  const answer = await gateway.get(`/rest/orders?order_no=eq.${row!.order_no}`, who);
  t.equal(answer.status, 200);
  return answer.text();
}

async function entries(gateway: OpenedGateway): Promise<EntryBody[]> {
  const rows = await query<{ body: string }>(
    gateway.store.superuserUrl,
    'SELECT body FROM weir.entries ORDER BY at, writer, number',
  );
  return rows.map(({ body }) => JSON.parse(body) as EntryBody);
}

/** Every table of the shop, what exists in either database, and all of the gateway's own that a refusal must leave alone. */
async function digests(gateway: OpenedGateway): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  const add = async (url: string, table: string, where = '') => {
    const [row] = await query<{ digest: string | null }>(
      url,
      `SELECT md5(string_agg(t::text, E'\\n' ORDER BY t::text)) AS digest FROM ${table} AS t ${where}`,
    );
    found[`${new URL(url).pathname} ${table}`] = row!.digest ?? 'empty';
  };
  for (const table of ['orders', 'order_items', 'customers', 'shipments'])
    await add(gateway.ordersUrl, `shop.${table}`);
  for (const table of ['read_digests', 'seen', 'policy_sets'])
    await add(gateway.store.superuserUrl, `weir.${table}`);
  await add(gateway.store.superuserUrl, 'weir_migrations.applied');
  for (const url of [gateway.ordersUrl, gateway.store.superuserUrl]) {
    for (const [catalog, members] of [
      ['pg_class', 'oid, relname, relacl, relkind, relowner'],
      ['pg_proc', 'oid, proname, proacl, prosrc'],
      ['pg_attribute', 'attrelid, attname, atttypid'],
      ['pg_trigger', 'oid, tgname, tgenabled'],
      ['pg_namespace', 'oid, nspname, nspacl'],
      ['pg_db_role_setting', '*'],
    ])
      await add(url, `(SELECT ${members} FROM pg_catalog.${catalog})`);
    found[`${new URL(url).pathname} large objects`] = JSON.stringify(
      await query(url, 'SELECT count(*)::int FROM pg_largeobject_metadata'),
    );
  }
  return found;
}

/** What must never be in an error: everything about people, and order and parcel numbers. */
async function valuesOfTheShop(gateway: OpenedGateway): Promise<string[]> {
  const rows = await query<{ value: string }>(
    gateway.ordersUrl,
    `SELECT order_no AS value FROM shop.orders UNION SELECT receiver_name FROM shop.orders UNION SELECT receiver_phone FROM shop.orders
       UNION SELECT address FROM shop.orders UNION SELECT remark FROM shop.orders UNION SELECT tracking_no FROM shop.shipments
       UNION SELECT name FROM shop.customers UNION SELECT phone FROM shop.customers UNION SELECT email FROM shop.customers`,
  );
  return rows.flatMap(({ value }) => (value !== null && value.length > 1 ? [value] : []));
}
