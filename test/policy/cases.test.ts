import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import t, { type Test } from 'tap';
import { gatewayConfig, policiesDirectory } from '../support/gateway.js';
import { weir } from '../cli/weir-process.js';

const { config } = await gatewayConfig(t);
const cwd = t.testdir({ 'weir.yaml': '' });
writeFileSync(path.join(cwd, 'weir.yaml'), JSON.stringify(config));

/** The example set with places of its files changed. */
function changedSet(t: Test, changes: Record<string, [string, string][]> = {}) {
  const directory = t.testdir({});
  cpSync(policiesDirectory, directory, { recursive: true });
  for (const [name, edits] of Object.entries(changes)) {
    const file = path.join(directory, name);
    let text = readFileSync(file, 'utf8');
    for (const [from, to] of edits) {
      if (!text.includes(from)) throw new Error(`${from} does not stand in ${name}`);
      text = text.replace(from, () => to);
    }
    writeFileSync(file, text);
  }
  return directory;
}

const run = (directory: string, ...more: string[]) =>
  weir(['policy', 'test', '--dir', directory, ...more], { cwd });

void t.test('every case of the example policies holds, and every role has some', async (t) => {
  const { code, out } = await run(policiesDirectory, '--json');
  const results = out
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { role: string; differences: string[] });
  t.strictSame(
    results.filter(({ differences }) => differences.length > 0),
    [],
  );
  t.equal(code, 0);
  t.strictSame(
    [...new Set(results.map(({ role }) => role))],
    ['analyst', 'logistics', 'policy-owner', 'security', 'support-agent', 'warehouse'],
  );
  t.match(await run(policiesDirectory), { code: 0, out: /^\d+ cases, all hold\n$/ });
});

void t.test('a policy that shows more than its cases say is told, with the line of the case', async (t) => {
  const loosened = changedSet(t, {
    'roles/support-agent.yaml': [
      ['receiver_phone: last4', 'receiver_phone: middle'],
      ['only: { region: claim.region } # orders', '# orders'],
      ['find_by: [order_no, receiver_phone]', 'browse: yes\n    find_by: [order_no, receiver_phone]'],
    ],
  });
  const { code, out } = await run(loosened);
  t.equal(code, 1);
  t.match(
    out,
    /tests\/support-agent\.yaml:6 support-agent: finds the order .*\n {4}row 1: receiver_phone is "138\*\*\*\*1234" and not "\*\*\*\*1234"\n/,
  );
  t.match(out, /cannot scroll through a list\n {4}the status is 200 and not 403/);
  t.match(out, /cannot read the orders of another region\n {4}1 rows came and not 0/);
  t.match(out, /\d+ cases, \d+ do not hold\n$/);
});

