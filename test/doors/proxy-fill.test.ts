/** Requests that the gateway fills with clear values: they reach the service, are on the log before, and never reach the caller. */
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import pg from 'pg';
import t, { type Test } from 'tap';
import { weir } from '../cli/weir-process.js';
import { withRoles, type Ruled } from '../corridor/with-roles.js';
import { json, startUpstream, type Handler, type Upstream } from './proxy-site.js';

const catalog = `services:
  telephony:
    prefix: /telephony
    upstream: { env: TELEPHONY_URL }
    routes:
      - match: POST /calls
        fill:
          table: orders
          by: order_no
          body: { to: receiver_phone, orderId: order_id, orderNo: order_no, channel: { value: voice } }
          pass: [from]
        record: callId
        headers: [x-line]
      - { match: POST /hangup, body: [callId], record: callId }
    fields: { callId: none, status: none, to: phone }
  labels:
    prefix: /labels
    upstream: { env: LABELS_URL }
    routes:
      - match: POST /print
        fill:
          table: orders
          by: order_no
          body: { receiver.name: receiver_name, receiver.address: address }
        record: labelId
    fields: { labelId: none }
`;

const orders = `tables:
  orders:
    find_by: [order_no]
    only: { region: claim.region }
    see: { order_id: clear, status: clear }
`;
const services = `services:
  telephony:
    fill: [POST /calls]
    see: { callId: clear, status: clear, to: last4 }
  labels:
    fill: yes
    see: { labelId: clear }
`;
const roles = {
  caller: `for: people
${orders}${services}per_request: 50
limits: { records: 500 per day, fills: 3 per day, misses: 2 per day }
`,
  reasoning: `for: people
${orders}${services}per_request: 50
limits: { records: 500 per day, fills: 3 per day }
reason: [call, return]
ticket: optional
`,
  nightly: `for: services
hours: always
networks: [127.0.0.0/8]
${orders.replace('    only: { region: claim.region }\n', '')}${services}per_request: 50
limits: { records: 500 per day, fills: 3 per day }
`,
  writer: `for: people
${orders.replace('order_id: clear', 'order_id: clear, order_no: clear')}services: { telephony: { write: yes, see: { callId: clear } } }
per_request: 50
limits: { records: 500 per day }
`,
};

interface Order {
  readonly order_id: string;
  readonly order_no: string;
  readonly receiver_phone: string;
  readonly receiver_name: string;
  readonly address: string;
}

interface Desk extends Ruled {
  readonly telephony: Upstream;
  readonly labels: Upstream;
  readonly order: Order;
  readonly elsewhere: Order;
  post(
    url: string,
    body: unknown,
    who?: { role?: string; sub?: string | null; headers?: Record<string, string> },
  ): Promise<{ status: number; text: string; headers: Headers }>;
}

const ringing: Handler = json({ callId: 'c-1', status: 'ringing' }, 201);

