/**
 * Two gateways over two order databases that differ only in what a role must not see, and requests sent to
 * both. What is compared is everything that a client can see, never sorted.
 */
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../src/config/schema.js';
import type { DemoIssuer } from '../../src/demo/issuer.js';
import { withClient } from '../../src/demo/databases.js';
import { openGateway } from '../../src/gateway.js';
import { createMetrics } from '../../src/observe/metrics.js';
import { loadPolicies } from '../../src/policy/load.js';
import type { Teardown } from '../support/cluster.js';
import { freshDatabase } from '../support/database.js';
import { gatewayConfig, nowhere, policiesDirectory, reasonOf } from '../support/gateway.js';
import { changeHidden } from './hidden-change.js';
import { generate, groundOf, seeded, type GeneratedRequest, type Ground, type Random } from './requests.js';

/**
 * Scrolls through masked lists, as no role of the project's may: where much is shown of much that is masked, order
 * and filters have the most to tell.
 */
const lister = `
role: lister
about: Scrolls through masked lists, for the twins
owner: tests
for: people
tables:
  orders:
    browse: yes
    find_by: [order_no, receiver_phone]
    only: { region: claim.region }
    see:
      order_id: clear
      order_no: clear
      customer_id: clear
      status: clear
      amount: clear
      created_at: clear
      receiver_name: surname
      receiver_phone: middle
      address: district
  customers:
    browse: yes
    see:
      customer_id: clear
      name: surname
      phone: last4
      region: clear
  shipments:
    browse: yes
    see:
      shipment_id: clear
      order_id: clear
      tracking_no: clear
      address: province
      receiver_phone: last4
      status: clear
  order_items:
    find_by: [item_id]
    see:
      item_id: clear
      order_id: clear
      title: clear
  order_tags:
    browse: yes
    only: { open: "yes" }
    see: { order_tag_id: clear, order_id: clear, tag_id: clear, depot_region: clear, depot_code: clear }
  tags:
    browse: yes
    see: { tag_id: clear, word: clear, contact: last4, keeper: surname, hotline: clear }
  depots:
    browse: yes
    see: { depot_id: clear, region: clear, code: clear, keeper: surname }
per_request: 100
limits: { queries: 1 per minute }
`;

/** Tables that the shop has not: a junction, and a key of two columns. */
const moreTables = `
  order_tags:
    from: shop.order_tags
    record: order_tag_id
    columns: { order_tag_id: none, order_id: none, tag_id: none, depot_region: none, depot_code: none, open: none }
  tags:
    from: shop.tags
    record: tag_id
    columns: { tag_id: none, word: none, contact: phone, keeper: name, hotline: phone }
  depots:
    from: shop.depots
    record: depot_id
    columns: { depot_id: none, region: none, code: none, keeper: name }
`;

/** @param hidden the tag of the rows that the role's filter hides: each twin has another one */
const moreRows = (hidden: number): string => `
  CREATE TABLE shop.tags (tag_id bigint PRIMARY KEY, word text, contact text, keeper text, hotline text);
  INSERT INTO shop.tags SELECT n, 'word ' || n % 4, '1381234' || 1000 + n, (ARRAY['张三', '李四', '王五'])[1 + n % 3], '0571888800' || 10 + n
    FROM generate_series(1, 9) AS n;
  CREATE TABLE shop.depots (depot_id bigint PRIMARY KEY, region text NOT NULL, code text NOT NULL, keeper text, UNIQUE (region, code));
  INSERT INTO shop.depots SELECT n, (ARRAY['华东', '华南'])[1 + n % 2], 'D' || n, (ARRAY['张三', '李四', '王五'])[1 + n % 3]
    FROM generate_series(1, 8) AS n;
  CREATE TABLE shop.order_tags (order_tag_id bigint PRIMARY KEY, order_id bigint NOT NULL REFERENCES shop.orders,
    tag_id bigint NOT NULL REFERENCES shop.tags, depot_region text, depot_code text, open text NOT NULL,
    UNIQUE (order_id, tag_id), FOREIGN KEY (depot_region, depot_code) REFERENCES shop.depots (region, code));
  INSERT INTO shop.order_tags SELECT order_id * 10 + n, order_id, CASE n WHEN 3 THEN ${hidden} ELSE 1 + (order_id + n) % 7 END,
      region, code, CASE n WHEN 3 THEN 'no' ELSE 'yes' END
    FROM shop.orders CROSS JOIN generate_series(1, 3) AS n
    LEFT JOIN (SELECT region AS at, code FROM shop.depots WHERE depot_id < 5) AS d ON at = orders.region AND code = 'D' || 1 + n
   WHERE order_id % 3 > 0;
  UPDATE shop.order_tags SET depot_region = NULL WHERE depot_code IS NULL;
  CREATE INDEX ON shop.order_tags (tag_id);
  CREATE INDEX ON shop.order_tags (depot_region, depot_code);
  GRANT SELECT ON shop.tags, shop.depots, shop.order_tags TO weir_reader;
  ANALYZE shop.tags, shop.depots, shop.order_tags;
`;

