/**
 * Which policy set is in force. The folder is watched; a new set is taken up whole or not at all, from the
 * next request on. A faulty one leaves the old set; one that shows more than the set in force waits until
 * its digest is approved, over restarts as well: the record says what is in force, not the folder.
 */
import { createHash } from 'node:crypto';
import { watch, type FSWatcher } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { LiveSchema } from '../sql/schema.js';
import type { Observe } from '../observation.js';
import type { Loosening } from './compare.js';
import { PolicyFaults, type PolicyFault } from './faults.js';
import { keptSet, looserThan } from './kept-sets.js';
import { loadPolicies, type LoadedPolicies } from './load.js';
import { maxFileBytes } from './source.js';

export interface Change {
  readonly number: number;
  readonly digest: string;
}

/** What all gateways on one database go by (store/policy-record.ts). */
export interface ChangeRecord {
  newest(): Promise<Change | undefined>;
  keep(digest: string, content: string): Promise<void>;
  contentOf(digest: string): Promise<string | undefined>;
  /** @returns false where another gateway was faster */
  change(
    digest: string,
    before: Change | undefined,
    reason: 'first' | 'tighter' | 'approved' | 'unchecked',
  ): Promise<boolean>;
  isApproved(digest: string, replaces: Change): Promise<boolean>;
}

export interface Served {
  readonly loaded: LoadedPolicies;
  readonly live: LiveSchema;
}

export interface InForceParts {
  readonly directory: string;
  readonly approval: 'required' | 'off';
  readonly record: ChangeRecord;
  /** Holds a set against the order database. @throws PolicyFaults */
  readonly fit: (loaded: LoadedPolicies) => Promise<LiveSchema>;
  readonly observe: Observe;
  readonly everyMs: number;
}

/** Files count when they have stayed as they are for so long. */
const settleMs = 100;

type Standing = { readonly state: 'in force' } | Waiting | Rejected;
interface Waiting {
  readonly state: 'waiting';
  readonly digest: string;
  readonly loosenings: readonly Loosening[];
}
interface Rejected {
  readonly state: 'rejected';
  readonly faults: readonly PolicyFault[];
}

export class PoliciesInForce {
  readonly #parts: InForceParts;
  #served: Served;
  /** Fits, and waits for its approval. */
  #pending: Served | undefined;
  /** The last comparison: while a set waits it is asked for every second. */
  #compared:
    { readonly digest: string; readonly number: number; readonly found: readonly Loosening[] } | undefined;
  /** Of the newest files. */
  #standing: Standing = { state: 'in force' };
  /** Of the files that were looked at last; not yet at the start, since they may have changed since they were read. */
  #fingerprint: string | undefined;
  #checking: Promise<void> | undefined;
  #again = false;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;
  #watchers: FSWatcher[] = [];

  private constructor(parts: InForceParts, served: Served) {
    this.#parts = parts;
    this.#served = served;
  }

  /**
   * @param first the set of the folder, which fits
   * @throws PolicyFaults where the set has to wait and this version no longer takes the one before it
   */
  static async open(parts: InForceParts, first: Served): Promise<PoliciesInForce> {
    const held = new PoliciesInForce(parts, first);
    const standing = await held.#decide(first.loaded);
    if (standing.state === 'waiting') {
      held.#pending = first;
      const loaded = await keptSet(parts.record, (await parts.record.newest())!.digest);
      held.#served = { loaded, live: await parts.fit(loaded) };
    }
    held.#tell(standing);
    return held;
  }

  get served(): Served {
    return this.#served;
  }

  /** Short, fit for anybody to read; empty when the newest files are in force. */
  get warnings(): string[] {
    const standing = this.#standing;
    if (standing.state === 'waiting')
      return [`policies: set ${standing.digest.slice(0, 12)} waits for approval; an older set is in force`];
    if (standing.state === 'in force') return [];
    const [first] = standing.faults;
    const where = first === undefined ? '' : ` (${placeOf(first, this.#parts.directory)})`;
    return [`policies: the newest files are faulty${where}; an older set is in force`];
  }

