/**
 * Who reads in a measurement, and what they have read before it begins. A meter that was never used, or people
 * that were all seen today already, would be cheaper than real work; so each person has a month, an hour and a
 * minute of reading behind them, and has met part of the customers on earlier days.
 */
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import pg from 'pg';
import { withClient } from '../src/demo/databases.js';
import { Digester, digestTexts, peopleSpace } from '../src/log/digest.js';
import { Directory } from '../src/log/directory.js';
import { chargeOf, nobody } from '../src/quota/charge.js';
import { DayClock } from '../src/quota/day-clock.js';
import { Meter } from '../src/quota/meter.js';
import type { Person } from './subjects/messages.js';

export const issuer = 'https://issuer.bench.invalid';
export const audience = 'weir-bench';
export const zone = 'Asia/Shanghai';
export const digestKey = randomBytes(32).toString('base64');
export const region = '华东';

const historyDays = 29;
const secondMicros = 1_000_000;

export function drawStaff(count: number): Person[] {
  return Array.from({ length: count }, (_, i) => ({ issuer, sub: `agent.${i + 1}`, region }));
}

export interface TokenDesk {
  readonly jwksFile: string;
  mint(role: string, sub: string): Promise<string>;
}

export async function openTokenDesk(directory: string): Promise<TokenDesk> {
  const { privateKey, publicKey } = await generateKeyPair('ES256');
  const jwksFile = join(directory, 'jwks.json');
  const key = { ...(await exportJWK(publicKey)), kid: 'bench', alg: 'ES256', use: 'sig' };
  await writeFile(jwksFile, JSON.stringify({ keys: [key] }));
  return {
    jwksFile,
    mint: (role, sub) =>
      new SignJWT({ client_id: 'support-desk', roles: [role], region })
        .setProtectedHeader({ alg: 'ES256', kid: 'bench', typ: 'at+jwt' })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(sub)
        .setJti(`${sub}-${role}`)
        .setIssuedAt()
        .setExpirationTime('6h')
        .sign(privateKey),
  };
}

/**
 * Enters the staff with meters as they are after a month of work: `seenBefore` of the customers each, spread
 * over the 29 days before today, something in every minute of the last hour and every second of the last minute.
 */
export async function enterStaff(
  runtimeUrl: string,
  superuserUrl: string,
  staff: readonly Person[],
  customers: readonly string[],
  seenBefore: number,
): Promise<void> {
  const clock = new DayClock(zone);
  const nowMicros = Date.now() * 1000;
  const today = clock.day(nowMicros);
  const digests = digestTexts(
    new Digester(Buffer.from(digestKey, 'base64'), 'e1').digest(peopleSpace, 'person', customers),
  );
  const pool = new pg.Pool({ connectionString: runtimeUrl, max: 4 });
  const directory = new Directory(pool);
  try {
    await withClient(superuserUrl, async (client) => {
      for (const [at, person] of staff.entries()) {
        const { meterId } = await directory.identify({
          issuer: person.issuer,
          person: person.sub,
          displayName: undefined,
          tool: 'support-desk',
          act: undefined,
          roles: [],
          scopes: [],
          tokenId: undefined,
          expiresAtMicros: 0,
          claims: {},
        });
        // Everybody has met other customers: a window that moves on from person to person.
        const start = Math.floor((at / staff.length) * digests.length);
        const met = Array.from(
          { length: Math.min(seenBefore, digests.length) },
          (_, i) => digests[(start + i) % digests.length]!,
        );
        const days = met.map((_, i) => today - historyDays + Math.floor((i / met.length) * historyDays));
        const meter = meterWithHistory(days, clock, nowMicros, today);
        await client.query('UPDATE weir.meters SET state = $2 WHERE meter_id = $1', [
          meterId,
          meter.encode(),
        ]);
        await client.query(
          'INSERT INTO weir.seen (meter_id, digest, day) SELECT $1, * FROM unnest($2::int8[], $3::int4[])',
          [meterId, met.map((digest) => Buffer.from(digest, 'latin1').readBigInt64BE().toString()), days],
        );
      }
      await client.query('VACUUM ANALYZE');
    });
  } finally {
    await pool.end();
  }
}

/** @param days on which each of the people was met, ascending */
function meterWithHistory(days: readonly number[], clock: DayClock, nowMicros: number, today: number): Meter {
  const meter = Meter.empty();
  for (let day = today - historyDays; day < today; day++) {
    const fresh = days.filter((seen) => seen === day).length;
    const micros = clock.startOfDay(day) + 12 * 3600 * secondMicros;
    meter.charge(
      chargeOf({
        queries: 4 * fresh,
        records: 4 * fresh,
        people: { fresh, returning: [] },
        bytes: 1200 * fresh,
      }),
      { micros, day },
    );
  }
  const read = chargeOf({ queries: 1, records: 1, people: nobody, bytes: 300 });
  const times = [
    ...Array.from({ length: 59 }, (_, minute) => nowMicros - (60 - minute) * 60 * secondMicros),
    ...Array.from({ length: 59 }, (_, second) => nowMicros - (60 - second) * secondMicros),
  ];
  for (const micros of times) {
    if (clock.day(micros) === today) meter.charge(read, { micros, day: today });
  }
  return meter;
}

/** How many of the people read by the staff today were new to them, and how many of those had been met before. */
export async function newToday(superuserUrl: string, day: number): Promise<number> {
  return withClient(superuserUrl, async (client) => {
    const { rows } = await client.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM weir.seen WHERE day >= $1',
      [day],
    );
    return rows[0]!.n;
  });
}
