/** The demo's PostgreSQL starts, stops, and recovers by itself from whatever was killed. */
import t from 'tap';
import { withClient } from '../../src/demo/databases.js';
import { ownCluster } from '../support/cluster.js';
import { freshDatabase } from '../support/database.js';

t.test('a test gets a database of its own', async (t) => {
  const db = await freshDatabase(t);
  const other = await freshDatabase(t);
  await withClient(db.urlFor('weir_owner'), (client) => client.query('CREATE TABLE public.x (a int)'));
  await withClient(other.urlFor('weir_owner'), async (client) => {
    t.same((await client.query("SELECT to_regclass('x') AS x")).rows, [{ x: null }]);
  });
});

t.test('own cluster', async (t) => {
  const cluster = await ownCluster(t, { max_connections: '20' });
  await withClient(cluster.superuserUrl('postgres'), (client) => client.query('CREATE TABLE a (a int)'));
  process.kill(cluster.pid, 'SIGKILL');
  await cluster.exited;
  const again = await cluster.restart();
  await withClient(again.superuserUrl('postgres'), (client) => client.query('SELECT * FROM a'));
});