/** Roles that read orders, with the claims that their row filters ask for. */
export const twinRoles: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'support-agent': { region: '华东' },
  warehouse: { warehouse: 'HZ1' },
  analyst: {},
  logistics: {},
  lister: { region: '华东' },
};

export interface Twins {
  readonly role: string;
  readonly ground: Ground;
  /** How many hidden values differ. */
  readonly changed: number;
  readonly one: { readonly config: Config; readonly issuer: DemoIssuer };
  readonly two: { readonly config: Config; readonly issuer: DemoIssuer };
}

/** The databases; gateways are opened over them by compareTwins. */
export async function makeTwins(t: Teardown, role: string): Promise<Twins> {
  const policies = await generousPolicies(t);
  const { set } = await loadPolicies(policies);
  const policy = set.roles.get(role)!;
  const claims = twinRoles[role]!;
  const a = await freshDatabase(t, { template: 'shop' });
  const b = await freshDatabase(t, { template: 'shop' });
  await withClient(a.url, (client) => client.query(moreRows(8)));
  await withClient(b.url, (client) => client.query(moreRows(9)));
  const changed = await changeHidden(b.url, policy, claims, 'changed');
  await changeHidden(a.url, policy, claims, 'same');
  const configured = async (db: typeof a) => {
    const { config, issuer } = await gatewayConfig(t, {
      policies,
      config: (c) => ({ ...c, orders: { ...c.orders, url: db.urlFor('weir_reader') } }),
    });
    return { config, issuer };
  };
  return {
    role,
    changed,
    ground: await groundOf(a.url, set.catalog, policy, claims),
    one: await configured(a),
    two: await configured(b),
  };
}

export interface Comparison {
  readonly requests: number;
  readonly accepted: number;
  readonly withRows: number;
  /** What was wrong first: answers that differ, a forbidden request that was accepted, a failure of the gateway's own. */
  readonly fault: string | undefined;
}

/** Two gateways' ground and what is asked of both. */
export interface Sides {
  readonly role: string;
  readonly claims: Readonly<Record<string, string>>;
  readonly one: Twins['one'];
  readonly two: Twins['two'];
  readonly generate: (random: Random) => GeneratedRequest;
  /** Requests in flight at once, on each side. */
  readonly lanes: number;
  /** How often a request is repeated whose answer came too late on either side. */
  readonly repeats: number;
  /** Statuses of 500 and more that are an answer, not a failure of the gateway's own. */
  readonly failing: ReadonlySet<number>;
}

export interface CompareOptions {
  readonly requests: number;
  readonly seed: number;
  /** Another build of the gateway than this checkout's. */
  readonly open?: typeof openGateway;
  readonly onProgress?: (done: number) => void;
}

const plain = { lanes: 4, repeats: 0, failing: new Set<number>() };

export function compareTwins(twins: Twins, options: CompareOptions): Promise<Comparison> {
  const { role, one, two, ground } = twins;
  const generated = (random: Random): GeneratedRequest => generate(random, ground);
  return compareSides({ role, claims: twinRoles[role]!, one, two, generate: generated, ...plain }, options);
}

