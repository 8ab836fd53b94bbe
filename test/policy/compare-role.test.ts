/**
 * How a role may ask, compared: each change is looser one way and not the other; and whatever two roles are, where
 * the new one lets something pass that the old one refused, the change is told as looser.
 */
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { loosenings } from '../../src/policy/compare.js';
import { loadKept, loadPolicies, type LoadedPolicies } from '../../src/policy/load.js';
import { limitsInForce } from '../../src/policy/limits-in-force.js';
import type { RolePolicy } from '../../src/policy/model.js';
import { purposeOf } from '../../src/policy/purpose.js';
import { revealingRole } from '../../src/policy/reveal.js';
import { refuseOutside } from '../../src/policy/working-hours.js';
import { writeSet } from './policy-files.js';

type Keys = Readonly<Record<string, unknown>>;

/** Sets that differ in the role's own keys only, without a file for each. */
async function setsOf(t: Test): Promise<(keys: Keys) => LoadedPolicies> {
  const { content } = await loadPolicies(await writeSet(t));
  const kept = JSON.parse(content) as { roles: { agent: Keys & { tables: { orders: Keys } } } };
  return ({ grant, ...keys }) => {
    const { agent } = kept.roles;
    const orders = { ...agent.tables.orders, ...(grant as Keys | undefined) };
    const role = { ...agent, ...keys, tables: { orders } };
    return loadKept('0'.repeat(64), JSON.stringify({ ...kept, roles: { agent: role } }));
  };
}

const bounded = { records: '500 per day' };

/** Each is looser read forwards, and nothing is looser read backwards. */
const changes: readonly (readonly [title: string, before: Keys, after: Keys, told: RegExp])[] = [
  ['no reason any more', { reason: ['call'] }, {}, /reads without a reason — write reason: \[call\]/],
  ['a reason more', { reason: ['call'] }, { reason: ['call', 'fun'] }, /another reason, fun — remove fun/],
  ['no ticket any more', { ticket: 'optional' }, {}, /no longer recorded — write optional/],
  ['a ticket that is optional', { ticket: 'required' }, { ticket: 'optional' }, /reads without a ticket/],
  [
    'a longer day',
    { hours: '09:00-17:00 UTC' },
    { hours: '08:00-17:00 UTC' },
    /other hours — write 09:00-17/,
  ],
  ['a night shift', { hours: '22:00-02:00 UTC' }, { hours: '22:00-06:00 UTC' }, /at other hours/],
  ['any time', { hours: '09:00-17:00 UTC' }, {}, /reads at any time/],
  ['always', { hours: '09:00-17:00 UTC' }, { hours: 'always' }, /reads at any time/],
  [
    'a wider network',
    { networks: ['10.0.0.0/16'] },
    { networks: ['10.0.0.0/8'] },
    /another network, 10\.0\.0\.0\/8/,
  ],
  ['anywhere', { networks: ['10.1.0.0/16'] }, {}, /reads from anywhere/],
  [
    'more time',
    { cost: { statement_seconds: 2 } },
    { cost: { statement_seconds: 3 } },
    /3 instead of 2 \(statement_seconds\)/,
  ],
  ['all the time', { cost: { statement_seconds: 2 } }, {}, /as much as there is instead of 2/],
  ['more at once', { cost: { concurrent: 2 } }, {}, /100 instead of 2 \(concurrent\)/],
  [
    'more of the role',
    { cost: { concurrent_role: 2 } },
    { cost: { concurrent_role: 3 } },
    /\(concurrent_role\)/,
  ],
  ['a larger share', {}, { cost: { pool_share: 80 } }, /80 instead of 75 \(pool_share\)/],
  [
    'a limit that is only watched',
    { limits: { ...bounded, queries: '5 per day' } },
    { limits: { ...bounded, queries: [{ limit: '5 per day', observe: 'yes' }] } },
    /no limit on queries per day/,
  ],
  [
    'a watched limit that is raised',
    { limits: { ...bounded, queries: [{ limit: '5 per day', observe: 'yes' }] } },
    { limits: { ...bounded, queries: [{ limit: '6 per day', observe: 'yes' }] } },
    /flagged from 6 .* not from 5/,
  ],
  [
    'a watched limit that is gone',
    { limits: { ...bounded, queries: [{ limit: '5 per day', observe: 'yes' }] } },
    { limits: bounded },
    /flagged from no number/,
  ],
  [
    'a limit of a tool that is gone',
    { limits: { ...bounded, queries: [{ limit: '5 per day', per: 'tool' }] } },
    { limits: bounded },
    /has no limit on queries per day of each tool — write \{limit: 5 per day, per: tool\}/,
  ],
  [
    'a limit of a token that is raised',
    { limits: { ...bounded, queries: [{ limit: '5 per day', per: 'token' }] } },
    { limits: { ...bounded, queries: [{ limit: '6 per day', per: 'token' }] } },
    /may reach 6 queries per day of each token instead of 5 — write \{limit: 5 per day, per: token\}/,
  ],
  [
    'a watched limit of a tool that is raised',
    { limits: { ...bounded, queries: [{ limit: '5 per day', per: 'tool', observe: 'yes' }] } },
    { limits: { ...bounded, queries: [{ limit: '6 per day', per: 'tool', observe: 'yes' }] } },
    /flagged from 6 .* not from 5 — write \{limit: 5 per day, per: tool, observe: yes\}/,
  ],
  [
    'last digits',
    {},
    { grant: { find_by: ['order_no', 'receiver_phone', { receiver_phone: 'last4' }] } },
    /by the last four digits of receiver_phone — remove \{receiver_phone: last4\}/,
  ],
  [
    'a column to reveal',
    { reason: ['call'], ticket: 'optional' },
    { reason: ['call'], ticket: 'optional', grant: { reveal: { receiver_phone: '1 per day' } } },
    /orders\.receiver_phone revealed/,
  ],
  [
    'more reveals',
    { reason: ['call'], ticket: 'optional', grant: { reveal: { receiver_phone: '1 per day' } } },
    { reason: ['call'], ticket: 'optional', grant: { reveal: { receiver_phone: '2 per day' } } },
    /2 per day instead of 1 per day/,
  ],
];

