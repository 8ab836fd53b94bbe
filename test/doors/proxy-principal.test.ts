/** Who asks, as a service behind the proxy door learns it: from one header that only the gateway can have written. */
import { createRemoteJWKSet, jwtVerify } from 'jose';
import t from 'tap';
import { withRoles } from '../corridor/with-roles.js';
import type { GatewayOptions } from '../support/gateway.js';
import { json, openSite, roles, shipment } from './proxy-site.js';

void t.test('a service verifies the one header, whatever the caller has sent in it', async (t) => {
  const site = await openSite(t);
  const { upstream, address } = site;
  upstream.answer = json(shipment);
  const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', address));
  const principalOf = async (headers: Record<string, string> = {}) => {
    t.equal((await site.ask('agent', '/fulfilment/shipments/17', { headers })).status, 200);
    const [asked] = upstream.asked.splice(0);
    const header = asked!.headers['weir-principal'];
    t.type(header, 'string');
    t.notOk(
      ['authorization', 'x-user', 'forwarded', 'x-forwarded-for'].some((name) => name in asked!.headers),
    );
    t.match(asked!.headers['weir-request-id'], /^[0-9a-f-]{36}$/, 'the request travels beside it');
    const rules = { issuer: 'https://weir.test', audience: 'fulfilment', typ: 'weir-principal+jwt' };
    const { payload } = await jwtVerify(String(header), keys, rules);
    return { header, payload };
  };
  const plain = await principalOf();
  t.match(plain.payload, { sub: 'agent-1', client_id: 'weir-demo-tool', role: 'agent' });
  t.ok(plain.payload.exp! - plain.payload.iat! <= 60);
  const forged = {
    'weir-principal': 'eyJhbGciOiJub25lIn0.e30.',
    'x-user': 'root',
    forwarded: 'for=10.0.0.1',
  };
  t.equal((await principalOf(forged)).header, plain.header, 'the same token, as long as it is fresh');
});

void t.test('a gateway with services and no key to tell them who asks does not start', async (t) => {
  const config: GatewayOptions = {
    config: (config) => ({ ...config, principal: { keys: [] } }),
  };
  await t.rejects(openSite(t, config), { message: /it has no key: make one with weir service key/ });
  t.ok((await withRoles(t, { nobody: roles.nobody }, config)).address, 'without services it does');
});
