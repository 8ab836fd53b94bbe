/** docs/log-format.md says of entries what src/log/entry.ts declares and what a gateway writes. */
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import t from 'tap';
import ts from 'typescript';
import { Digester, peopleSpace } from '../../src/log/digest.js';
import type { EntryBody } from '../../src/log/entry.js';
import { readEntry } from '../../src/log/read-entry.js';
import { EntryReader } from '../../src/log/verify-quick.js';
import { withClient } from '../../src/demo/databases.js';
import { json, startUpstream } from '../doors/proxy-site.js';
import { nowhere, policiesDirectory, startGateway } from '../support/gateway.js';
import { rowOf } from './verify-rows.js';
import { readEntries, verify } from './verify-sample.js';

const doc = await readFile(new URL('../../docs/log-format.md', import.meta.url), 'utf8');
const examples = [...doc.matchAll(/^```json\n([^]*?)^```/gm)].map(
  ([, text]) => JSON.parse(text!) as EntryBody,
);
/** Rows of its tables of members: name → example. */
const described = new Map(
  [...doc.matchAll(/^\| `([a-z.]+)` +\| `(.*?)` +\| .*\|$/gm)].map(([, member, example]) => [
    member!,
    example!,
  ]),
);

/** "read.part" and the like of every member that entry.ts declares. */
async function declaredMembers(): Promise<string[]> {
  const file = new URL('../../src/log/entry.ts', import.meta.url);
  const source = ts.createSourceFile('entry.ts', await readFile(file, 'utf8'), ts.ScriptTarget.Latest);
  const members = new Map<string, string[]>();
  source.forEachChild((node) => {
    if (!ts.isInterfaceDeclaration(node)) return;
    const bases = (node.heritageClauses ?? []).flatMap(({ types }) =>
      types.map((type) => type.getText(source)),
    );
    members.set(node.name.text, [
      ...bases.flatMap((base) => members.get(base) ?? []),
      ...node.members.map((member) => (member.name as ts.Identifier).text),
    ]);
  });
  const inside = (prefix: string, name: string): string[] =>
    members.get(name)!.map((member) => `${prefix}.${member}`);
  return [
    ...members.get('EntryContext')!,
    ...members.get('EntryBody')!,
    ...inside('read', 'EntryRead'),
    ...inside('write', 'EntryWrite'),
    ...inside('fill', 'EntryFill'),
    ...inside('charge', 'EntryCharge'),
  ];
}

function membersOf(entry: EntryBody): string[] {
  return Object.entries(entry).flatMap(([name, value]) => {
    const inside =
      typeof value === 'object' && !Array.isArray(value)
        ? Object.keys(value as object).map((inner) => `${name}.${inner}`)
        : [];
    return [name, ...inside];
  });
}

const valueOf = (entry: EntryBody, member: string): unknown =>
  member
    .split('.')
    .reduce<unknown>((value, name) => (value as Record<string, unknown> | undefined)?.[name], entry);

void t.test('every member of an entry is described, and no other', async (t) => {
  t.same([...described.keys()].sort(), [...new Set(await declaredMembers())].sort());
});

void t.test('the examples are whole entries of every kind, as the verifier accepts them', async (t) => {
  for (const example of examples) t.type(readEntry(JSON.stringify(example)), 'object', example.kind);
  t.same([...new Set(examples.map(({ kind }) => kind))].sort(), [
    'admin',
    'close',
    'fill',
    'heartbeat',
    'open',
    'read',
    'refusal',
    'write',
  ]);
});

/** Said once in words: no example acts through somebody else, or under a role that asks for more. */
const rare = new Set(['act', 'reason', 'ticket', 'read.reveal', 'read.fill', 'fill.reserves']);

void t.test('the example of each member is that of one of the entries', async (t) => {
  for (const [member, text] of described) {
    const values = examples.map((example) => JSON.stringify(valueOf(example, member)));
    if (!rare.has(member)) t.ok(values.includes(text), `${member} = ${text}`);
  }
});