void t.test('how a role may ask is looser one way, and not the other', async (t) => {
  const setOf = await setsOf(t);
  for (const [title, before, after, told] of changes) {
    const [was, now] = [setOf(before), setOf(after)];
    const found = loosenings(was, now);
    t.match(found.map(({ message, hint }) => `${message} — ${hint}`).join('\n'), told, title);
    t.equal(found.length, 1, title);
    t.strictSame(loosenings(now, was), [], `${title}, taken back`);
  }
});

const limitedFor = (per: string): Keys => ({
  limits: { ...bounded, queries: [{ limit: '5 per day', per }] },
});

void t.test('what cannot be compared is looser either way', async (t) => {
  const setOf = await setsOf(t);
  const pairs: readonly (readonly [Keys, Keys])[] = [
    [{ hours: '09:00-17:00 UTC' }, { hours: '09:00-17:00 Asia/Shanghai' }],
    [{ hours: '08:00-12:00 UTC' }, { hours: '12:00-16:00 UTC' }],
    [{ networks: ['10.0.0.0/8'] }, { networks: ['::ffff:10.0.0.0/104'] }],
    [{ ticket: { need: 'required', pattern: 'CS-*' } }, { ticket: { need: 'required', pattern: 'CS-#*' } }],
    [{ reason: ['call'] }, { reason: ['return'] }],
    [limitedFor('person'), limitedFor('tool')],
    [limitedFor('tool'), limitedFor('token')],
  ];
  for (const [one, other] of pairs) {
    t.not(loosenings(setOf(one), setOf(other)).length, 0, JSON.stringify(one));
    t.not(loosenings(setOf(other), setOf(one)).length, 0, JSON.stringify(other));
  }
});

const optional = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined, freq: 2 });
const words = fc.subarray(['call', 'return', 'fun'], { minLength: 1 });
const need = fc.constantFrom('required', 'optional');
const patterns = ['CS-*', 'CS-##', '*'];
const hour = fc.constantFrom('00:00', '06:00', '08:30', '17:00', '22:00');
const blocks = [
  '10.0.0.0/8',
  '10.0.0.0/16',
  '10.1.0.0/16',
  '10.1.2.3',
  '192.168.0.0/24',
  '::1',
  '2001:db8::/32',
];
const few = fc.integer({ min: 1, max: 4 });
const rate = fc.tuple(few, fc.constantFrom('hour', 'day')).map(([max, window]) => `${max} per ${window}`);
const limit = fc.oneof(
  rate,
  fc.record({ limit: rate, scope: fc.constantFrom('a', 'b', 'c') }),
  fc.record({ limit: rate, observe: fc.constant('yes') }),
  fc.record({ limit: rate, per: fc.constantFrom('tool', 'token') }),
);

/** Everything that may stand in one limit's place: what stands twice would be refused. */
const limits = fc
  .array(limit, { maxLength: 4 })
  .map((list) => [
    ...new Map(
      list.map((each) => {
        const { limit: text, ...rest } = typeof each === 'string' ? { limit: each } : each;
        return [JSON.stringify([text.split(' per ')[1], rest]), each] as const;
      }),
    ).values(),
  ])
  .map((queries) => ({ ...bounded, ...(queries.length === 0 ? {} : { queries }) }));

