/**
 * A small log as two gateways wrote it through the real AccessLog, and the means to falsify it: as superuser,
 * with the triggers off, which no role of the gateway can do.
 */
import { createHash } from 'node:crypto';
import type pg from 'pg';
import type { Decision } from '../../src/access.js';
import { WeirError } from '../../src/errors.js';
import type { Actor } from '../../src/log/directory.js';
import type { EntryBody } from '../../src/log/entry.js';
import { verifyLog, type Verification, type VerifyOptions } from '../../src/log/verify.js';
import { withClient } from '../../src/demo/databases.js';
import { PolicyRecord } from '../../src/store/policy-record.js';
import {
  decisionFor,
  freshStore,
  openLog,
  perDay,
  perMinute,
  person,
  rowsOf,
  type ReadOptions,
  type Store,
} from './open-log.js';

export const policyContent = '{"catalog":{}}';
export const policyDigest = createHash('sha256').update(policyContent).digest('hex');

/** li reads five times and wang three times through the first writer; wang once more through the second. */
export interface Sample {
  readonly store: Store;
  readonly first: string;
  readonly second: string;
  readonly li: Actor;
  readonly wang: Actor;
  readonly entries: readonly EntryBody[];
  /** "writer/number" of the person's nth read, from 1. */
  read(actor: Actor, nth: number): string;
  bodyOf(entry: string): EntryBody;
}

interface Teardown {
  teardown(work: () => unknown): void;
}

export const liLimits = [perDay('records', 20), perMinute('queries', 10), perDay('people', 15)];

let made: Promise<Sample> | undefined;
const tables = ['entries', 'read_digests', 'policy_sets', 'meters', 'seen', 'actors'];

/** The same sample for every test of a file, each time as it was written. @param t the file's root */
export async function sampleLog(t: Teardown): Promise<Sample> {
  if (made === undefined) {
    made = writeSample(t);
    const { store } = await made;
    await withClient(store.superuserUrl, async (db) => {
      await db.query('CREATE SCHEMA kept');
      for (const table of tables) {
        await db.query(`CREATE TABLE kept.${table} AS TABLE weir.${table}`);
        await db.query(`ALTER TABLE weir.${table} DISABLE TRIGGER ALL`);
      }
    });
  } else {
    const { store } = await made;
    await withClient(store.superuserUrl, async (db) => {
      await db.query(`TRUNCATE ${tables.map((table) => `weir.${table}`).join(', ')}`);
      for (const table of tables)
        await db.query(`INSERT INTO weir.${table} OVERRIDING SYSTEM VALUE TABLE kept.${table}`);
    });
  }
  return made;
}

async function writeSample(t: Teardown): Promise<Sample> {
  const store = await freshStore(t);
  const one = await openLog(t, store.runtimeUrl);
  const two = await openLog(t, store.runtimeUrl);
  await new PolicyRecord(one.pool).keep(policyDigest, policyContent);
  const li = await one.log.directory.identify(person('li'));
  const wang = await one.log.directory.identify({ ...person('wang'), displayName: '王芳' });
  const { log } = one;
  const decide = (name: string, actor: Actor, options: ReadOptions = {}) =>
    sampleDecision(name, actor, { limits: liLimits, ...options });
  await log.record(decide('li', li), li, rowsOf(['1'], ['a']));
  await log.record(decide('wang', wang), wang, rowsOf(['2'], ['b']));
  await log.record(decide('li', li), li, rowsOf(['2', '3', '5'], ['b', null, 'a']));
  const asked = decide('li', li).request;
  await log.recordRefusal(asked, li, new WeirError('pin-required'), {});
  const inParts = decide('wang', wang, { bulk: { recordsPerRead: 2 } });
  await log.record(inParts, wang, rowsOf(['7', '8'], ['c', 'd'], 0, false));
  await log.record(inParts, wang, rowsOf(['9'], ['b'], 1, true));
  await log.record(decide('li', li, { lookups: 1 }), li, rowsOf([], []));
  await log.recordAdministration(asked, li, { role: 'security', policy: policyDigest, statement: 'alerts' });
  await log.record(decide('li', li), li, rowsOf(['1', '4'], ['a', 'e']));
  await two.log.record(decide('wang', wang), wang, rowsOf(['1'], ['a']));
  await log.record(decide('li', li), li, rowsOf(['6'], ['f']));
  await one.log.close();
  await two.log.close();
  const entries = await readEntries(store);
  const [first, second] = [...new Set(entries.map(({ writer }) => writer))] as [string, string];
  const nameOf = ({ writer, number }: EntryBody): string => `${writer}/${number}`;
  return {
    store,
    first,
    second,
    li,
    wang,
    entries,
    read: (actor, nth) =>
      nameOf(entries.filter((entry) => entry.kind === 'read' && entry.actor === actor.actorId)[nth - 1]!),
    bodyOf: (name) => entries.find((entry) => nameOf(entry) === name)!,
  };
}

