/** Limits per tool and per token through the whole gateway: who is refused, in which words, and what stands on the log. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { importJWK, SignJWT, type JWK } from 'jose';
import t from 'tap';
import type { DemoToken } from '../../src/demo/issuer.js';
import { withRoles, type Ruled } from './with-roles.js';

/** @param perRequest no more than any of the limits: such a read would never fit */
const role = (limits: string, perRequest = 1, people = '') => `for: people
tables:
  orders: {browse: yes, see: {order_id: clear, customer_id: clear, receiver_name: surname}}
  order_items: {browse: yes, see: {item_id: clear, order_id: clear, title: clear}}
  customers: {browse: yes, see: {customer_id: clear, name: surname}}
per_request: ${perRequest}
limits:
  records: [5000 per day${limits}]
${people}`;

interface Asked {
  readonly status: number;
  readonly body: { detail?: string; hint?: string; type?: string };
  readonly headers: Headers;
}

/** One token a call, so that whatever is asked with it is asked with the same. */
async function as(gateway: Ruled, token: DemoToken): Promise<(query: string) => Promise<Asked>> {
  return asking(gateway, await gateway.token(token));
}

/** With the issuer's own key, which leaves no `jti` out by itself. */
async function withoutId(
  { issuer, ...gateway }: Ruled,
  role: string,
): Promise<(query: string) => Promise<Asked>> {
  const keyFile = path.join(path.dirname(issuer.jwksFile), 'signing-key.json');
  const jwk = JSON.parse(await readFile(keyFile, 'utf8')) as JWK;
  const claims = { client_id: 'desk', roles: [role], sub: 'li', iss: issuer.issuer, aud: issuer.audience };
  const bearer = await new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: jwk.kid!, typ: 'at+jwt' })
    .setExpirationTime('1h')
    .sign(await importJWK(jwk, 'ES256'));
  return asking(gateway, bearer);
}

function asking(gateway: Pick<Ruled, 'get'>, bearer: string): (query: string) => Promise<Asked> {
  return async (query) => {
    const response = await gateway.get(query, bearer);
    const body = (await response.json().catch(() => ({}))) as Asked['body'];
    return { status: response.status, body, headers: response.headers };
  };
}

const rows = (n: number): string => `/rest/orders?order=order_id&limit=${n}`;

void t.test(
  'what a whole tool may read is refused to all who come through it, and to nobody else',
  async (t) => {
    const gateway = await withRoles(t, {
      desk: role(', {limit: 10 per day, per: tool}', 10),
      hall: role(', {limit: 10 per day, per: tool}', 10),
    });
    const li = await as(gateway, { role: 'desk', sub: 'li', tool: 'support-desk' });
    const wang = await as(gateway, { role: 'desk', sub: 'wang', tool: 'support-desk' });
    t.equal((await li(rows(6))).status, 200);
    t.equal((await wang(rows(3))).status, 200);
    const refused = await wang(rows(2));
    t.match(refused, {
      status: 429,
      body: {
        type: 'urn:weir:error:limit-reached',
        detail: 'the limit of 10 records per day of this tool is used up (1 left)',
      },
    });
    const name = '"10 records per day of this tool"';
    t.equal(refused.headers.get('ratelimit-policy'), `${name};q=10;w=86400`);
    const wait = refused.headers.get('retry-after')!;
    t.ok(Number(wait) > 0 && Number(wait) <= 86_400);
    t.equal(refused.headers.get('ratelimit'), `${name};r=1;t=${wait}`);
    t.equal((await wang(rows(1))).status, 200, 'what is left can be had');
    t.equal((await li(rows(1))).status, 429, 'and then nothing, by nobody');
    const nothing = await li('/rest/orders?order_id=eq.0');
    t.equal(nothing.status, 200, 'what adds no record is within it');

    const other = await as(gateway, { role: 'desk', sub: 'li', tool: 'packing-desk' });
    t.equal((await other(rows(8))).status, 200, 'another tool has its own');
    const hall = await as(gateway, { role: 'hall', sub: 'li', tool: 'support-desk' });
    t.equal((await hall(rows(8))).status, 200, 'and so has the same tool under another role');

    const refusals = (await gateway.entries()).filter(({ kind }) => kind === 'refusal');
    t.same(
      refusals.map(({ limit }) => limit),
      ['10 records per day of this tool', '10 records per day of this tool'],
    );
    t.same(refusals[0]!.limits, [
      ['records', 'day', 5000],
      ['records', 'day', 10, 'tool'],
    ]);
    t.same(await gateway.faults(), []);
  },
);

void t.test('of what several limits say the longest wait is told, and nothing is charged', async (t) => {
  const gateway = await withRoles(t, {
    desk: role(', {limit: 4 per minute, per: token}, {limit: 5 per day, per: tool}, 6 per hour', 4),
  });
  const li = await as(gateway, { role: 'desk', sub: 'li' });
  t.equal((await li(rows(3))).status, 200);
  const short = await li(rows(2));
  t.match(short.body.detail, /^the limit of 4 records per minute of this token is used up \(1 left\)$/);
  t.ok(Number(short.headers.get('retry-after')) <= 61);
  const all = await li(rows(4));
  t.match(all.body.detail, /^the limit of 5 records per day of this tool is used up \(2 left\)$/);
  // A new token begins anew, the tool does not.
  const again = await as(gateway, { role: 'desk', sub: 'li' });
  t.equal((await again(rows(2))).status, 200, 'what was refused was charged to no meter');
  t.match((await again(rows(1))).body.detail, /of this tool/);
  t.same(await gateway.faults(), []);
});

