/**
 * Where the clusters of tests lie: in memory where the machine has a place for that, because a test makes and drops
 * several databases, and each waits for the disk; else below the folder for temporary files. PostgreSQL is as durable
 * as anywhere against what tests do to it, which is to kill it.
 */
import { mkdir, readFile, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

const memory = '/dev/shm';
/** What a whole run takes is well below. */
const leastBytes = 4 * 1024 ** 3;

/** @param name of a folder that is this checkout's own @returns folders to try in this order; the first may refuse */
export async function clusterPlaces(name: string): Promise<string[]> {
  const places = (await isRoomy()) ? [path.join(memory, name)] : [];
  return [...places, path.join(tmpdir(), name)];
}

/** Makes it, so that PostgreSQL's account can pass through. */
export async function makePlace(place: string): Promise<void> {
  await mkdir(place, { recursive: true, mode: 0o711 });
}

async function isRoomy(): Promise<boolean> {
  try {
    const mounted = (await readFile('/proc/mounts', 'utf8')).includes(` ${memory} tmpfs `);
    const { bavail, bsize } = await statfs(memory);
    return mounted && bavail * bsize >= leastBytes;
  } catch {
    return false;
  }
}
