/**
 * What can happen to gateways, databases and the way between them. Which faults a round gets, and when, follows
 * from seed and round alone; every kind comes up once before any comes up again.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../src/demo/dataset/random.js';
import type { CommitTrap } from './link.js';
import type { Desk, Site } from './site.js';
import { kill } from './supervised-cluster.js';

export const faultKinds = [
  'kill a gateway',
  'kill a gateway as it sends COMMIT',
  'kill a gateway as COMMIT is answered',
  'kill a gateway as a write reaches its service',
  'kill a gateway as it gets the answer to a write',
  'stop a gateway in order',
  'freeze a gateway',
  'freeze a gateway as it sends COMMIT',
  'kill the postmaster',
  'kill the postmaster as it gets COMMIT',
  'kill the postmaster as it answers COMMIT',
  'stop the store at once',
  'kill the backend of a writer',
  'kill the backend of a writer as it gets COMMIT',
  'freeze the backend of a writer',
  'freeze the backend of a writer as it gets COMMIT',
  'cut every connection',
  'cut before the entries are sent',
  'cut between entries and COMMIT',
  'cut as COMMIT is sent',
  'cut as COMMIT is answered',
  'deliver entries and COMMIT late, to a client that has gone',
  'deliver COMMIT late, to a client that has gone',
  'lose the answer to COMMIT for a while',
  'silence, then all is delivered',
  'silence, then cut',
  'kill the order database',
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface PlannedFault {
  readonly kind: FaultKind;
  /** After the start of the round. */
  readonly atMs: number;
  /** Index of the gateway that it befalls, or whose connection. */
  readonly desk: number;
  /** How long it lasts, where it lasts. */
  readonly lastsMs: number;
}

/** How long a fault that waits for a COMMIT waits. */
const trapDeadlineMs = 2_500;

/** @returns the faults of a round, in the order of their times */
export function planFaults(
  seed: number,
  round: number,
  count: number,
  windowMs: number,
  desks: number,
): PlannedFault[] {
  const random = new Random(seed, round, 11);
  return Array.from({ length: count }, (_, i) => ({
    kind: dealt(seed, round * count + i),
    atMs: random.between(100, windowMs),
    desk: random.below(desks),
    // Around the two seconds after which gateway and server give up on each other.
    lastsMs: random.between(150, 3_500),
  })).sort((a, b) => a.atMs - b.atMs);
}

/** Card number `at` of decks that are shuffled one after another. */
function dealt(seed: number, at: number): FaultKind {
  const deck = [...faultKinds];
  const random = new Random(seed, Math.floor(at / deck.length), 12);
  for (let i = deck.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [deck[i], deck[j]] = [deck[j]!, deck[i]!];
  }
  return deck[at % deck.length]!;
}

