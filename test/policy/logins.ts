/** Logins of the gateway's own database, as operators have them: each a member of the owner of the tables. */
import { randomBytes } from 'node:crypto';
import { withClient } from '../../src/demo/databases.js';
import type { Store } from '../log/open-log.js';

export interface Login {
  readonly name: string;
  readonly url: string;
}

/** Dropped with the test. @param member of which role; undefined: of none */
export async function loginOf(
  t: { teardown(work: () => unknown): void },
  { superuserUrl }: Store,
  member: string | undefined = 'weir_owner',
  name = `person_${randomBytes(4).toString('hex')}`,
): Promise<Login> {
  const url = new URL(superuserUrl);
  const database = url.pathname.slice(1);
  await withClient(superuserUrl, async (client) => {
    await client.query(
      `CREATE ROLE "${name}" LOGIN PASSWORD 'x' ${member === undefined ? '' : `IN ROLE ${member}`}`,
    );
    await client.query(`GRANT CONNECT ON DATABASE "${database}" TO "${name}"`);
  });
  t.teardown(() =>
    withClient(superuserUrl, (client) => client.query(`DROP OWNED BY "${name}"; DROP ROLE "${name}"`)),
  );
  url.username = name;
  url.password = 'x';
  return { name, url: url.href };
}