void t.test('a service that a role sees more of is told by record and field', async (t) => {
  const loosened = changedSet(t, {
    'roles/warehouse.yaml': [
      ['    only: { warehouse: claim.warehouse } # parcels', '    # parcels'],
      ['receiver.phone: middle', 'receiver.phone: last4'],
    ],
    'roles/analyst.yaml': [['      labels.*: clear\n', '']],
  });
  const { code, out } = await run(loosened);
  t.equal(code, 1);
  for (const told of [
    /warehouse: browses the parcels of the own warehouse.*\n {4}2 records came and not 1\n {4}services were asked \[GET \/shipments\] and not \[GET \/shipments\?warehouse=HZ1\]\n/,
    /warehouse: sees a parcel of another warehouse as one that does not exist\n {4}the code is none and not record-not-found\n/,
    /warehouse: changes no parcel of another warehouse\n(.*\n)? {4}services were asked \[PATCH \/shipments\/2\]/,
    /record 1: receiver\.phone is "\*\*\*\*1234" and not "138\*\*\*\*1234"/,
    /analyst: counts parcels.*\n {4}the fields are \[id, [^\n]*quantity, \$\.total, \$\.page\] and not \[/,
    /record 2 has no labels\.\*/,
  ])
    t.match(out, told);
});

void t.test('no row of the order database is ever read', async (t) => {
  const known = changedSet(t, {
    'tests/analyst.yaml': [
      ['    rows: [{ region: 华东, registered_at: 2024-03 }]\n', '    rows: [{ region: 华东 }]\n'],
    ],
  });
  t.match(await run(known), { code: 0 }, 'the shop has hundreds of customers, the rows of the cases one');
});

void t.test('a case that tests nothing is refused, with its line and what to write instead', async (t) => {
  const faulty = changedSet(t, {
    'tests/security.yaml': [
      ['role: security', 'role: securty'],
      ['    status: 200\n', ''],
    ],
    'tests/rows.yaml': [
      ['  shipments:', '  shipment:'],
      ['  telephony:', '  telefony:'],
      ['{ $.total: 2, ', '{ $.totel: 2, '],
    ],
    'tests/logistics.yaml': [
      ['call: GET /fulfilment/shipments/1', 'call: FETCH /fulfilment/shipments/1'],
      [
        'PATCH /fulfilment/shipments/2\n    body: { status',
        'DELETE /fulfilment/shipments/2\n    body: { status',
      ],
    ],
    'tests/analyst.yaml': [['get: customers', 'got: customers']],
  });
  const { code, err } = await run(faulty);
  t.equal(code, 1);
  const told = err
    .split('\n')
    .filter((line) => line.includes('tests/'))
    .map((line) => line.slice(line.indexOf('tests/')));
  t.strictSame(told, [
    'tests/analyst.yaml:9:5 the case asks nothing, or two things — write get: <what is asked>, reveal: <table>/<key>/reveal/<column>, or call: <method and address of a service>',
    'tests/analyst.yaml:10:5 unknown key "got" — write get',
    'tests/logistics.yaml:60:11 call cannot be "FETCH /fulfilment/shipments/1" — write a call of a service, for example PATCH /fulfilment/shipments/1',
    'tests/logistics.yaml:68:5 what is asked here has no body — write call: POST, PUT or PATCH, or remove the body',
    'tests/rows.yaml:55:3 unknown table "shipment" — write shipments',
    'tests/rows.yaml:70:15 "$.totel" is no field around the records — write $.total',
    'tests/rows.yaml:111:3 unknown service "telefony" — write telephony',
    'tests/security.yaml:2:7 unknown role "securty" — write security',
    'tests/security.yaml:4:5 the case expects nothing of the answer — add columns, rows, status or code',
  ]);
});

void t.test('limits are charged as the gateway charges them, each case by somebody new', async (t) => {
  const agent = 'roles/support-agent.yaml';
  const looser = await run(
    changedSet(t, { [agent]: [['queries: 60 per minute', 'queries: 90 per minute']] }),
  );
  t.match(looser.out, /asks as often as the work takes.*\n {4}the code is none and not limit-reached\n/);
  const tighter = await run(
    changedSet(t, { [agent]: [['queries: 60 per minute', 'queries: 20 per minute']] }),
  );
  t.match(
    tighter.out,
    /\n {4}request 21 of the 60 before it was refused \(limit-reached: the limit of 20 queries per minute is used up/,
  );
  t.match(tighter.out, /\n\d+ cases, 1 do not hold\n$/, 'what others of the file read is not charged to it');
});

void t.test('a case may be asked at a time, for roles that have hours', async (t) => {
  const at = (title: string, time: string, expected: string) =>
    `  - { title: ${title}, get: /admin/alerts, at: '${time}', ${expected} }\n`;
  const cases =
    at('by day', '2026-11-20T10:00+08:00', 'status: 200') +
    at('by night', '2026-11-20T23:00+08:00', 'code: outside-hours');
  const set = changedSet(t, {
    'roles/security.yaml': [['may: [alerts, approve]', 'may: [alerts]\nhours: 08:00-20:00 Asia/Shanghai']],
    'tests/security.yaml': [['cases:\n', `cases:\n${cases}`]],
  });
  const { out } = await run(set, '--json');
  const results = out.split('\n').filter((line) => /by (day|night)/.test(line));
  t.equal(results.length, 2);
  for (const line of results) t.match(JSON.parse(line), { differences: [] });
  const wrong = changedSet(t, {
    'tests/security.yaml': [['cases:\n', `cases:\n${at('x', 'noon', 'status: 200')}`]],
  });
  t.match(await run(wrong), { code: 1, err: /write a time with its zone/ });
});
