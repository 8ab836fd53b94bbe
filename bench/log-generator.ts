/**
 * Fills an empty gateway database with a log as a gateway would have written it, only faster: the same
 * decisions (decide.ts) and the same SQL, but meters and people stay in memory until the end, and the
 * clock is made up. For measurements and for tests that need a long log.
 */
import { createHash, randomUUID } from 'node:crypto';
import pg from 'pg';
import type { MaskedRows } from '../src/access.js';
import type { MeterNow } from '../src/log/accounts.js';
import { decideBatch, peopleOf, type Decided, type Item } from '../src/log/decide.js';
import { Digester, peopleSpace } from '../src/log/digest.js';
import { Neighbours } from '../src/log/neighbours.js';
import { writeBatch } from '../src/log/sql.js';
import type { Limit } from '../src/policy/model.js';
import { DayClock } from '../src/quota/day-clock.js';
import { Meter } from '../src/quota/meter.js';

export interface GeneratedLog {
  readonly entries: number;
  readonly writers: number;
  readonly people: number;
  readonly customers: number;
  readonly recordsPerRead: number;
  /** Time between two entries. */
  readonly stepMicros: number;
}

export const typicalLog: GeneratedLog = {
  entries: 1_000_000,
  writers: 2,
  people: 200,
  customers: 12_000,
  recordsPerRead: 1,
  stepMicros: 500_000,
};

export const generatedZone = 'Asia/Shanghai';
export const generatedKey = Buffer.alloc(32, 7);
export const generatedEpoch = 'e1';

const batchItems = 1_000;
const policyContent = '{}';
const policyDigest = createHash('sha256').update(policyContent).digest('hex');
const startMicros = Date.parse('2026-09-01T00:00:00Z') * 1000;
const see = {
  order_id: 'clear',
  order_no: 'clear',
  status: 'clear',
  created_at: 'clear',
  receiver_name: 'surname',
  receiver_phone: 'last4',
};
const statement =
  'SELECT order_id, order_no, status, created_at, receiver_name, receiver_phone FROM orders WHERE order_no = $1 LIMIT $2';
const limits: readonly Limit[] = (
  [
    ['queries', 'minute', 600],
    ['records', 'day', 200_000],
    ['people', 'day', 20_000],
    ['misses', 'day', 10],
  ] as const
).map(([count, window, max]) => ({ count, window, max, scope: undefined }));
const thresholds = {
  recordsPerRead: 200,
  recordsPerHour: undefined,
  recordsPerDay: undefined,
  peoplePerRead: undefined,
  peoplePerHour: undefined,
  peoplePerDay: undefined,
  consecutive: undefined,
};

/** @param url of a migrated, empty gateway database, as its owner or the runtime role */
export async function generateLog(url: string, log: GeneratedLog): Promise<void> {
  const client = new pg.Client({ connectionString: url, pipeline: true } as pg.ClientConfig);
  await client.connect();
  try {
    await client.query('SET synchronous_commit = off');
    await new Generator(client, log).run();
  } finally {
    await client.end();
  }
}

class Generator {
  readonly #client: pg.Client;
  readonly #log: GeneratedLog;
  readonly #clock = new DayClock(generatedZone);
  readonly #neighbours = new Neighbours();
  readonly #digester = new Digester(generatedKey, generatedEpoch);
  readonly #meters = new Map<number, MeterNow>();
  readonly #actors: { actorId: string; meterId: number; meterKey: string }[] = [];
  readonly #writers: { id: string; nextNumber: number; lastAt: number }[] = [];
  #now = startMicros;
  #random = 1;

  constructor(client: pg.Client, log: GeneratedLog) {
    this.#client = client;
    this.#log = log;
  }

