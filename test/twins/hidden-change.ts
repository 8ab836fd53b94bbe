/**
 * Makes the second of two twins: changes in place what a role must not see, and nothing else. What each
 * mask keeps is checked with the mask's TypeScript form, so that a twin that differs visibly is refused here.
 */
import pg from 'pg';
import { maskOf } from '../../src/mask/masks.js';
import type { RolePolicy } from '../../src/policy/model.js';

type Row = Record<string, string | null>;

const otherDigits = (text: string): string =>
  text.replace(/\d/g, (digit) => String((Number(digit) + 3) % 10));
/** Turns the order round as well, so that sorting by what is hidden shows. */
const otherWords = (text: string): string =>
  otherDigits(text).replace(/[\u4e00-\u9fff]/g, (c) =>
    String.fromCharCode(0x9fff - (c.charCodeAt(0) - 0x4e00)),
  );

/** Candidates from the boldest change to the mildest; the first that every mask hides is taken. */
export const changes: Readonly<Record<string, (text: string) => string[]>> = {
  phone: (text) => [
    otherDigits(text),
    otherDigits(text.slice(0, -4)) + text.slice(-4),
    text.slice(0, 3) + otherDigits(text.slice(3, -4)) + text.slice(-4),
    text,
  ],
  name: (text) =>
    [...Array.from(text).keys()]
      .map(
        (kept) =>
          Array.from(text).slice(0, kept).join('') + otherWords(Array.from(text).slice(kept).join('')),
      )
      .concat(text),
  address: (text) =>
    [...Array.from(text).keys()]
      .map(
        (kept) =>
          Array.from(text).slice(0, kept).join('') + otherWords(Array.from(text).slice(kept).join('')),
      )
      .concat(text),
  'order-number': (text) => [otherDigits(text)],
  'free-text': (text) => [otherWords(text)],
  email: (text) => [otherWords(text)],
};

/**
 * @param write 'same' writes the same rows in the same order, unchanged: then both twins' rows lie alike
 * @returns how many values were (or would have been) changed
 */
export async function changeHidden(
  url: string,
  role: RolePolicy,
  claims: Readonly<Record<string, string>>,
  write: 'changed' | 'same',
): Promise<number> {
  const client = new pg.Client(url);
  await client.connect();
  let changed = 0;
  await client.query('BEGIN');
  for (const { table, see, only } of role.tables.values()) {
    const name = `${table.from.schema}.${table.from.table}`;
    // Nobody may gather new statistics of one twin alone.
    await client.query(`ALTER TABLE ${name} SET (autovacuum_enabled = false)`);
    const { rows } = await client.query<Row>({
      text: `SELECT * FROM ${name} ORDER BY "${table.record}"`,
      types: { getTypeParser: () => (text: string) => text } as never,
    });
    for (const row of rows) {
      const outside = only.some(
        ({ column, value }) => row[column] !== ('literal' in value ? value.literal : claims[value.claim]),
      );
      const updates: [string, string][] = [];
      for (const column of table.columns.values()) {
        const before = row[column.name];
        // Those that a role may look up are changed as well: the requests hold no look-up, the declared exception.
        if (before == null || column.class === 'none') continue;
        const mask = see.get(column.name);
        if (mask === 'clear' && !outside) continue;
        // Unique columns outside the filter stay as they are: two rows may not become one.
        if (column.class === 'order-number' && mask !== undefined) continue;
        const keeps = mask === undefined || outside ? undefined : maskOf(mask);
        const after = changes[column.class]?.(before).find(
          (text) => keeps === undefined || keeps.apply(text) === keeps.apply(before),
        );
        if (after !== undefined && after !== before)
          updates.push([column.name, write === 'changed' ? after : before]);
      }
      if (updates.length === 0) continue;
      changed += updates.length;
      await client.query(
        `UPDATE ${name} SET ${updates.map(([column], i) => `"${column}" = $${i + 2}`).join(', ')} WHERE "${table.record}" = $1`,
        [row[table.record], ...updates.map(([, value]) => value)],
      );
    }
  }
  await client.query('COMMIT');
  await client.end();
  return changed;
}