void t.test('a token that cannot be told from others is refused where tokens are limited', async (t) => {
  const gateway = await withRoles(t, {
    desk: role(', {limit: 10 per hour, per: token}'),
    hall: role(''),
  });
  const nameless = (name: string) => withoutId(gateway, name);
  const refused = await (await nameless('desk'))(rows(1));
  t.match(refused, {
    status: 403,
    body: { type: 'urn:weir:error:token-id-required', detail: /^the role desk has limits per token/ },
  });
  t.equal((await (await nameless('hall'))(rows(1))).status, 200);
  const entries = await gateway.entries();
  t.equal(entries.filter(({ error }) => error === 'token-id-required').length, 1, 'it is on the log');
  t.notOk(JSON.stringify(entries).includes('shared'), 'nothing else was charged to a meter that many share');
});

void t.test('rows inside others count for the tool, and so does every chunk of a long answer', async (t) => {
  const gateway = await withRoles(t, {
    desk: role(', {limit: 20 per day, per: tool}', 20, '  people: [{limit: 400 per day, per: tool}]\n'),
    export: role(', {limit: 2300 per day, per: tool}', 1200),
  });
  const li = await as(gateway, { role: 'desk', sub: 'li' });
  const inside = await li(
    '/rest/orders?select=order_id,receiver_name,customers(name)&order=order_id&limit=9',
  );
  t.equal(inside.status, 200);
  t.match((await li(rows(3))).body.detail, /20 records per day of this tool is used up \(2 left\)/);

  const wang = await gateway.token({ role: 'export', sub: 'wang' });
  const read = async () =>
    (await gateway.get('/rest/orders?order=order_id&limit=1200', wang, { accept: 'text/csv' })).text();
  t.equal((await read()).trim().split('\n').length, 1201);
  // Of the second read the first thousand fit, and the rest do not.
  await t.rejects(read(), 'the answer is broken off');

  const entries = await gateway.entries();
  const parts = entries.filter((entry) => entry.role === 'export' && entry.kind === 'read');
  t.same(
    parts.map(({ read: released }) => released!.records),
    [1000, 200, 1000],
  );
  t.equal(entries.at(-1)!.limit, '2300 records per day of this tool');
  t.same(
    parts.map(({ charge }) => charge!.shared![0]![1]),
    parts.map((_, i) => i + 1),
    'each is a charge of its own to the meter of the tool',
  );
  t.same(await gateway.faults(), []);
});

void t.test('a limit of a tool that is only watched flags the read and says whose it was', async (t) => {
  const gateway = await withRoles(t, {
    desk: role(', {limit: 5 per day, per: tool, observe: yes}', 4),
    security: 'for: people\nmay: [alerts]\n',
  });
  for (const sub of ['li', 'wang']) {
    const ask = await as(gateway, { role: 'desk', sub });
    t.equal((await ask(rows(4))).status, 200);
  }
  const flagged = (await gateway.entries()).filter(({ flags }) => flags !== undefined);
  t.same(
    flagged.map(({ flags }) => flags),
    [[['observed records per day of the tool', 8, 5]]],
  );
  const alerts = await (await as(gateway, { role: 'security', sub: 'qian' }))('/admin/alerts');
  t.match(JSON.stringify(alerts.body), /8 records per day of the tool: a limit of 5 would have refused it/);
  t.same(await gateway.faults(), []);
});

void t.test(
  'a limit that changes hands between two reads counts from then on, and the log stays whole',
  async (t) => {
    const before = role(', {limit: 5 per day, per: tool}', 5);
    const gateway = await withRoles(
      t,
      { desk: before },
      {
        config: (config) => ({ ...config, policies: { ...config.policies, approval: 'off' } }),
      },
    );
    const { directory } = gateway.config.policies;
    const li = await as(gateway, { role: 'desk', sub: 'li' });
    const put = async (limits: string): Promise<void> => {
      const { length } = gateway.observed.filter(({ event }) => event === 'policy');
      const head = 'role: desk\nabout: a test\nowner: tests\n';
      await writeFile(path.join(directory, 'roles', 'desk.yaml'), `${head}${role(limits, 5)}`);
      for (
        let tries = 0;
        gateway.observed.filter(({ event }) => event === 'policy').length === length;
        tries++
      ) {
        if (tries > 400) throw new Error('the set was not taken up');
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    };
    t.equal((await li(rows(4))).status, 200);
    t.equal((await li(rows(2))).status, 429);
    await put(', {limit: 5 per day, per: token}');
    t.equal((await li(rows(5))).status, 200, 'the token begins with nothing used up');
    t.match((await li(rows(1))).body.detail, /of this token/);
    await put(', {limit: 5 per day, per: tool}');
    t.match(
      (await li(rows(2))).body.detail,
      /of this tool is used up \(1 left\)/,
      'the tool has what it had',
    );
    t.same(await gateway.faults(), []);
  },
);
