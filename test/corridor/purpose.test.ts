/** Reasons and tickets from the header to the entry, and back by `weir log show`. */
import t from 'tap';
import pg from 'pg';
import { showLog } from '../../src/log/show.js';
import { withRoles } from './with-roles.js';

const desk = `for: people
tables:
  orders: {find_by: [order_no], see: {order_no: clear, receiver_name: surname}}
reason: [call, return]
ticket: {need: required, pattern: CS-*}
limits: {records: 500 per day}
per_request: 50
`;

void t.test('a read gives its reason and ticket, and both stand in its entry', async (t) => {
  const gateway = await withRoles(t, { desk });
  const [order] = await gateway.rows<{ order_no: string }>('SELECT order_no FROM shop.orders LIMIT 1');
  const ask = async (
    headers: Record<string, string>,
    path = `/rest/orders?order_no=eq.${order!.order_no}`,
  ) => {
    const response = await gateway.get(path, { role: 'desk', sub: 'li' }, headers);
    return { status: response.status, body: (await response.json()) as { type: string; hint: string } };
  };
  t.equal((await ask({ 'weir-reason': 'call', 'weir-ticket': 'CS-1' })).status, 200);
  t.equal((await ask({ 'weir-reason': 'return', 'weir-ticket': 'CS-"\\2' })).status, 200);
  t.match(await ask({ 'weir-ticket': 'CS-1' }), {
    status: 403,
    body: { type: 'urn:weir:error:reason-required', hint: /call, return/ },
  });
  t.match(await ask({ 'weir-reason': '13812341234', 'weir-ticket': 'CS-1' }), { status: 403 });
  t.match(await ask({ 'weir-reason': 'call', 'weir-ticket': '13812341234' }), {
    status: 403,
    body: { type: 'urn:weir:error:ticket-required', hint: /CS-\*/ },
  });
  t.equal((await ask({ 'weir-reason': 'call', 'weir-ticket': 'CS-3' }, '/rest/orders')).status, 403);

  const entries = (await gateway.entries()).filter(({ kind }) => kind === 'read' || kind === 'refusal');
  t.match(entries, [
    { kind: 'read', reason: 'call', ticket: 'CS-1' },
    { kind: 'read', reason: 'return', ticket: 'CS-"\\2' },
    { kind: 'refusal', error: 'reason-required', reason: undefined, ticket: undefined },
    { kind: 'refusal', error: 'reason-required', ticket: undefined },
    { kind: 'refusal', error: 'ticket-required', ticket: undefined },
    { kind: 'refusal', error: 'pin-required', reason: 'call', ticket: 'CS-3' },
  ]);
  t.notMatch(JSON.stringify(entries), /13812341234/, 'what was not let pass is not recorded');

  const pool = new pg.Pool({ connectionString: gateway.store.runtimeUrl, max: 1 });
  t.teardown(() => pool.end());
  const shown = async (filter: { reason?: string; ticket?: string }) => {
    const found: (string | undefined)[] = [];
    for await (const { ticket } of showLog(pool, [], filter)) found.push(ticket);
    return found;
  };
  t.same(await shown({ reason: 'call' }), ['CS-3', 'CS-1']);
  t.same(await shown({ ticket: 'CS-"\\2' }), ['CS-"\\2']);
  t.same(await shown({ reason: 'call', ticket: 'CS-"\\2' }), []);
  t.same(await gateway.faults(), []);
});
