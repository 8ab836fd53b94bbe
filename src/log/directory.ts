/**
 * Principal → pseudonym. The log names people by a random actor id; which person that is stands only
 * in weir.actors, whose rows can be erased. Also makes sure that the actor's meter row exists before a
 * batch wants to lock it (a row that is missing looks like one that is locked).
 */
import { and, eq } from 'drizzle-orm';
import { drizzle, type NodePgDatabase } from 'drizzle-orm/node-postgres';
import { randomUUID } from 'node:crypto';
import type { Pool } from 'pg';
import type { Principal } from '../access.js';
import { WeirError } from '../errors.js';
import { actors, meters } from '../store/schema.js';

export interface Actor {
  readonly actorId: string;
  readonly meterId: number;
  readonly meterKey: string;
}

const maxCached = 20_000;

export class Directory {
  readonly #db: NodePgDatabase;
  readonly #deadlineMs: number;
  readonly #known = new Map<string, Actor>();

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
    const known = this.known(principal);
    if (known !== undefined) return known;
    try {
      const actor = await this.#inTime(this.#enter(principal));
      if (this.#known.size >= maxCached) this.#known.delete(this.#known.keys().next().value!);
      this.#known.set(identity(principal), actor);
      return actor;
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
    const [meter] = await this.#db
      .select({ meterId: meters.meterId })
      .from(meters)
      .where(eq(meters.key, meterKey));
    if (meter === undefined) throw new Error('the meter that was just entered is not there');
    return { actorId: actor.actorId, meterId: meter.meterId, meterKey };
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
