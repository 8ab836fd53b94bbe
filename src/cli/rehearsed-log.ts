/**
 * The log of a rehearsal: decides about each read as the real one does, limits and guesses included, over meters in
 * memory, and keeps nothing else. One person at a time asks here; each case begins with nothing used up.
 */
import { randomBytes } from 'node:crypto';
import { AccessLog } from '../log/access-log.js';
import type { MeterNow } from '../log/accounts.js';
import { decideBatch, type Item, type Outcome } from '../log/decide.js';
import { Digester } from '../log/digest.js';
import type { Actor } from '../log/directory.js';
import { Neighbours } from '../log/neighbours.js';
import type { Observe } from '../observation.js';
import { DayClock } from '../quota/day-clock.js';
import type { Principal } from '../access.js';
import type { SharedBy } from '../policy/model.js';
import { Meter } from '../quota/meter.js';
import { sharedMeterKey, type SharedMeter } from '../quota/shared-meter.js';
import type { Clock } from '../clock.js';

export class RehearsedLog {
  readonly log: AccessLog;
  readonly #clock: Clock;
  readonly #dayClock: DayClock;
  readonly #neighbours = new Neighbours();
  #people = 0;
  #actor: Actor = actorOf(0, 0);
  /** By key; a meter's id is its place. */
  readonly #shared = new Map<string, SharedMeter>();
  readonly #meters = new Map<number, MeterNow>();
  #lastMeterId = 0;

  constructor(zone: string, clock: Clock, observe: Observe) {
    this.#clock = clock;
    this.#dayClock = new DayClock(zone);
    const digester = new Digester(randomBytes(32), 'rehearsed');
    const writer = {
      id: 'rehearsed',
      downReason: undefined,
      commit: async (item: Item) => this.#commit(item),
      close: async () => undefined,
    };
    const directory = {
      identify: async () => this.#actor,
      known: () => this.#actor,
      sharedMeters: async (kinds: readonly SharedBy[], role: string, principal: Principal) =>
        kinds.map((per) => this.#sharedMeter(per, sharedMeterKey(per, role, principal))),
    };
    this.log = AccessLog.over({ digester, observe }, [writer], directory);
    this.nextCase();
  }

  /** Whoever asks from now on is somebody else, and nobody has used up anything, nor any tool. */
  nextCase(): void {
    this.#meters.clear();
    this.#shared.clear();
    this.nextPerson();
  }

  /** Whoever asks from now on is somebody else; the tools are the same. */
  nextPerson(): void {
    this.#actor = actorOf(++this.#people, this.#newMeter());
  }

  #sharedMeter(per: SharedBy, meterKey: string): SharedMeter {
    let shared = this.#shared.get(meterKey);
    if (shared === undefined)
      this.#shared.set(meterKey, (shared = { per, meterKey, meterId: this.#newMeter() }));
    return shared;
  }

  #newMeter(): number {
    this.#meters.set(++this.#lastMeterId, { meter: Meter.empty(), people: new Map<string, number>() });
    return this.#lastMeterId;
  }

  #commit(item: Item): Outcome {
    const { outcomes } = decideBatch(
      [item],
      this.#meters,
      this.#clock.nowMicros(),
      { writer: 'rehearsed', nextNumber: 1, lastAt: 0 },
      this.#dayClock,
      this.#neighbours,
    );
    return outcomes[0]!;
  }
}

function actorOf(n: number, meterId: number): Actor {
  return { actorId: `somebody ${n}`, meterId, meterKey: `actor:somebody ${n}` };
}