export async function compareSides(both: Sides, options: CompareOptions): Promise<Comparison> {
  const { requests, seed, open = openGateway, onProgress } = options;
  const { role, claims } = both;
  const sides = await Promise.all(
    [both.one, both.two].map(async ({ config, issuer }) => {
      const gateway = open(config, {
        environment: nowhere,
        demo: true,
        metrics: createMetrics({ process: false }),
        observe: () => undefined,
      });
      const address = await gateway.start();
      const token = () => issuer.mint({ role, sub: 'li', claims });
      return { gateway, address, bearer: await token(), reason: reasonOf({ role }), token };
    }),
  );
  const random = seeded(seed);
  const sum = { requests: 0, accepted: 0, withRows: 0 };
  let fault: string | undefined;
  const lane = async (): Promise<void> => {
    while (sum.requests < requests && fault === undefined) {
      // Tokens live for minutes, a long run for longer.
      if (++sum.requests % 5_000 === 0) for (const side of sides) side.bearer = await side.token();
      const request = both.generate(random);
      const ask = (): Promise<Seen[]> => Promise.all(sides.map((side) => answerOf(side, request)));
      let [left, right] = await ask();
      // On a slow machine one of the two may find its log or its service late. That is not about what is seen.
      for (let again = 0; again < both.repeats && (isLate(left!) || isLate(right!)); again++)
        [left, right] = await ask();
      if (left!.status < 300) sum.accepted++;
      if (left!.rows) sum.withRows++;
      const wrong = faultOf(request, left!, right!, both.failing);
      if (wrong !== undefined)
        fault ??= `${wrong}: ${request.method} ${decodeURIComponent(request.path)} ${JSON.stringify(request.headers)} ${decodeURIComponent(request.body ?? '')}\n${left!.seen}\n${right!.seen}`;
      onProgress?.(sum.requests);
    }
  };
  try {
    await Promise.all(Array.from({ length: both.lanes }, lane));
  } finally {
    await Promise.all(sides.map(({ gateway }) => gateway.drain(AbortSignal.abort())));
  }
  return { ...sum, fault };
}

interface Seen {
  readonly status: number;
  readonly rows: boolean;
  readonly seen: string;
}

async function answerOf(
  { address, bearer, reason }: { readonly address: string; readonly bearer: string; readonly reason: object },
  { path, method, headers, body }: GeneratedRequest,
): Promise<Seen> {
  const response = await fetch(address + path, {
    method,
    redirect: 'manual',
    headers: { authorization: `Bearer ${bearer}`, ...reason, ...headers },
    ...(body === undefined ? {} : { body }),
  });
  const id = response.headers.get('weir-request-id')!;
  const kept = [...response.headers].filter(([name]) => !['date', 'weir-request-id'].includes(name));
  const text = await response.text();
  const csv = response.headers.get('content-type')?.startsWith('text/csv') === true;
  const rows = response.status < 300 && (csv ? /\r\n[\s\S]/.test(text) : text !== '' && text !== '[]');
  return {
    status: response.status,
    rows,
    seen: `${response.status}\n${JSON.stringify(kept)}\n${text.replaceAll(id, 'ID')}`,
  };
}

function isLate({ status }: Seen): boolean {
  return status === 503 || status === 504;
}

function faultOf(
  { forbidden }: GeneratedRequest,
  left: Seen,
  right: Seen,
  failing: ReadonlySet<number>,
): string | undefined {
  if (left.seen !== right.seen) return 'the twins answer differently';
  if (left.status >= 500 && !failing.has(left.status)) return 'the gateway failed';
  return forbidden !== undefined && left.status < 400 ? `${forbidden} was accepted` : undefined;
}

/** The project's policies without limits in the way: this is about what is seen, not how much. */
async function generousPolicies(t: Teardown): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'weir-policies-'));
  t.teardown(() => rm(directory, { recursive: true, force: true }));
  await cp(policiesDirectory, directory, { recursive: true });
  await writeFile(join(directory, 'roles', 'lister.yaml'), lister);
  const catalog = join(directory, 'catalog.yaml');
  await writeFile(
    catalog,
    (await readFile(catalog, 'utf8')).replace(/^tables:\n/m, `tables:${moreTables.trimEnd()}\n\n`),
  );
  for (const file of await readdir(join(directory, 'roles'))) {
    const path = join(directory, 'roles', file);
    const text = await readFile(path, 'utf8');
    await writeFile(
      path,
      text.replace(
        /^limits:[\s\S]*?(?=^\S|(?![\s\S]))/m,
        'limits: { records: 900000000 per day, fills: 900000000 per day }\n',
      ),
    );
  }
  return directory;
}
