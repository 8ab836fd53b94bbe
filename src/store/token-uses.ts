/**
 * From which addresses each token has come, over all gateways on one database: one row a token, until the token is
 * over. Of both only keyed digests are kept, those of an address different for each token, so that the table
 * tells nobody where somebody works from. Bounded by the tokens that the issuers give out within a lifetime.
 */
import { createHmac, hkdfSync } from 'node:crypto';
import type { Pool } from 'pg';

export interface SharedUse {
  /** So many addresses there are now. */
  readonly addresses: number;
  /** Which of them this one is, from 1; undefined: the token goes round, and this one was not added any more. */
  readonly place: number | undefined;
}

/**
 * One statement, so that of two gateways that ask at once the second sees the first's address. Its commit alone does
 * not wait for the disk: a database that crashes may forget the addresses of its last moment, which delays nobody's read.
 */
const addAddress = `
  INSERT INTO weir.token_uses AS used (token, addresses, until) VALUES ($1, ARRAY[$2::int8], to_timestamp($3))
  ON CONFLICT (token) DO UPDATE SET addresses = CASE
    WHEN $2 = ANY (used.addresses) OR cardinality(used.addresses) >= $4 THEN used.addresses
    ELSE used.addresses || $2::int8 END
  RETURNING cardinality(addresses) AS addresses, array_position(addresses, $2) AS place,
    set_config('synchronous_commit', 'off', true)`;

/** An hour's grace, for clocks that differ. Those that another gateway is removing are left to it. */
const removeOver = `
  DELETE FROM weir.token_uses WHERE token IN (SELECT token FROM weir.token_uses
    WHERE until < now() - interval '1 hour' ORDER BY until LIMIT 10000 FOR UPDATE SKIP LOCKED)`;

const sweepMillis = 60_000;

export class TokenUses {
  readonly #pool: Pool;
  readonly #key: Buffer;
  readonly #maxAddresses: number;
  #sweptAtMillis = performance.now();

  /** @param digestKey that of the log; the one here is derived from it */
  constructor(pool: Pool, digestKey: Buffer, maxAddresses: number) {
    this.#pool = pool;
    this.#key = Buffer.from(hkdfSync('sha256', digestKey, '', 'weir token uses v1', 32));
    this.#maxAddresses = maxAddresses;
  }

  /** @param token issuer and id, in one text. @throws what the driver throws */
  async add(token: string, address: string, untilMicros: number): Promise<SharedUse> {
    const of = this.#digest('token', token).subarray(0, 16);
    const from = this.#digest('address', JSON.stringify([token, address])).readBigInt64BE();
    const values = [of, String(from), untilMicros / 1_000_000, this.#maxAddresses];
    const { rows } = await this.#pool.query<{ addresses: number; place: number | null }>(addAddress, values);
    const now = performance.now();
    if (now - this.#sweptAtMillis >= sweepMillis) {
      this.#sweptAtMillis = now;
      // What is left over is removed next time.
      void this.removeOver().catch(() => undefined);
    }
    return { addresses: rows[0]!.addresses, place: rows[0]!.place ?? undefined };
  }

  /** Rows of tokens that are over. */
  async removeOver(): Promise<void> {
    await this.#pool.query(removeOver);
  }

  #digest(kind: string, text: string): Buffer {
    return createHmac('sha256', this.#key).update(`${kind}\0${text}`).digest();
  }
}
