/**
 * Each writer's numbers run 1..n without gap or repeat, its first entry opens, nothing follows its closing
 * entry, and its times rise with its numbers. Entries come in the order of their times, so an
 * entry whose time was changed shows as a gap that is filled elsewhere.
 */
import type { EntryKind } from './entry.js';
import { entryName, type Faults, type OpenFault } from './verify-faults.js';
import { DayClock } from '../quota/day-clock.js';

export interface WriterState {
  readonly writer: string;
  next: number;
  lastAt: number;
  closedBy: number | undefined;
  /** Of the zone that its opening entry names. */
  clock: DayClock | undefined;
  gaps: Gap[];
}

interface Gap {
  readonly from: number;
  readonly to: number;
  /** The entry that showed it. */
  readonly shownBy: number;
  /** Shared by what is left of one gap. `filled`: it no longer speaks of missing entries. */
  readonly told: { readonly fault: OpenFault; filled: boolean };
}

export class Writers {
  readonly #faults: Faults;
  readonly #fromStart: boolean;
  readonly #defaultClock: DayClock | undefined;
  readonly #states = new Map<string, WriterState>();
  readonly #clocks = new Map<string, DayClock | undefined>();
  #latest: WriterState | undefined;

  /**
   * @param fromStart the whole log is read: a writer that begins later lacks entries
   * @param zone for writers whose opening entry is not read
   */
  constructor(faults: Faults, fromStart: boolean, zone: string | undefined) {
    this.#faults = faults;
    this.#fromStart = fromStart;
    this.#defaultClock = zone === undefined ? undefined : this.#clockOf(zone);
  }

  get count(): number {
    return this.#states.size;
  }

  names(): IterableIterator<string> {
    return this.#states.keys();
  }

  /** @param kind undefined where the body cannot be read */
  take(
    writer: string,
    number: number,
    at: number,
    kind: EntryKind | undefined,
    zone: string | undefined,
    position: number,
  ): WriterState {
    const state = this.#stateOf(writer, number);
    if (number === state.next) state.next++;
    else if (number > state.next) {
      this.#missing(state, state.next, number - 1, number, position);
      state.next = number + 1;
    } else if (!this.#fill(state, number)) this.#complain(state, number, position, 'it stands twice');

    if (at === state.lastAt)
      this.#complain(state, number, position, 'its time is that of another entry of its writer');
    state.lastAt = at;
    if (number === 1) {
      if (kind !== undefined && kind !== 'open')
        this.#complain(state, number, position, 'it is the first of its writer, but does not open it');
    } else if (kind === 'open')
      this.#complain(state, number, position, 'it opens its writer, but is not the first');
    if (state.closedBy !== undefined && number > state.closedBy)
      this.#complain(state, number, position, `it follows entry ${state.closedBy}, which closed its writer`);
    if (kind === 'close') state.closedBy = number;
    if (zone !== undefined) {
      state.clock = this.#clockOf(zone);
      if (state.clock === undefined)
        this.#faults.add(position, entryName(writer, number), 'body', 'its "zone" is not known here');
    }
    return state;
  }

  /** After the last entry: gaps that were filled in part. */
  finish(): void {
    for (const state of this.#states.values()) {
      for (const { from, to, told } of state.gaps) {
        if (!told.filled) continue;
        this.#faults.add(told.fault.position, entryName(state.writer, from), 'order', missing(from, to));
      }
    }
  }

  #complain({ writer }: WriterState, number: number, position: number, what: string): void {
    this.#faults.add(position, entryName(writer, number), 'order', what);
  }

  #stateOf(writer: string, number: number): WriterState {
    if (this.#latest?.writer === writer) return this.#latest;
    let state = this.#states.get(writer);
    if (state === undefined) {
      const next = this.#fromStart ? 1 : number;
      state = { writer, next, lastAt: -1, closedBy: undefined, clock: this.#defaultClock, gaps: [] };
      this.#states.set(writer, state);
    }
    return (this.#latest = state);
  }

  #missing(state: WriterState, from: number, to: number, shownBy: number, position: number): void {
    // Half a step before: it is the entry that should stand here.
    const fault = this.#faults.add(position - 0.5, entryName(state.writer, from), 'order', missing(from, to));
    state.gaps.push({ from, to, shownBy, told: { fault, filled: false } });
  }

  /** A number that was missing so far: then some time was changed, of this entry or of the one that showed the gap. */
  #fill(state: WriterState, number: number): boolean {
    const index = state.gaps.findIndex(({ from, to }) => from <= number && number <= to);
    const gap = state.gaps[index];
    if (gap === undefined) return false;
    const { from, to, shownBy, told } = gap;
    if (!told.filled) {
      told.filled = true;
      // Others have gone on in the meantime, or only one was missing: this one is late. Else the other was early.
      const late = state.next > shownBy + 1 || from === to;
      told.fault.entry = entryName(state.writer, late ? number : shownBy);
      told.fault.what = late
        ? `its time lies after that of entry ${shownBy}, which its writer wrote later`
        : `its time lies before that of entry ${number}, which its writer wrote earlier`;
    }
    const rest = [
      { from, to: number - 1, shownBy, told },
      { from: number + 1, to, shownBy, told },
    ];
    state.gaps.splice(index, 1, ...rest.filter((part) => part.from <= part.to));
    return true;
  }

  #clockOf(zone: string): DayClock | undefined {
    if (!this.#clocks.has(zone)) this.#clocks.set(zone, makeClock(zone));
    return this.#clocks.get(zone);
  }
}

function makeClock(zone: string): DayClock | undefined {
  try {
    return new DayClock(zone);
  } catch {
    return undefined;
  }
}

function missing(from: number, to: number): string {
  return from === to ? 'it is missing' : `it is missing, and with it all up to ${to}`;
}
