/**
 * What processes use, from /proc. On other systems it tells nothing (undefined) rather than guess.
 * Time on the CPU says more than a clock where other work disturbs the machine.
 */
import { readdirSync, readFileSync } from 'node:fs';

const ticksPerSecond = 100;
const pageBytes = 4096;

/** Resident memory in bytes; undefined: gone, or not to be had here. */
export function residentBytes(pid: number): number | undefined {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * pageBytes;
  } catch {
    return undefined;
  }
}

interface Stat {
  readonly parent: number;
  readonly ownTicks: number;
  /** Of children that have ended and were waited for. */
  readonly reapedTicks: number;
}

/** The name of a program may hold spaces and parentheses; it ends at the last one. */
export function parseStat(text: string): Stat {
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const [parent, user, system, reapedUser, reapedSystem] = [1, 11, 12, 13, 14].map((at) =>
    Number(fields[at]),
  ) as [number, number, number, number, number];
  return { parent, ownTicks: user + system, reapedTicks: reapedUser + reapedSystem };
}

function statOf(pid: number): Stat | undefined {
  try {
    return parseStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return undefined;
  }
}

/** Seconds on the CPU of a process alone. */
export function cpuSeconds(pid: number): number | undefined {
  const stat = statOf(pid);
  return stat && stat.ownTicks / ticksPerSecond;
}

/** Seconds on the CPU of a process and of all children that it has and had, one generation deep (PostgreSQL). */
export function familyCpuSeconds(pid: number): number | undefined {
  const head = statOf(pid);
  if (head === undefined) return undefined;
  let ticks = head.ownTicks + head.reapedTicks;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    const stat = statOf(Number(name));
    if (stat?.parent === pid) ticks += stat.ownTicks;
  }
  return ticks / ticksPerSecond;
}

/** The highest resident memory of a process between begin and end, looked at every 50 ms. */
export class MemoryWatch {
  readonly #timer: NodeJS.Timeout;
  #peak: number | undefined;

  constructor(pid: number) {
    const look = (): void => {
      const bytes = residentBytes(pid);
      if (bytes !== undefined) this.#peak = Math.max(this.#peak ?? 0, bytes);
    };
    look();
    this.#timer = setInterval(look, 50);
  }

  /** @returns bytes; undefined where the system does not tell */
  end(): number | undefined {
    clearInterval(this.#timer);
    return this.#peak;
  }
}
