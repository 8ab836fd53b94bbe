/**
 * Which cores measure and which make the load. The gateway and PostgreSQL get two cores, as the goals
 * say; the client gets the others where there are any. Only on Linux, by `taskset`; elsewhere it says that
 * nothing was bound.
 */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { promisify } from 'node:util';

export interface Cores {
  /** For people: what is bound where, or that nothing is. */
  readonly told: string;
  /** Words to put before a command, for what is measured and for what makes the load; empty: not bound. */
  readonly measured: readonly string[];
  readonly client: readonly string[];
  /** Binds a process that runs already, with all its threads; children that it makes later come after it. */
  bind(pid: number): Promise<void>;
}

const measuredCores = 2;

export async function chooseCores(): Promise<Cores> {
  const unbound = { measured: [], client: [], bind: async () => undefined };
  const allowed = allowedCores();
  if (allowed === undefined || allowed.length <= measuredCores) {
    const count = allowed?.length ?? availableParallelism();
    const told =
      count <= measuredCores
        ? `${count} in all; gateway, PostgreSQL and client share them`
        : `not limited: gateway, PostgreSQL and client share all ${count}`;
    return { ...unbound, told };
  }
  const taskset = promisify(execFile);
  const [found] = await Promise.allSettled([taskset('taskset', ['-p', String(process.pid)])]);
  if (found.status === 'rejected') {
    return {
      ...unbound,
      told: `not limited (taskset is missing): gateway, PostgreSQL and client share all ${allowed.length}`,
    };
  }
  const own = allowed.slice(0, measuredCores).join(',');
  const others = allowed.slice(measuredCores).join(',');
  return {
    told: `gateway and PostgreSQL on ${own} of ${allowed.length}, client on ${others}`,
    measured: ['taskset', '-c', own],
    client: ['taskset', '-c', others],
    bind: async (pid) => {
      await taskset('taskset', ['-a', '-c', '-p', own, String(pid)]);
    },
  };
}

/** Cores that this process may run on; undefined where the system does not say. */
function allowedCores(): number[] | undefined {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
    return list === undefined ? undefined : coresOf(list);
  } catch {
    return undefined;
  }
}

/** "0-2,5" → 0, 1, 2, 5. */
export function coresOf(list: string): number[] {
  return list.split(',').flatMap((part) => {
    const [first, last = first] = part.split('-').map(Number) as [number, number?];
    return Array.from({ length: last - first + 1 }, (_, i) => first + i);
  });
}