  /** Looks at the files from now on. */
  follow(): void {
    const look = () => void this.check();
    this.#timer = setInterval(look, this.#parts.everyMs);
    this.#timer.unref();
    const { directory } = this.#parts;
    for (const folder of [directory, path.join(directory, 'roles')]) {
      try {
        const watcher = watch(folder, { persistent: false }, look);
        // A folder that is replaced is no longer watched; the timer finds what is in the new one.
        watcher.on('error', () => watcher.close());
        this.#watchers.push(watcher);
      } catch {
        // As above.
      }
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearInterval(this.#timer);
    for (const watcher of this.#watchers) watcher.close();
    await this.#checking;
  }

  /** Takes up what the folder holds now. One at a time; never fails. */
  async check(): Promise<void> {
    this.#again = this.#checking !== undefined;
    this.#checking ??= this.#checkAll().finally(() => (this.#checking = undefined));
    await this.#checking;
  }

  async #checkAll(): Promise<void> {
    do {
      this.#again = false;
      try {
        await this.#checkOnce();
      } catch (error) {
        // The files are looked at again, as if for the first time.
        this.#fingerprint = undefined;
        this.#parts.observe({ event: 'failure', requestId: undefined, where: 'policies', error });
      }
    } while (this.#again && !this.#closed);
  }

  async #checkOnce(): Promise<void> {
    const { directory } = this.#parts;
    const fingerprint = await this.#settled();
    if (fingerprint === this.#fingerprint) return this.#pending && this.#consider(this.#pending);
    const read = await loadPolicies(directory).catch(faultsOf);
    if ((await fingerprintOf(directory)) !== fingerprint) {
      // Somebody is writing: what was read may be half of one file, or of two sets.
      this.#again = true;
      return;
    }
    this.#pending = undefined;
    try {
      if (read instanceof PolicyFaults) throw read;
      const loaded = read;
      if (loaded.set.digest === this.#served.loaded.set.digest) {
        if (this.#standing.state !== 'in force') this.#tell({ state: 'in force' });
      } else {
        await this.#consider({ loaded, live: await this.#parts.fit(loaded) });
      }
    } catch (error) {
      if (!(error instanceof PolicyFaults)) throw error;
      this.#tell({ state: 'rejected', faults: error.faults });
    }
    this.#fingerprint = fingerprint;
  }

  /** A file that is being written may be sound already, and say less than it will: only files that stay as they are count. */
  async #settled(): Promise<string> {
    const { directory } = this.#parts;
    let last = await fingerprintOf(directory);
    while (last !== this.#fingerprint && !this.#closed) {
      await pause(settleMs);
      const now = await fingerprintOf(directory);
      if (now === last) break;
      last = now;
    }
    return last;
  }

  async #consider(candidate: Served): Promise<void> {
    const standing = await this.#decide(candidate.loaded);
    this.#pending = standing.state === 'waiting' ? candidate : undefined;
    if (standing.state === 'in force') this.#served = candidate;
    this.#tell(standing);
  }

  /** May this set be in force? Then the record says so when this returns. */
  async #decide(loaded: LoadedPolicies): Promise<Standing> {
    const { content } = loaded;
    const { digest } = loaded.set;
    const { record, approval, observe } = this.#parts;
    await record.keep(digest, content);
    for (;;) {
      const newest = await record.newest();
      if (newest?.digest === digest) return { state: 'in force' };
      const found = newest === undefined || approval === 'off' ? [] : await this.#loosenings(newest, loaded);
      const reason =
        newest === undefined
          ? 'first'
          : approval === 'off'
            ? 'unchecked'
            : found.length === 0
              ? 'tighter'
              : (await record.isApproved(digest, newest))
                ? 'approved'
                : undefined;
      if (reason === undefined) return { state: 'waiting', digest, loosenings: found };
      // Against another set than this one was compared with, it is compared again.
      if (!(await record.change(digest, newest, reason))) continue;
      if (reason === 'first') {
        const detail = 'the policy set is taken as approved: it is the first on this database';
        observe({ event: 'lifecycle', state: 'starting', detail });
      }
      return { state: 'in force' };
    }
  }

  async #loosenings(newest: Change, loaded: LoadedPolicies): Promise<readonly Loosening[]> {
    const { digest } = loaded.set;
    const { number } = newest;
    if (this.#compared?.digest !== digest || this.#compared.number !== number)
      this.#compared = { digest, number, found: await looserThan(this.#parts.record, newest.digest, loaded) };
    return this.#compared.found;
  }

  #tell(standing: Standing): void {
    if (JSON.stringify(standing) === JSON.stringify(this.#standing) && standing.state !== 'in force') return;
    this.#standing = standing;
    const { observe, directory } = this.#parts;
    const written = (faults: readonly PolicyFault[]) =>
      faults.slice(0, 20).map((fault) => `${placeOf(fault, directory)} ${fault.message}`);
    switch (standing.state) {
      case 'in force':
        return observe({
          event: 'policy',
          state: 'loaded',
          digest: this.#served.loaded.set.digest,
          faults: 0,
        });
      case 'waiting': {
        const { digest, loosenings: looser } = standing;
        return observe({ event: 'policy', state: 'waiting', digest, faults: 0, details: written(looser) });
      }
      case 'rejected': {
        const { faults } = standing;
        return observe({
          event: 'policy',
          state: 'rejected',
          digest: undefined,
          faults: faults.length,
          details: written(faults),
        });
      }
    }
  }
}

function faultsOf(error: unknown): PolicyFaults {
  if (error instanceof PolicyFaults) return error;
  throw error;
}

function placeOf({ file, line, column }: PolicyFault, directory: string): string {
  const inside = path.relative(directory, file);
  return `${inside.startsWith('..') ? file : inside}:${line}:${column}`;
}

/** Of everything that a set is made of, byte for byte; cheap enough to look at every second. */
async function fingerprintOf(directory: string): Promise<string> {
  const roles = path.join(directory, 'roles');
  const names = await readdir(roles).catch(() => []);
  const files = [
    path.join(directory, 'catalog.yaml'),
    path.join(directory, 'alerts.yaml'),
    ...names.sort().map((name) => path.join(roles, name)),
  ];
  const hash = createHash('sha256');
  for (const file of files) {
    const bytes = await contentOf(file).catch((error: NodeJS.ErrnoException) => String(error.code));
    hash.update(JSON.stringify([file, bytes.length, typeof bytes])).update(bytes);
  }
  return hash.digest('hex');
}

/** Of what is no policy file anyway, as little as tells that it has changed. */
async function contentOf(file: string): Promise<Buffer | string> {
  const found = await stat(file);
  if (found.isFile() && found.size <= maxFileBytes) return readFile(file);
  return JSON.stringify([found.isFile(), found.size, found.mtimeMs]);
}