void t.test('the worked digest is what the gateway makes', async (t) => {
  const digester = new Digester(Buffer.alloc(32, 7), 'e1');
  const worked = {
    record: digester.digest('orders', 'record', ['1969']),
    person: digester.digest(peopleSpace, 'person', ['17']),
  };
  t.match(doc, `\`${worked.record.toString('hex')}\``);
  t.match(doc, `\`${worked.person.toString('hex')}\``);
  t.match(doc, createHash('sha256').digest('hex'), 'the hash of nothing');
});

void t.test('a gateway writes entries of exactly the forms that are shown', async (t) => {
  const policies = await mkdtemp(path.join(tmpdir(), 'weir-format-'));
  t.teardown(() => rm(policies, { recursive: true }));
  await cp(policiesDirectory, policies, { recursive: true });
  const alerts = path.join(policies, 'alerts.yaml');
  await writeFile(
    alerts,
    (await readFile(alerts, 'utf8')).replace('records_per_read: 200', 'records_per_read: 3'),
  );
  const [fulfilment, telephony] = [await startUpstream(t), await startUpstream(t)];
  fulfilment.answer = json({
    id: 17,
    customerId: 4,
    warehouse: 'HZ1',
    status: 'held',
    receiver: { phone: '13812341234' },
  });
  telephony.answer = json({ callId: 'c-1', status: 'ringing' });
  const environment = { ...nowhere, FULFILMENT_URL: fulfilment.url, TELEPHONY_URL: telephony.url };
  const { get, gateway, store, address, token, ordersUrl } = await startGateway(t, { policies, environment });
  const packer = { role: 'warehouse', sub: 'zhao.min', claims: { warehouse: 'HZ1' } };
  const agent = { role: 'support-agent', sub: 'li.na', claims: { region: '华东' } };
  for (const limit of [2, 1, 3])
    t.equal((await get(`/rest/orders?order=order_id&limit=${limit}`, packer)).status, 200);
  const inside = 'select=order_id,receiver_name,order_items(title,quantity)&order=order_id&limit=2';
  t.equal((await get(`/rest/orders?${inside}`, packer)).status, 200);
  t.equal((await get('/rest/orders', agent)).status, 403);
  for (let i = 0; i <= 10; i++) await get('/rest/orders?receiver_phone=eq.13800000000', agent);
  const send = async (method: string, url: string, who: typeof packer | typeof agent, body: unknown) =>
    fetch(`${address}${url}`, {
      method,
      headers: {
        authorization: `Bearer ${await token(who)}`,
        'content-type': 'application/json',
        'weir-reason': 'call',
      },
      body: JSON.stringify(body),
    });
  t.equal((await send('PATCH', '/fulfilment/shipments/17', packer, { status: 'held' })).status, 200);
  const orders = await withClient(ordersUrl, (client) =>
    client.query<{ order_no: string }>(`SELECT order_no FROM shop.orders WHERE region = '华东' LIMIT 1`),
  );
  const { order_no } = orders.rows[0]!;
  const other = { ...agent, sub: 'wu.jie' };
  t.equal((await send('POST', '/telephony/calls', other, { order_no })).status, 200);
  t.equal((await get('/admin/alerts', { role: 'security', sub: 'qian' })).status, 200);
  await gateway.drain();

  const entries = await readEntries(store);
  const formOf = (entry: EntryBody): string =>
    `${entry.kind}: ${membersOf(entry)
      // What a role asks for, it asks of each form.
      .filter((member) => member !== 'flags' && member !== 'reason')
      .sort()
      .join()}`;
  const shown = new Set(examples.map(formOf));
  const written = new Set<string>();
  const reader = new EntryReader();
  let recognised = 0;
  let flagged = 0;
  for (const entry of entries) {
    written.add(formOf(entry));
    if (entry.flags !== undefined) flagged++;
    if (reader.quick(rowOf(entry)) !== undefined) recognised++;
    reader.read(rowOf(entry));
  }
  for (const form of written) t.ok(shown.has(form), `an example has ${form}`);
  t.equal(written.size + 1, shown.size, 'and each form but the heartbeat was written');
  t.ok(recognised >= 10, `the verifier recognises reads that are alike (${recognised})`);
  t.equal(flagged, 1, 'one is flagged, as in the example');
  t.match(await verify(store), { ok: true });
});