async function openDesk(t: Test): Promise<Desk> {
  const [telephony, labels] = [await startUpstream(t), await startUpstream(t)];
  telephony.answer = ringing;
  const site = await withRoles(t, roles, {
    environment: { TELEPHONY_URL: telephony.url, LABELS_URL: labels.url },
    prepare: async (directory) => {
      const file = path.join(directory, 'catalog.yaml');
      const text = await readFile(file, 'utf8');
      // Looked up by who does not see it.
      const found = text.replace(
        'order_no: order-number',
        'order_no: { class: order-number, lookup: [exact] }',
      );
      await writeFile(file, found + catalog);
    },
  });
  const orderOf = async (region: string): Promise<Order> =>
    (
      await site.rows<Order>(
        `SELECT order_id::text, order_no, receiver_phone, receiver_name, address FROM shop.orders
          WHERE region = $1 AND receiver_phone ~ '^1[0-9]{10}$' ORDER BY order_id LIMIT 1`,
        [region],
      )
    )[0]!;
  return {
    ...site,
    telephony,
    labels,
    order: await orderOf('华东'),
    elsewhere: await orderOf('华南'),
    async post(url, body, { role = 'caller', sub = 'li', headers = {} } = {}) {
      const token = await site.token({ role, sub: sub ?? undefined, claims: { region: '华东' } });
      const response = await fetch(`${site.address}${url}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { status: response.status, text: await response.text(), headers: response.headers };
    },
  };
}

const code = (answer: { text: string }): string =>
  ((JSON.parse(answer.text) as { type?: string }).type ?? '').replace('urn:weir:error:', '');

void t.test(
  'the clear value reaches the service, after it is on the log, and never the caller',
  async (t) => {
    const desk = await openDesk(t);
    const { order, telephony, labels } = desk;
    const logged: unknown[] = [];
    // What is on the log by the time that the service is called: nothing that happens later can take it back.
    telephony.answer = (request, response, body) => {
      const client = new pg.Client(desk.store.superuserUrl);
      void client
        .connect()
        .then(() => client.query('SELECT body FROM weir.entries ORDER BY at'))
        .then(({ rows }) => {
          logged.push(...(rows as { body: string }[]).map((row) => JSON.parse(row.body) as unknown));
          return client.end();
        })
        .then(() =>
          json({ callId: 'c-1', status: 'ringing', to: order.receiver_phone }, 201)(request, response, body),
        );
    };
    const answer = await desk.post('/telephony/calls', { order_no: order.order_no, from: '8017' });
    t.equal(answer.status, 201);
    t.same(JSON.parse(answer.text), {
      callId: 'c-1',
      status: 'ringing',
      to: `****${order.receiver_phone.slice(-4)}`,
    });
    const [asked] = telephony.asked;
    t.same(JSON.parse(asked!.body), {
      from: '8017',
      to: order.receiver_phone,
      orderId: Number(order.order_id),
      orderNo: order.order_no,
      channel: 'voice',
    });
    t.equal(asked!.url, '/calls');
    t.match(asked!.headers, { 'content-type': 'application/json', 'weir-principal': /^ey/ });

    const fill = {
      kind: 'fill',
      door: 'proxy',
      route: 'POST /telephony/calls',
      role: 'caller',
      statement: 'orders?select=receiver_phone,order_id&order_no=eq&limit=2',
      fill: {
        service: 'telephony',
        table: 'orders',
        see: { receiver_phone: 'clear', order_id: 'clear' },
        part: 0,
        last: false,
        records: 1,
        reserves: 1,
      },
      // Its answer shows a phone number, masked: one record more.
      charge: { amounts: { queries: 1, records: 2, lookups: 1, people: [1], fills: 1 } },
      limits: [
        ['records', 'day', 500],
        ['fills', 'day', 3],
        ['misses', 'day', 2],
      ],
    };
    t.match(logged.at(-1), fill, 'recorded and charged before it was sent');
    t.match((await desk.entries()).slice(-2), [
      fill,
      {
        kind: 'read',
        read: { table: 'telephony.calls', part: 1, last: true, records: 1, reserved: 1 },
        charge: { amounts: { bytes: Number } },
      },
    ]);

    labels.answer = json({ labelId: 'l-1', receiver: order.receiver_name });
    t.match(await desk.post('/labels/print', { order_no: order.order_no }), {
      status: 200,
      text: '{"labelId":"l-1"}',
    });
    t.same(JSON.parse(labels.asked[0]!.body), {
      receiver: { name: order.receiver_name, address: order.address },
    });
    const cwd = t.testdir({ 'weir.yaml': JSON.stringify(desk.config) });
    const told = await weir(['why', answer.headers.get('weir-request-id')!], { cwd });
    t.match(told.out, /outcome {2}released 1 row of orders to telephony, not to the caller\n/);
    t.match(told.out, /outcome {2}released 1 row of telephony.calls, part 2\n/);
    const hungUp = await desk.post('/telephony/hangup', { callId: 'c-1' }, { role: 'writer' });
    const wrote = await weir(['why', hungUp.headers.get('weir-request-id')!], { cwd });
    t.match(
      wrote.out,
      /outcome {2}forwarded a write of telephony\.hangup to telephony, which names callId\n/,
    );
    const writes = await weir(['log', 'show', '--kind', 'write'], { cwd });
    t.match(writes.out, /forwarded to telephony +[0-9a-f]/);
    t.equal(writes.out.trim().split('\n').length, 2, 'a heading, and the one write');
    const shown = await weir(['log', 'show', '--record', `orders/${order.order_id}`], { cwd });
    t.match(
      shown.out,
      /released to labels +[0-9a-f]/,
      'who has used this order, and that they did not see it',
    );
    t.match(shown.out, /released to telephony/);

    const log = JSON.stringify(await desk.entries()) + JSON.stringify(desk.observed);
    for (const value of [order.receiver_phone, order.receiver_name, order.address, order.order_no])
      t.notOk(log.includes(value), 'on no log');
    t.same(await desk.faults(), []);
  },
);

void t.test('how often, and of what, is bounded', async (t) => {
  const desk = await openDesk(t);
  const { order, elsewhere, telephony } = desk;
  const call = (orderNo: string, who = {}) => desk.post('/telephony/calls', { order_no: orderNo }, who);
  for (const other of [elsewhere.order_no, 'WR0000000000000']) {
    const answer = await call(other);
    t.match(answer, { status: 404 }, 'whether there is none, or none for the role');
    t.equal(code(answer), 'record-not-found');
  }
  t.equal(
    code(await call(order.order_no)),
    'limit-reached',
    'misses are used up, and found or not is not told',
  );
  for (const time of [1, 2, 3])
    t.equal((await call(order.order_no, { sub: 'wang' })).status, 201, `call ${time}`);
  const fourth = await call(order.order_no, { sub: 'wang' });
  t.equal(fourth.status, 429);
  t.match(fourth.text, /3 fills per day/);
  t.equal(code(await call('WR0000000000000', { sub: 'wang' })), 'limit-reached', 'found or not is not told');
  t.equal(telephony.asked.length, 3, 'what is refused does not reach the service');
  t.equal((await call(order.order_no, { role: 'nightly', sub: null })).status, 201, 'a service too');
  const misses = (await desk.entries()).filter(({ fill }) => fill?.records === 0);
  t.match(misses, [
    {
      fill: { service: 'telephony', last: true, reserves: undefined },
      charge: { amounts: { lookups: 1, misses: 1 } },
    },
    {},
  ]);
  t.same(await desk.faults(), []);
});

void t.test('what cannot be recorded is not sent', async (t) => {
  const desk = await openDesk(t);
  const { order, telephony, store } = desk;
  const body = { order_no: order.order_no };
  t.equal((await desk.post('/telephony/calls', body)).status, 201);
  const owner = new pg.Client(store.superuserUrl);
  await owner.connect();
  t.teardown(() => owner.end());
  await owner.query(`REVOKE INSERT ON weir.entries FROM ${new URL(store.runtimeUrl).username}`);
  t.equal(code(await desk.post('/telephony/calls', body)), 'log-unavailable');
  t.equal(telephony.asked.length, 1);
});

void t.test('who may, with what reason, and with which body', async (t) => {
  const desk = await openDesk(t);
  const { order, telephony } = desk;
  const body = { order_no: order.order_no };
  const refused = async (expected: string, ...ask: Parameters<Desk['post']>) => {
    const answer = await desk.post(...ask);
    t.equal(code(answer), expected);
    t.notOk(answer.text.includes(order.receiver_phone));
  };
  await refused('not-permitted', '/telephony/calls', body, { role: 'writer' });
  await refused('not-permitted', '/telephony/hangup', { callId: 'c-1' });
  await refused('route-unknown', '/labels/print', body, { role: 'writer' });
  await refused('reason-required', '/telephony/calls', body, { role: 'reasoning' });
  await refused('query-invalid', '/telephony/calls?to=1', body);
  for (const [wrong, expected] of [
    [{}, 'value-invalid'],
    [{ order_no: '' }, 'value-invalid'],
    [{ order_no: 1.5 }, 'value-invalid'],
    [{ order_no: null }, 'value-invalid'],
    [{ order_no: 'x'.repeat(1001) }, 'value-invalid'],
    [{ ...body, to: '13800000000' }, 'field-unknown'],
    [{ ...body, channel: 'text' }, 'field-unknown'],
    [{ order_no: { eq: 'x' } }, 'field-unknown'],
    [{ order_no: [order.order_no] }, 'field-unknown'],
    ['{"order_no":"a","order_no":"b"}', 'request-malformed'],
    ['[]', 'request-malformed'],
    ['{', 'request-malformed'],
  ] as const)
    await refused(expected, '/telephony/calls', wrong);
  t.same(telephony.asked, []);
  const withReason = { role: 'reasoning', headers: { 'weir-reason': 'call', 'weir-ticket': 'CS-1' } };
  t.equal((await desk.post('/telephony/calls', body, withReason)).status, 201);
  const fill = (await desk.entries()).find(({ fill }) => fill?.service === 'telephony');
  t.match(fill, { reason: 'call', ticket: 'CS-1' });
  t.same(await desk.faults(), []);
});

void t.test('a service that tells the value instead of using it is refused', async (t) => {
  const desk = await openDesk(t);
  const { order, telephony } = desk;
  const phone = order.receiver_phone;
  const spaced = `${phone.slice(0, 3)} ${phone.slice(3, 7)}-${phone.slice(7)}`;
  const wide = [...phone].map((digit) => String.fromCharCode(digit.charCodeAt(0) + 0xfee0)).join('');
  const tellings: Handler[] = [
    json({ callId: 'c', status: phone }),
    json({ callId: 'c', status: `calling +86 ${spaced} now` }),
    json({ callId: 'c', status: `calling ${wide}` }),
    json({ callId: 'c', status: Number(phone) }),
    json({ callId: phone }),
    json({ callId: 'c', status: 'ringing' }, 200, { 'x-line': phone }),
    json({ error: `no route to ${phone}` }, 400),
    json({ error: phone }, 409),
    json({ error: phone, stack: phone }, 500),
    json(`{"callId":"${phone}`),
  ];
  for (const [index, telling] of tellings.entries()) {
    telephony.answer = telling;
    const answer = await desk.post('/telephony/calls', { order_no: order.order_no }, { sub: `li.${index}` });
    t.ok([409, 422, 502].includes(answer.status), `${answer.status} ${code(answer)}`);
    const all = answer.text + JSON.stringify([...answer.headers]);
    for (const spelling of [phone, spaced, wide]) t.notOk(all.includes(spelling));
  }
  const fills = (await desk.entries()).filter(({ fill }) => fill?.service === 'telephony');
  t.equal(fills.length, tellings.length, 'each was released to the service all the same, and is on the log');
  t.notMatch(JSON.stringify(desk.observed), phone);
  t.same(await desk.faults(), []);
});

void t.test('a service that echoes what it is passed does not tell whether that is the value', async (t) => {
  const desk = await openDesk(t);
  const { order, telephony } = desk;
  telephony.answer = (request, response, body) => {
    const { from } = JSON.parse(body) as { from: string };
    json({ callId: 'c', status: `from ${from}` }, 201)(request, response, body);
  };
  const right = order.receiver_phone;
  const wrong = `${right.slice(0, 5)}${(Number(right[5]) + 1) % 10}${right.slice(6)}`;
  for (const [index, from] of [wrong, right, `${wrong} ${right}`].entries()) {
    const answer = await desk.post(
      '/telephony/calls',
      { order_no: order.order_no, from },
      { sub: `li.${index}` },
    );
    t.equal(answer.status, 201);
    t.equal((JSON.parse(answer.text) as { status: string }).status, `from ${from}`);
  }
  t.same(await desk.faults(), []);
});

void t.test('what differs only in the value that is filled in answers byte for byte alike', async (t) => {
  const desks = [await openDesk(t), await openDesk(t)] as const;
  const [one, other] = desks;
  await other.rows('UPDATE shop.orders SET receiver_phone = $1 WHERE order_id = $2', [
    '13999998888',
    one.order.order_id,
  ]);
  for (const handler of [ringing, json({ error: 'busy' }, 400), json({ error: 'busy' }, 503), json('{')]) {
    const answers = await Promise.all(
      desks.map(async (desk) => {
        desk.telephony.answer = handler;
        const { status, text, headers } = await desk.post('/telephony/calls', {
          order_no: one.order.order_no,
        });
        const volatile = ['date', 'weir-request-id'];
        return {
          status,
          text: text.replace(headers.get('weir-request-id') ?? '-', ''),
          headers: [...headers].filter(([name]) => !volatile.includes(name)),
        };
      }),
    );
    t.same(answers[0], answers[1]);
  }
  const numbers = desks.map((desk) => (JSON.parse(desk.telephony.asked[0]!.body) as { to: string }).to);
  t.same(numbers, [one.order.receiver_phone, '13999998888'], 'each service got its own');
});
