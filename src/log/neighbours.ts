/**
 * How many keys of a read are adjacent to another key of it, or to one of the person's last 1,000 different ones:
 * the mark of somebody counting through order numbers. It has to be told when the entry is written,
 * since digests hide order. Remembers per process; a person spread over processes is told less sharply.
 */
const remembered = 1000;
const maxPeople = 500;
const maxDigits = 15;

/** A person's last keys of one table, each once: in order of coming, and for looking up. */
interface Memory {
  readonly ring: number[];
  next: number;
  readonly held: Set<number>;
}

export class Neighbours {
  readonly #recent = new Map<string, Memory>();

  /**
   * @param keys texts of record keys of one table; only whole numbers (or a number at the end) can be adjacent
   * @returns how many different ones of them are adjacent; the keys are remembered
   */
  count(person: string, table: string, keys: readonly string[]): number {
    if (keys.length === 1) return this.#countOne(person, table, trailingNumber(keys[0]!));
    const numbers = sortedNumbers(keys);
    if (numbers.length === 0) return 0;
    const memory = this.#memoryOf(`${person}\0${table}`);
    const { held } = memory;
    let adjacent = 0;
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i]!;
      if (numbers[i - 1] === n - 1 || numbers[i + 1] === n + 1 || held.has(n - 1) || held.has(n + 1))
        adjacent++;
    }
    for (const n of numbers) if (!held.has(n)) remember(memory, n);
    return adjacent;
  }

  #countOne(person: string, table: string, n: number | undefined): number {
    if (n === undefined) return 0;
    const memory = this.#memoryOf(`${person}\0${table}`);
    const { held } = memory;
    const adjacent = held.has(n - 1) || held.has(n + 1) ? 1 : 0;
    if (!held.has(n)) remember(memory, n);
    return adjacent;
  }

  #memoryOf(key: string): Memory {
    let memory = this.#recent.get(key);
    if (memory !== undefined) {
      // While it is half empty nobody is about to be forgotten, and the order can wait.
      if (2 * this.#recent.size <= maxPeople) return memory;
      this.#recent.delete(key);
    } else {
      memory = { ring: [], next: 0, held: new Set() };
      if (this.#recent.size >= maxPeople) this.#recent.delete(this.#recent.keys().next().value!);
    }
    // Re-inserted last: the map's order is least recently used first.
    this.#recent.set(key, memory);
    return memory;
  }
}

function remember(memory: Memory, n: number): void {
  const leaving = memory.ring[memory.next];
  if (leaving !== undefined) memory.held.delete(leaving);
  memory.ring[memory.next] = n;
  memory.next = (memory.next + 1) % remembered;
  memory.held.add(n);
}

/** Each once, ascending; a page mostly comes so. */
function sortedNumbers(keys: readonly string[]): number[] {
  const numbers: number[] = [];
  let last = -1;
  let isSorted = true;
  for (const key of keys) {
    const number = trailingNumber(key);
    if (number === undefined) continue;
    isSorted &&= number > last;
    numbers.push((last = number));
  }
  if (isSorted) return numbers;
  numbers.sort((a, b) => a - b);
  return numbers.filter((n, i) => n !== numbers[i - 1]);
}

/** The last digits of the text, at most 15 of them: what a number holds exactly. */
function trailingNumber(key: string): number | undefined {
  let number = 0;
  let digits = 0;
  for (let unit = 1; digits < key.length && digits < maxDigits; unit *= 10) {
    const digit = key.charCodeAt(key.length - 1 - digits) - 0x30;
    if (!(digit >= 0 && digit <= 9)) break;
    number += digit * unit;
    digits++;
  }
  return digits === 0 ? undefined : number;
}