export function sampleDecision(name: string, actor: Actor, options: ReadOptions): Decision {
  const decision = decisionFor(person(name), actor, options);
  return { ...decision, set: { ...decision.set, digest: policyDigest } };
}

export async function readEntries(store: Store): Promise<EntryBody[]> {
  return withClient(store.superuserUrl, async (db) => {
    const { rows } = await db.query<{ body: string }>('SELECT body FROM weir.entries ORDER BY at');
    return rows.map(({ body }) => JSON.parse(body) as EntryBody);
  });
}

export function verify(store: Store, options: Partial<VerifyOptions> = {}): Promise<Verification> {
  return verifyLog({ source: { url: store.runtimeUrl }, ...options });
}

/** A superuser's hands on the database. */
export class Forger {
  readonly #db: pg.Client;

  constructor(db: pg.Client) {
    this.#db = db;
  }

  async run(sql: string, ...values: unknown[]): Promise<pg.QueryResult> {
    return this.#db.query(sql, values);
  }

  async remove(entry: string): Promise<void> {
    await this.run('DELETE FROM weir.entries WHERE writer = $1 AND number = $2', ...parts(entry));
  }

  async removeList(entry: string): Promise<void> {
    await this.run('DELETE FROM weir.read_digests WHERE writer = $1 AND number = $2', ...parts(entry));
  }

  /** Changes the body and, so that they agree, the columns. */
  async change(entry: string, edit: (body: Mutable) => void): Promise<void> {
    const { rows } = await this.run(
      'SELECT body FROM weir.entries WHERE writer = $1 AND number = $2',
      ...parts(entry),
    );
    const body = JSON.parse((rows[0] as { body: string }).body) as Mutable;
    edit(body);
    await this.run(
      'UPDATE weir.entries SET body = $3, writer = $4, number = $5, at = $6, actor_id = $7, flagged = $8 WHERE writer = $1 AND number = $2',
      ...parts(entry),
      JSON.stringify(body),
      body.writer,
      body.number,
      body.at,
      body.actor ?? null,
      body.flags !== undefined,
    );
  }

  async insert(body: unknown): Promise<void> {
    const { writer, number, at, actor, flags } = body as EntryBody;
    await this.run(
      'INSERT INTO weir.entries (writer, number, at, actor_id, flagged, body) VALUES ($1, $2, $3, $4, $5, $6)',
      writer,
      number,
      at,
      actor ?? null,
      flags !== undefined,
      JSON.stringify(body),
    );
  }

  /** Takes the entry out and closes the gap in its writer's numbers. */
  async removeAndRenumber(entry: string): Promise<void> {
    const [writer, number] = parts(entry);
    await this.remove(entry);
    await this.removeList(entry);
    const { rows } = await this.run(
      'SELECT number FROM weir.entries WHERE writer = $1 AND number > $2 ORDER BY number',
      writer,
      number,
    );
    for (const later of rows as { number: string }[]) {
      await this.change(`${writer}/${later.number}`, (body) => body.number--);
      await this.run(
        'UPDATE weir.read_digests SET number = number - 1 WHERE writer = $1 AND number = $2',
        writer,
        later.number,
      );
    }
  }
}

/** A body that tests write into as they like. */
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type Mutable = any;

/** Falsifies the sample and verifies it. */
export async function forge(
  sample: Sample,
  work: (forger: Forger) => Promise<unknown>,
  options: Partial<VerifyOptions> = {},
): Promise<Verification> {
  await withClient(sample.store.superuserUrl, async (db) => {
    await work(new Forger(db));
  });
  return verify(sample.store, options);
}

function parts(entry: string): [string, number] {
  const [writer, number] = entry.split('/') as [string, string];
  return [writer, Number(number)];
}