  async run(): Promise<void> {
    await this.#enterPeople();
    await this.#client.query('INSERT INTO weir.policy_sets (digest, content) VALUES ($1, $2)', [
      policyDigest,
      policyContent,
    ]);
    for (let i = 0; i < this.#log.writers; i++) {
      const id = randomUUID();
      await this.#client.query('INSERT INTO weir.meters (key) VALUES ($1)', [`writer:${id}`]);
      this.#writers.push({ id, nextNumber: 1, lastAt: 0 });
      await this.#write(i, [{ kind: 'open', context: undefined, zone: generatedZone, version: '0.1.0' }]);
    }
    let left = this.#log.entries - 2 * this.#log.writers;
    // The meters are written once, at the end: that is what makes it fast.
    for (let batch = 0; left > 0; batch++) {
      const size = Math.min(left, batchItems);
      await this.#write(
        batch % this.#log.writers,
        Array.from({ length: size }, () => this.#item()),
      );
      left -= size;
    }
    for (let i = 0; i < this.#log.writers; i++) await this.#write(i, [{ kind: 'close', context: undefined }]);
    await this.#writeMeters();
    await this.#client.query('ANALYZE weir.entries, weir.read_digests').catch(() => undefined);
  }

  async #enterPeople(): Promise<void> {
    for (let i = 0; i < this.#log.people; i++) {
      const actorId = randomUUID();
      await this.#client.query(
        `INSERT INTO weir.actors (actor_id, issuer, kind, subject, display_name) VALUES ($1, 'https://id.example', 'person', $2, $3)`,
        [actorId, `person.${i}`, `Person ${i}`],
      );
      const meterKey = `actor:${actorId}`;
      const { rows } = await this.#client.query(
        'INSERT INTO weir.meters (key) VALUES ($1) RETURNING meter_id',
        [meterKey],
      );
      const meterId = Number(rows[0].meter_id);
      this.#actors.push({ actorId, meterId, meterKey });
      this.#meters.set(meterId, { meter: Meter.empty(), people: new Map<string, number>() });
    }
  }

  #item(): Item {
    const actor = this.#actors[this.#draw(this.#actors.length)]!;
    const context = {
      request: randomUUID(),
      door: 'rest' as const,
      route: 'GET /rest/orders',
      actor: actor.actorId,
      tool: 'support-desk',
      role: 'support-agent',
      policy: policyDigest,
      statement,
    };
    if (this.#draw(50) === 0) return { kind: 'refusal', context, error: 'pin-required' };
    const keys: string[] = [];
    const subjectKeys: string[] = [];
    for (let i = 0; i < this.#log.recordsPerRead; i++) {
      const order = this.#draw(this.#log.customers * 4);
      keys.push(String(order));
      subjectKeys.push(String(order % this.#log.customers));
    }
    const subjects = this.#digester.digest(peopleSpace, 'person', subjectKeys);
    const rows = {
      width: 6,
      values: keys.map((key) => [key]),
      recordKeys: keys,
      subjectKeys,
      part: 0,
      last: true,
    };
    return {
      kind: 'read',
      context,
      actor,
      table: 'orders',
      see,
      rows: rows as unknown as MaskedRows,
      digests: {
        count: keys.length,
        bytes: Buffer.concat([this.#digester.digest('orders', 'record', keys), subjects]),
        people: peopleOf(subjects),
      },
      epoch: generatedEpoch,
      limits,
      thresholds,
      personal: true,
      lookups: 0,
      bytes: 80 * keys.length,
    };
  }

  async #write(writerIndex: number, items: readonly Item[]): Promise<void> {
    const writer = this.#writers[writerIndex]!;
    const decided: Decided = {
      outcomes: [],
      entries: [],
      digests: [],
      charged: new Map(),
      touched: [],
    };
    for (const item of items) {
      this.#now += this.#log.stepMicros;
      const position = { writer: writer.id, nextNumber: writer.nextNumber++, lastAt: writer.lastAt };
      const one = decideBatch([item], this.#meters, this.#now, position, this.#clock, this.#neighbours);
      writer.lastAt = one.entries[0]!.at;
      decided.entries.push(...one.entries);
      decided.digests.push(...one.digests);
    }
    await Promise.all(
      writeBatch(writer.id, decided, new Map()).map(({ name, text, values }) =>
        this.#client.query({ name: name!, text, values: [...values!] }),
      ),
    );
  }

  async #writeMeters(): Promise<void> {
    for (const [meterId, { meter }] of this.#meters) {
      if (meter.sequence > 0) {
        await this.#client.query('UPDATE weir.meters SET state = $2 WHERE meter_id = $1', [
          meterId,
          meter.encode(),
        ]);
      }
    }
  }

  /** The same numbers every time: xorshift32. */
  #draw(below: number): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return (x >>> 0) % below;
  }
}
