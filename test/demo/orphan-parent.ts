/** A process that starts a cluster, says where it is, and then waits to be killed. */
import { startCluster } from '../../src/demo/cluster.js';

const [directory = '', superuserPassword = ''] = process.argv.slice(2);
const cluster = await startCluster({ directory, port: 0, superuserPassword });
process.stdout.write(`${JSON.stringify({ pid: cluster.pid })}\n`);
await cluster.exited;