const keys = fc
  .record({
    reason: optional(words),
    ticket: optional(fc.oneof(need, fc.record({ need, pattern: fc.constantFrom(...patterns) }))),
    hours: optional(
      fc
        .tuple(hour, hour, fc.constantFrom('UTC', 'Asia/Shanghai'))
        .map(([from, to, zone]) => (from === to ? 'always' : `${from}-${to} ${zone}`)),
    ),
    networks: optional(fc.subarray(blocks, { minLength: 1 })),
    cost: optional(
      fc
        .record(
          { statement_seconds: few, concurrent: few, concurrent_role: few, pool_share: few },
          { requiredKeys: [] },
        )
        .filter((cost) => Object.keys(cost).length > 0),
    ),
    limits,
    reveal: optional(
      fc.record({ receiver_phone: rate, address: rate }, { requiredKeys: ['receiver_phone'] }),
    ),
  })
  .map(({ reveal, ...rest }): Keys => {
    const needed =
      reveal === undefined
        ? rest
        : { ...rest, reason: rest.reason ?? ['call'], ticket: rest.ticket ?? 'optional' };
    const given = Object.fromEntries(Object.entries(needed).filter(([, value]) => value !== undefined));
    return reveal === undefined ? given : { ...given, grant: { reveal } };
  });

const addresses = [
  '10.0.2.3',
  '10.1.2.3',
  '10.1.9.9',
  '10.9.9.9',
  '192.168.0.7',
  '8.8.8.8',
  '::1',
  '2001:db8::7',
  '::ffff:10.1.2.3',
];
const tickets = [undefined, 'CS-1', 'CS-12', 'x', '13812345678'];
const scopes = [[], ['a'], ['b'], ['c'], ['a', 'b'], ['a', 'b', 'c']];
const days = Array.from({ length: 48 }, (_, half) => Date.UTC(2026, 10, 20, 0, half * 30 + 1) * 1000);

const passes = (work: () => unknown): boolean => {
  try {
    work();
    return true;
  } catch {
    return false;
  }
};

/** What the role lets pass, asked of the code that enforces it. */
function allowed(role: RolePolicy): Map<string, number> {
  const found = new Map<string, number>();
  const orders = role.tables.get('orders')!;
  for (const reason of [undefined, 'call', 'return', 'fun'])
    for (const ticket of tickets) {
      const asked = { reason, ticket };
      if (passes(() => purposeOf(role, asked))) found.set(`reads ${reason} ${ticket}`, 1);
      for (const [column, { max, window }] of orders.reveal ?? [])
        if (passes(() => purposeOf(revealingRole(role), asked)))
          found.set(`reveals ${column} ${window} ${reason} ${ticket}`, max);
    }
  const anywhere = { ...role, networks: undefined };
  for (const micros of days)
    if (passes(() => refuseOutside(anywhere, { address: '::1' }, micros))) found.set(`at ${micros}`, 1);
  const anytime = { ...role, hours: undefined };
  for (const address of addresses)
    if (passes(() => refuseOutside(anytime, { address }, 0))) found.set(`from ${address}`, 1);
  for (const held of scopes) {
    const inForce = limitsInForce(role, held).filter(({ observe }) => observe !== true);
    for (const window of ['hour', 'day'])
      for (const per of [undefined, 'tool', 'token']) {
        const these = inForce.filter((l) => l.count === 'queries' && l.window === window && l.per === per);
        found.set(
          `queries ${window} ${per} ${held.join()}`,
          Math.min(Infinity, ...these.map(({ max }) => max)),
        );
      }
  }
  const { cost } = role;
  found.set('seconds', cost?.statementMs ?? Infinity);
  found.set('concurrent', cost?.concurrent ?? 100);
  found.set('concurrent_role', cost?.concurrentRole ?? Infinity);
  found.set('share', cost?.poolShare ?? 75);
  return found;
}

void t.test('a loosening is never taken for a tightening', async (t) => {
  const setOf = await setsOf(t);
  let looser = 0;
  let tighter = 0;
  fc.assert(
    fc.property(
      keys,
      keys,
      fc.array(fc.constantFrom('reason', 'ticket', 'hours', 'networks', 'cost', 'limits', 'grant')),
      (one, two, changed) => {
        // Often only some keys differ, so that neither every pair is looser nor every pair the same.
        const mixed = {
          ...one,
          ...Object.fromEntries(Object.entries(two).filter(([key]) => (changed as string[]).includes(key))),
        };
        let sets: readonly [LoadedPolicies, LoadedPolicies];
        try {
          sets = [setOf(one), setOf(mixed)];
        } catch {
          return; // no set that could come into force
        }
        const [was, now] = sets.map(({ set }) => allowed(set.roles.get('agent')!)) as [
          Map<string, number>,
          Map<string, number>,
        ];
        const more = [...now].filter(([what, much]) => much > (was.get(what) ?? 0));
        const found = loosenings(...sets);
        if (more.length === 0) tighter++;
        else looser++;
        if (more.length > 0 && found.length === 0)
          throw new Error(`not told: ${more.map(([what]) => what).join('; ')}`);
      },
    ),
    { numRuns: 500, seed: 20_261_122 },
  );
  t.ok(looser > 100, `${looser} let more pass`);
  t.ok(tighter > 100, `${tighter} do not`);
});
