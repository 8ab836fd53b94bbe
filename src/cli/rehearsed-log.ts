/**
 * The log of a rehearsal: decides about each read as the real one does, limits and guesses included, over meters in
 * memory, and keeps nothing else. One person at a time asks here; everybody begins with nothing used up.
 */
import { randomBytes } from 'node:crypto';
import { AccessLog } from '../log/access-log.js';
import { decideBatch, type Item, type LastDays, type Outcome } from '../log/decide.js';
import { Digester } from '../log/digest.js';
import type { Actor } from '../log/directory.js';
import { Neighbours } from '../log/neighbours.js';
import type { Observe } from '../observation.js';
import { DayClock } from '../quota/day-clock.js';
import { Meter } from '../quota/meter.js';
import type { Clock } from '../clock.js';

export class RehearsedLog {
  readonly log: AccessLog;
  readonly #clock: Clock;
  readonly #dayClock: DayClock;
  readonly #neighbours = new Neighbours();
  #people = 0;
  #actor: Actor = actorOf(0);
  #meter = Meter.empty();
  #seen: LastDays = new Map<string, number>();

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
    const directory = { identify: async () => this.#actor, known: () => this.#actor };
    this.log = AccessLog.over({ digester, observe }, [writer], directory);
  }

  /** Whoever asks from now on is somebody else. */
  nextPerson(): void {
    this.#actor = actorOf(++this.#people);
    this.#meter = Meter.empty();
    this.#seen = new Map<string, number>();
  }

  #commit(item: Item): Outcome {
    const { meterId } = this.#actor;
    const { outcomes } = decideBatch(
      [item],
      new Map([[meterId, this.#meter]]),
      new Map([[meterId, this.#seen]]),
      this.#clock.nowMicros(),
      { writer: 'rehearsed', nextNumber: 1, lastAt: 0 },
      this.#dayClock,
      this.#neighbours,
    );
    return outcomes[0]!;
  }
}

function actorOf(n: number): Actor {
  return { actorId: `somebody ${n}`, meterId: n + 1, meterKey: `actor:somebody ${n}` };
}
