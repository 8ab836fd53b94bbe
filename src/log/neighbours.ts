/**
 * How many keys of a read are adjacent to another key of it, or to one of the person's last 1,000:
 * the mark of somebody counting through order numbers. It has to be told when the entry is written,
 * since digests hide order. Remembers per process; a person spread over processes is told less sharply.
 */
const remembered = 1000;
const maxPeople = 500;
const maxDigits = 15;

export class Neighbours {
  readonly #recent = new Map<string, { ring: number[]; next: number; held: Map<number, number> }>();

  /**
   * @param keys texts of record keys of one table; only whole numbers (or a number at the end) can be adjacent
   * @returns how many of them are adjacent; the keys are remembered
   */
  count(person: string, table: string, keys: readonly string[]): number {
    const now = new Set<number>();
    for (const key of keys) {
      const number = trailingNumber(key);
      if (number !== undefined) now.add(number);
    }
    if (now.size === 0) return 0;
    const memory = this.#memoryOf(`${person}\0${table}`);
    const { held } = memory;
    let adjacent = 0;
    for (const n of now) {
      if (now.has(n - 1) || now.has(n + 1) || held.has(n - 1) || held.has(n + 1)) adjacent++;
    }
    let tooMany = now.size - remembered;
    for (const n of now) if (--tooMany < 0) remember(memory, n);
    return adjacent;
  }

  #memoryOf(key: string): { ring: number[]; next: number; held: Map<number, number> } {
    let memory = this.#recent.get(key);
    if (memory !== undefined) this.#recent.delete(key);
    else {
      memory = { ring: [], next: 0, held: new Map() };
      if (this.#recent.size >= maxPeople) this.#recent.delete(this.#recent.keys().next().value!);
    }
    // Re-inserted last: the map's order is least recently used first.
    this.#recent.set(key, memory);
    return memory;
  }
}

/** `held` counts how often a number stands in the ring, so that it leaves with its last occurrence. */
function remember(memory: { ring: number[]; next: number; held: Map<number, number> }, n: number): void {
  const leaving = memory.ring[memory.next];
  if (leaving !== undefined) {
    const times = memory.held.get(leaving)! - 1;
    if (times === 0) memory.held.delete(leaving);
    else memory.held.set(leaving, times);
  }
  memory.ring[memory.next] = n;
  memory.next = (memory.next + 1) % remembered;
  memory.held.set(n, (memory.held.get(n) ?? 0) + 1);
}

/** The last digits of the text, at most 15 of them. */
function trailingNumber(key: string): number | undefined {
  let start = key.length;
  while (start > 0 && key.length - start < maxDigits && isDigit(key.charCodeAt(start - 1))) start--;
  return start === key.length ? undefined : Number(key.slice(start));
}

function isDigit(code: number): boolean {
  return code >= 48 && code <= 57;
}
