/** What the proxy door needs at the start, what of it may change later, and whom it takes for the service. */
import { once } from 'node:events';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import t from 'tap';
import { json, openSite, shipment } from './proxy-site.js';

void t.test('a service without an address is a reason not to start', async (t) => {
  await t.rejects(openSite(t, { environment: {} }), {
    name: 'StartRefused',
    message: /nothing says where fulfilment is: set FULFILMENT_URL, or name it under services.urls/,
  });
});

void t.test('the base URL of a service may have a path, and the configuration may say it', async (t) => {
  const site = await openSite(t, {
    environment: {},
    urls: (url) => [{ service: 'fulfilment', url: `${url}/internal/v2/` }],
  });
  site.upstream.answer = json(shipment);
  t.equal((await site.ask('agent', '/fulfilment/shipments/17')).status, 200);
  t.match(site.upstream.asked, [{ url: '/internal/v2/shipments/17' }]);
});

void t.test(
  'routes, fields and roles change while it runs; where a service is waits for a restart',
  async (t) => {
    const site = await openSite(t, {
      config: (config) => ({ ...config, policies: { ...config.policies, approval: 'off' } }),
    });
    site.upstream.answer = json(shipment);
    const file = path.join(site.config.policies.directory, 'catalog.yaml');
    const edit = async (from: string, to: string, state: string) => {
      const count = site.observed.length;
      const draft = path.join(site.config.policies.directory, '.draft');
      writeFileSync(
        draft,
        readFileSync(file, 'utf8').replace(from, () => to),
      );
      renameSync(draft, file);
      for (;;) {
        const last = site.observed.slice(count).findLast((each) => each.event === 'policy');
        if (last?.state === state) return last;
        await pause(20);
      }
    };
    const status = async (url: string) => (await site.ask('agent', url)).status;
    t.equal(await status('/fulfilment/parcels/17'), 404);
    await edit('GET /shipments/:id,', 'GET /parcels/:id,', 'loaded');
    t.same([await status('/fulfilment/parcels/17'), await status('/fulfilment/shipments/17')], [200, 405]);

    const told = await edit('prefix: /fulfilment', 'prefix: /elsewhere', 'rejected');
    t.match(told, { details: [/fulfilment was below \/fulfilment when the gateway started/] });
    t.equal(await status('/fulfilment/parcels/17'), 200, 'the set before goes on');
  },
);

void t.test('a page of a listed origin may ask, and read the headers that the route lists', async (t) => {
  const origin = 'https://tool.example';
  const site = await openSite(t, {
    config: (config) => ({ ...config, http: { ...config.http, corsOrigins: [origin] } }),
  });
  const url = '/fulfilment/shipments';
  const before = await fetch(`${site.address}${url}`, {
    method: 'OPTIONS',
    headers: { origin, 'access-control-request-method': 'PATCH' },
  });
  t.equal(before.status, 204);
  t.equal(before.headers.get('access-control-allow-origin'), origin);
  t.match(before.headers.get('access-control-allow-methods'), /PATCH/);
  site.upstream.answer = json({ total: 0, data: [] }, 200, { 'x-total-count': '0' });
  const response = await site.ask('clerk', url, { headers: { origin } });
  t.equal(response.status, 200);
  t.match(response.headers.get('access-control-expose-headers'), /weir-request-id, x-total-count$/);
  const elsewhere = await fetch(`${site.address}${url}`, {
    method: 'OPTIONS',
    headers: { origin: 'https://evil.example' },
  });
  t.equal(elsewhere.headers.get('access-control-allow-methods'), null);
});

// Of nobody's: made for this test, good until 2126.
const key = `-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvEicerK9wp2thCE5
iDDJLLHEb/CVsv9OewNmXpCPsoWhRANCAASKBolLLXK7dmagQ+MVcjsmp8qFI1uB
zM9Aq6OW21TNuFagcr/R91aNW86Zby6gCpe7sgzOwIMMLOs6yBvz6ygw
-----END PRIVATE KEY-----
`;
const cert = `-----BEGIN CERTIFICATE-----
MIIBnDCCAUGgAwIBAgIUcb+nWOr8HSKcwobZ7Ho9qFBFGNwwCgYIKoZIzj0EAwIw
FDESMBAGA1UEAwwJbG9jYWxob3N0MCAXDTI2MTEyMjE0NTMxMloYDzIxMjYxMDI5
MTQ1MzEyWjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAASKBolLLXK7dmagQ+MVcjsmp8qFI1uBzM9Aq6OW21TNuFagcr/R91aN
W86Zby6gCpe7sgzOwIMMLOs6yBvz6ygwo28wbTAdBgNVHQ4EFgQUWaOBbTaPP0Zt
4FnUOZb6BbPqk6AwHwYDVR0jBBgwFoAUWaOBbTaPP0Zt4FnUOZb6BbPqk6AwDwYD
VR0TAQH/BAUwAwEB/zAaBgNVHREEEzARgglsb2NhbGhvc3SHBH8AAAEwCgYIKoZI
zj0EAwIDSQAwRgIhAKVg2pDRjgeKDw1FOJ0yfA0PW9Rtw88J6/VC5+xxRwCKAiEA
pdgNwk3JzZ8RPcQ46n9FCjVQb/9dzgIweim9k/ZlV5Q=
-----END CERTIFICATE-----
`;

void t.test('a service behind TLS must show a certificate that this machine trusts', async (t) => {
  const asked: string[] = [];
  const server = createServer({ key, cert }, (request, response) => {
    asked.push(request.url!);
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(shipment));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const site = await openSite(t, { environment: { FULFILMENT_URL: url } });
  const response = await site.ask('agent', '/fulfilment/shipments/17');
  t.equal(response.status, 502);
  t.match(await response.json(), { type: 'urn:weir:error:service-unavailable' });
  t.same(asked, []);
});
