/** Serves the tool with the settings of the environment: see README.md. */
import { buildTool, serveTool } from './server.js';

const { API_URL: api, CALLS_URL: exchange = '', API_TOKEN: token, REASON, PORT: port = '8090' } = process.env;
if (!api || !token) throw new Error('API_URL and API_TOKEN say where the data comes from (see README.md)');
const headers = REASON === undefined ? {} : { 'weir-reason': REASON };
const { address } = await serveTool({
  script: await buildTool(),
  api,
  exchange,
  token,
  headers,
  port: Number(port),
});
process.stdout.write(`the tool is at ${address}\n`);
