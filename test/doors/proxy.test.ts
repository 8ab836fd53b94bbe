/** The proxy door over a whole gateway: what passes of a call and its answer, and what stands on the log. */
import t from 'tap';
import { json, openSite, shipment } from './proxy-site.js';

const site = await openSite(t);
const { upstream } = site;

void t.test(
  'one record: named fields as the role sees them, recorded and charged, nothing else',
  async (t) => {
    upstream.answer = json(shipment, 200, { etag: '"x"', 'set-cookie': 'a=b', 'last-modified': 'now' });
    const response = await site.ask('agent', '/fulfilment/shipments/17', {
      headers: { cookie: 'x=y', 'if-none-match': '"x"', 'x-user': 'root' },
    });
    t.equal(response.status, 200);
    t.same(await response.json(), {
      id: 17,
      status: 'sent',
      receiver: { name: '张**', phone: '****1234' },
      items: [{ title: 'tea' }],
    });
    t.same(
      [...response.headers.keys()]
        .filter((name) => !['date', 'keep-alive', 'connection'].includes(name))
        .sort(),
      ['cache-control', 'content-length', 'content-type', 'weir-request-id', 'x-content-type-options'],
    );
    t.equal(upstream.asked.length, 1);
    const [asked] = upstream.asked.splice(0);
    t.match(asked, { method: 'GET', url: '/shipments/17' });
    t.same(Object.keys(asked!.headers).sort(), [
      'accept',
      'accept-encoding',
      'connection',
      'host',
      'weir-principal',
      'weir-request-id',
    ]);
    const [entry, ...others] = await site.news();
    t.same(others, []);
    t.match(entry, {
      kind: 'read',
      door: 'proxy',
      route: 'GET /fulfilment/shipments/:id',
      role: 'agent',
      statement: 'GET /fulfilment/shipments/:id',
      read: { table: 'shipments', records: 1, see: { 'receiver.phone': 'last4' }, last: true, part: 0 },
      charge: { amounts: { queries: 1, records: 1 } },
    });
  },
);

void t.test('the whole log verifies', async (t) => {
  t.same(await site.faults(), []);
});
