/** API_URL, API_TOKEN: where the tool gets its data, and what it asks with. PORT: default 8090. See README.md. */
import { buildTool, serveTool } from './server.js';

const { API_URL: api, API_TOKEN: token, PORT: port = '8090' } = process.env;
if (!api || !token) throw new Error('API_URL and API_TOKEN say where the data comes from (see README.md)');
const { address } = await serveTool({ script: await buildTool(), api, token, port: Number(port) });
process.stdout.write(`the tool is at ${address}\n`);
