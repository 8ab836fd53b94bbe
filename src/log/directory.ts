/**
 * Principal → pseudonym. The log names people by a random actor id; which person that is stands only
 * in weir.actors, whose rows can be erased. Also makes sure that the actor's meter row exists before a
 * batch wants to lock it (a row that is missing looks like one that is locked). Meters of tools and tokens are
 * entered here too; those of tokens that have long expired are dropped, two for each that comes.
 */
import { and, eq, lt, sql } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Principal } from '../access.js';
import { WeirError } from '../errors.js';
import type { SharedBy } from '../policy/model.js';
import { sharedMeterKey, type SharedMeter } from '../quota/shared-meter.js';
import { actors, meters } from '../store/schema.js';

export interface Actor {
  readonly actorId: string;
  readonly meterId: number;
  readonly meterKey: string;
}

const maxCached = 20_000;
/** More than one, so that what was left behind is caught up with. */
const droppedForEach = 2;

interface KnownMeter extends SharedMeter {
  /** Until then the row is certain to be there; undefined: always. */
  readonly expiresAtMicros: number | undefined;
}

export class Directory {
  readonly #db: NodePgDatabase;
  readonly #deadlineMs: number;
  readonly #known = new Map<string, Actor>();
  readonly #meters = new Map<string, KnownMeter>();
  readonly #entering = new Map<string, Promise<unknown>>();

  /** @param deadlineMs how long somebody who is new to this process waits to be entered at the most */
  constructor(pool: Pool, deadlineMs = 1_000) {
    this.#db = drizzle(pool);
    this.#deadlineMs = deadlineMs;
  }

  /** Without I/O for somebody known to this process. */
  known(principal: Principal): Actor | undefined {
    return this.#known.get(identity(principal));
  }

  /** @throws WeirError log-unavailable */
  async identify(principal: Principal): Promise<Actor> {
    return (
      this.known(principal) ??
      (await this.#remembered(this.#known, identity(principal), () => this.#enter(principal)))
    );
  }

  /** One of each kind, in that order. @throws WeirError log-unavailable */
  async sharedMeters(
    kinds: readonly SharedBy[],
    role: string,
    principal: Principal,
  ): Promise<readonly SharedMeter[]> {
    const meters: SharedMeter[] = [];
    for (const per of kinds) {
      const key = sharedMeterKey(per, role, principal);
      const expiresAtMicros = per === 'token' ? principal.expiresAtMicros : undefined;
      const known = this.#meters.get(key);
      // An issuer that uses an id again for a later token keeps its meter alive.
      const holds = known !== undefined && (expiresAtMicros ?? 0) <= (known.expiresAtMicros ?? Infinity);
      meters.push(
        holds
          ? known
          : await this.#remembered(this.#meters, key, () => this.#enterMeter(per, key, expiresAtMicros)),
      );
    }
    return meters;
  }

  /** Whoever comes while the same is being entered waits for that: a tool has many people. */
  #remembered<T>(cache: Map<string, T>, key: string, enter: () => Promise<T>): Promise<T> {
    const underWay = this.#entering.get(key) as Promise<T> | undefined;
    if (underWay !== undefined) return underWay;
    const entering = this.#entered(cache, key, enter).finally(() => this.#entering.delete(key));
    this.#entering.set(key, entering);
    return entering;
  }

  async #entered<T>(cache: Map<string, T>, key: string, enter: () => Promise<T>): Promise<T> {
    try {
      const entered = await this.#inTime(enter());
      if (cache.size >= maxCached) cache.delete(cache.keys().next().value!);
      cache.set(key, entered);
      return entered;
    } catch (thrown) {
      throw new WeirError('log-unavailable', {
        hint: 'try again shortly',
        retryAfterSeconds: 5,
        cause: thrown,
      });
    }
  }

  /** The pool's own time-outs are for each query; a database that accepts and never answers has several of them. */
  async #inTime<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expired = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error('not entered before the deadline')), this.#deadlineMs);
    });
    try {
      return await Promise.race([work, expired]);
    } finally {
      clearTimeout(timer);
      work.catch(() => {});
    }
  }

  async #enter(principal: Principal): Promise<Actor> {
    const kind = principal.person === undefined ? 'service' : 'person';
    const subject = principal.person ?? principal.tool;
    await this.#db
      .insert(actors)
      .values({
        actorId: randomUUID(),
        issuer: principal.issuer,
        kind,
        subject,
        displayName: principal.displayName ?? null,
      })
      .onConflictDoNothing();
    const [actor] = await this.#db
      .select({ actorId: actors.actorId })
      .from(actors)
      .where(and(eq(actors.issuer, principal.issuer), eq(actors.kind, kind), eq(actors.subject, subject)));
    if (actor === undefined) throw new Error('the actor that was just entered is not there');
    const meterKey = `actor:${actor.actorId}`;
    await this.#db.insert(meters).values({ key: meterKey }).onConflictDoNothing();
    return { actorId: actor.actorId, meterId: await this.#meterId(meterKey), meterKey };
  }

  async #enterMeter(
    per: SharedBy,
    meterKey: string,
    expiresAtMicros: number | undefined,
  ): Promise<KnownMeter> {
    const entering = this.#db.insert(meters).values({ key: meterKey, expiresAt: expiresAtMicros ?? null });
    if (expiresAtMicros === undefined) await entering.onConflictDoNothing();
    else {
      await entering.onConflictDoUpdate({
        target: meters.key,
        set: { expiresAt: expiresAtMicros },
        setWhere: lt(meters.expiresAt, expiresAtMicros),
      });
      // Only now, so that a token whose id is used again finds the meter that it had.
      await this.#db.execute(sql`SELECT weir.drop_expired_meters(${droppedForEach})`);
    }
    return { per, meterId: await this.#meterId(meterKey), meterKey, expiresAtMicros };
  }

  async #meterId(key: string): Promise<number> {
    const [meter] = await this.#db
      .select({ meterId: meters.meterId })
      .from(meters)
      .where(eq(meters.key, key));
    if (meter === undefined) throw new Error('the meter that was just entered is not there');
    return meter.meterId;
  }
}

/** A principal stays the same object as long as its token is cached. */
const identities = new WeakMap<Principal, string>();

function identity(principal: Principal): string {
  let text = identities.get(principal);
  if (text === undefined) {
    const { issuer, person, tool } = principal;
    text = person === undefined ? `service\0${issuer}\0${tool}` : `person\0${issuer}\0${person}`;
    identities.set(principal, text);
  }
  return text;
}
