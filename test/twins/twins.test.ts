/**
 * Nothing leaks: two order databases that differ only in what a role must not see answer every request of
 * that role byte for byte the same, headers and errors included. Changed in place, never sorted before comparing.
 */
import t from 'tap';
import type { DemoToken } from '../../src/demo/issuer.js';
import { loadPolicies } from '../../src/policy/load.js';
import { freshDatabase } from '../support/database.js';
import { policiesDirectory, startGateway, type OpenedGateway } from '../support/gateway.js';
import { changeHidden } from './hidden-change.js';
import { generate, seeded, vocabularyOf } from './requests.js';

const requestsPerRole = Number(process.env.TWIN_REQUESTS ?? 400);
const { set } = await loadPolicies(policiesDirectory);

const roles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'support-agent': { region: '华东' },
  warehouse: { warehouse: 'HZ1' },
  analyst: {},
  logistics: {},
};

/** Everything that a client can see, but for what differs between any two requests. */
async function seen(
  gateway: OpenedGateway,
  path: string,
  who: DemoToken | string,
  headers: Record<string, string>,
): Promise<{ status: number; bytes: string }> {
  const response = await gateway.get(path, who, headers);
  const id = response.headers.get('weir-request-id')!;
  const kept = [...response.headers].filter(([name]) => !['date', 'weir-request-id'].includes(name));
  return {
    status: response.status,
    bytes: `${response.status}\n${JSON.stringify(kept)}\n${(await response.text()).replaceAll(id, 'ID')}`,
  };
}

for (const [name, claims] of Object.entries(roles)) {
  void t.test(`${name}: twins answer the same to ${requestsPerRole} generated requests`, async (t) => {
    const role = set.roles.get(name)!;
    const [one, two] = [
      await freshDatabase(t, { template: 'shop' }),
      await freshDatabase(t, { template: 'shop' }),
    ];
    const changed = await changeHidden(two.url, role, claims, 'changed');
    await changeHidden(one.url, role, claims, 'same');
    t.ok(changed > 1000, `${changed} hidden values differ`);
    const orders = (db: typeof one) => ({
      config: (c: OpenedGateway['config']) => ({
        ...c,
        orders: { ...c.orders, url: db.urlFor('weir_reader') },
      }),
    });
    const a = await startGateway(t, { policies: await generousPolicies(t), ...orders(one) });
    const b = await startGateway(t, { policies: await generousPolicies(t), ...orders(two) });
    const who = { role: name, sub: 'li', claims };
    const [tokenA, tokenB] = [await a.token(who), await b.token(who)];

    const visible = new Map([...role.tables].map(([table, policy]) => [table, [...policy.see.keys()]]));
    const pins = new Map(
      [...role.tables].map(([table, policy]) => [
        table,
        policy.findBy.find((column) => policy.see.get(column) === 'clear'),
      ]),
    );
    const lookups = new Set(
      [...role.tables].flatMap(([table, policy]) =>
        policy.findBy.filter((c) => policy.see.get(c) !== 'clear').map((c) => `${table}.${c}`),
      ),
    );
    const vocabulary = await vocabularyOf(one.url, set.catalog, role, claims);
    const random = seeded(20_261_122);
    let accepted = 0;
    let withRows = 0;
    let differing: string | undefined;
    for (let i = 0; i < requestsPerRole && differing === undefined; i++) {
      const request = generate(random, set.catalog, vocabulary, visible, pins, lookups);
      const [left, right] = await Promise.all([
        seen(a, request.path, tokenA, { ...request.headers }),
        seen(b, request.path, tokenB, { ...request.headers }),
      ]);
      if (left.status < 300) accepted++;
      if (left.status < 300 && !/\n(\[\])?$/.test(left.bytes)) withRows++;
      if (left.bytes !== right.bytes)
        differing = `${request.path} ${JSON.stringify(request.headers)}\n${left.bytes}\n${right.bytes}`;
    }
    t.equal(differing, undefined, 'no request tells the twins apart');
    t.ok(accepted >= requestsPerRole * 0.4, `${accepted} accepted`);
    t.ok(withRows >= requestsPerRole * 0.2, `${withRows} gave rows`);
  });
}

/** The project's policies without limits in the way: this is about what is seen, not how much. */
async function generousPolicies(t: { teardown(work: () => unknown): void }): Promise<string> {
  const { cp, mkdtemp, readdir, readFile, rm, writeFile } = await import('node:fs/promises');
  const { tmpdir } = await import('node:os');
  const { join } = await import('node:path');
  const directory = await mkdtemp(join(tmpdir(), 'weir-policies-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await cp(policiesDirectory, directory, { recursive: true });
  for (const file of await readdir(join(directory, 'roles'))) {
    const path = join(directory, 'roles', file);
    const text = await readFile(path, 'utf8');
    await writeFile(
      path,
      text.replace(/^limits:[\s\S]*?(?=^\S|(?![\s\S]))/m, 'limits: { records: 900000000 per day }\n'),
    );
  }
  return directory;
}
