/** Pages that talk to a service through the proxy door, from another origin than the gateway's. */
import t from 'tap';
import { startGateway } from '../support/gateway.js';

const listed = 'https://admin.example.com';
const { address } = await startGateway(t, {
  config: (config) => ({ ...config, http: { ...config.http, corsOrigins: [listed] } }),
});

/** What a browser asks before it sends a change, without a token. */
function preflight(path: string, origin: string): Promise<Response> {
  return fetch(`${address}${path}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PATCH' },
  });
}

void t.test('a page of a listed origin may try a change, and read why it was refused', async (t) => {
  for (const path of ['/fulfilment/shipments/17', '/fulfilment/nothing', '/telephony/calls']) {
    const response = await preflight(path, listed);
    t.equal(response.status, 204, path);
    t.match(Object.fromEntries(response.headers), {
      'access-control-allow-origin': listed,
      'access-control-allow-methods': /PATCH/,
      'access-control-allow-headers': /authorization.*content-type/,
    });
  }
  const refused = await fetch(`${address}/fulfilment/shipments/17`, { headers: { origin: listed } });
  t.equal(refused.status, 401);
  t.equal(refused.headers.get('access-control-allow-origin'), listed);
});

void t.test('a page of any other origin may not', async (t) => {
  const response = await preflight('/fulfilment/shipments/17', 'https://evil.example');
  t.notMatch(JSON.stringify([...response.headers]), /access-control/);
});