/** @returns whether it happened: there may be nothing to kill, or no COMMIT to wait for */
export async function inflict(site: Site, { kind, desk: index, lastsMs }: PlannedFault): Promise<boolean> {
  const desk = site.desks[index]!;
  const { gateway, link } = desk;
  const atCommit = (trap: CommitTrap) => link.atNextCommit(trap, trapDeadlineMs);
  switch (kind) {
    case 'kill a gateway':
      return gateway.signal('SIGKILL');
    case 'kill a gateway as it sends COMMIT':
      return atCommit({ moment: 'sent', act: () => gateway.signal('SIGKILL'), then: 'cut' });
    case 'kill a gateway as COMMIT is answered':
      return atCommit({ moment: 'answered', act: () => gateway.signal('SIGKILL'), then: 'cut' });
    case 'kill a gateway as a write reaches its service':
      return site.service.atNextWrite('arrived', () => gateway.signal('SIGKILL'), trapDeadlineMs);
    case 'kill a gateway as it gets the answer to a write':
      return site.service.atNextWrite('answered', () => gateway.signal('SIGKILL'), trapDeadlineMs);
    case 'stop a gateway in order':
      return gateway.signal('SIGTERM');
    case 'freeze a gateway':
      return freezeGateway(desk, lastsMs);
    case 'freeze a gateway as it sends COMMIT': {
      let frozen: Promise<boolean> | undefined;
      const happened = await atCommit({
        moment: 'sent',
        act: () => (frozen = freezeGateway(desk, lastsMs)),
        then: 'pass',
      });
      await frozen;
      return happened;
    }
    case 'kill the postmaster':
      return site.store.killPostmaster();
    case 'kill the postmaster as it gets COMMIT':
      return atCommit({ moment: 'sent', act: () => site.store.killPostmaster(), then: 'pass' });
    case 'kill the postmaster as it answers COMMIT':
      return atCommit({ moment: 'answered', act: () => site.store.killPostmaster(), then: 'cut' });
    case 'stop the store at once':
      return site.store.stopImmediate();
    case 'kill the backend of a writer': {
      const pid = await writerBackend(site, desk);
      return pid !== undefined && kill(pid, 'SIGKILL');
    }
    case 'kill the backend of a writer as it gets COMMIT': {
      const pid = await writerBackend(site, desk);
      if (pid === undefined) return false;
      return atCommit({ moment: 'sent', act: () => kill(pid, 'SIGKILL'), then: 'pass' });
    }
    case 'freeze the backend of a writer': {
      const pid = await writerBackend(site, desk);
      return pid !== undefined && freeze(pid, lastsMs);
    }
    case 'freeze the backend of a writer as it gets COMMIT': {
      const pid = await writerBackend(site, desk);
      if (pid === undefined) return false;
      let frozen: Promise<boolean> | undefined;
      const happened = await atCommit({
        moment: 'sent',
        act: () => (frozen = freeze(pid, lastsMs)),
        then: 'pass',
      });
      await frozen;
      return happened;
    }
    case 'cut every connection':
      link.cut();
      return true;
    case 'cut before the entries are sent':
      return atCommit({ moment: 'before', then: 'cut' });
    case 'cut between entries and COMMIT':
      return atCommit({ moment: 'between', then: 'cut' });
    case 'cut as COMMIT is sent':
      return atCommit({ moment: 'sent', then: 'cut' });
    case 'cut as COMMIT is answered':
      return atCommit({ moment: 'answered', then: 'cut' });
    case 'deliver entries and COMMIT late, to a client that has gone':
      return atCommit({ moment: 'before', then: 'late', milliseconds: lastsMs });
    case 'deliver COMMIT late, to a client that has gone':
      return atCommit({ moment: 'between', then: 'late', milliseconds: lastsMs });
    case 'lose the answer to COMMIT for a while':
      return atCommit({ moment: 'answered', then: 'silent', milliseconds: lastsMs });
    case 'silence, then all is delivered':
      await link.silence(lastsMs, 'resume');
      return true;
    case 'silence, then cut':
      await link.silence(lastsMs, 'cut');
      return true;
    case 'kill the order database':
      return site.orders.killPostmaster();
  }
}

async function freezeGateway({ gateway }: Desk, milliseconds: number): Promise<boolean> {
  const { pid } = gateway;
  if (!gateway.signal('SIGSTOP')) return false;
  await delay(milliseconds);
  // Another fault may have killed it meanwhile, and another process have come up.
  if (pid === gateway.pid) gateway.signal('SIGCONT');
  return true;
}

async function freeze(pid: number, milliseconds: number): Promise<boolean> {
  if (!kill(pid, 'SIGSTOP')) return false;
  await delay(milliseconds);
  kill(pid, 'SIGCONT');
  return true;
}

/** The backend that a gateway's batches go through. */
async function writerBackend(site: Site, { link }: Desk): Promise<number | undefined> {
  const backends = await site.store.backends('weir log');
  return backends.find(({ clientPort }) => link.serves(clientPort))?.pid;
}
