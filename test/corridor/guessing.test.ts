/** The hidden-digit rule through whole gateways: over processes, on the log, and to security. */
import t from 'tap';
import { verifyLog } from '../../src/log/verify.js';
import { withRoles } from './with-roles.js';

const agent = `for: people
tables:
  orders: {find_by: [receiver_phone], see: {order_no: clear, receiver_phone: middle}}
  customers: {find_by: [phone], see: {customer_id: clear, phone: middle}}
limits: {records: 500 per day}
per_request: 50
`;
const security = 'for: people\nmay: [alerts]\n';

void t.test(
  'a third look-up that differs in hidden digits only is refused by whichever process is asked, and security sees it',
  async (t) => {
    const one = await withRoles(t, { agent, security });
    const other = await withRoles(t, { agent, security }, { store: one.store });
    const [order] = await one.rows<{ receiver_phone: string }>(
      `SELECT receiver_phone FROM shop.orders WHERE receiver_phone ~ '^1[0-9]{10}$' LIMIT 1`,
    );
    const phone = order!.receiver_phone;
    const guess = (middle: string) => `${phone.slice(0, 3)}${middle}${phone.slice(7)}`;
    const ask = async (gateway: typeof one, filter: string, sub = 'li') => {
      const response = await gateway.get(`/rest/orders?receiver_phone=${filter}`, { role: 'agent', sub });
      return { status: response.status, text: await response.text() };
    };
    t.equal((await ask(one, `eq.${phone}`)).status, 200);
    t.equal((await ask(other, `eq.${guess('0001')}`)).status, 200);
    t.equal((await ask(one, `eq.${phone}`)).status, 200, 'the same number again is no guess');
    t.equal((await ask(other, `eq.13900009999`)).status, 200, 'another number is none either');
    for (const gateway of [one, other]) {
      const refused = await ask(gateway, `eq.${guess('0002')}`);
      t.equal(refused.status, 403);
      t.match(JSON.parse(refused.text), { type: 'urn:weir:error:guessing-refused' });
      t.notMatch(refused.text, guess('0002'));
    }
    t.equal((await ask(one, `eq.${guess('0002')}`, 'wang')).status, 200, 'each person for himself');
    const list = `in.(${['1001', '1002', '1003'].map(guess).join(',')})`;
    t.equal((await ask(one, list, 'zhao')).status, 403, 'nor all at once');

    const elsewhere = await one.get(`/rest/customers?phone=eq.${guess('0003')}`, {
      role: 'agent',
      sub: 'li',
    });
    t.equal(elsewhere.status, 403, 'nor in another table');

    const refusals = (await one.entries()).filter(({ kind }) => kind === 'refusal');
    t.match(
      refusals,
      [1, 2, 3, 4].map(() => ({ error: 'guessing-refused', flags: [['guessing', 3, 3]] })),
    );
    t.notMatch(JSON.stringify(await one.entries()), new RegExp(`${phone}|${guess('0002')}`));
    const alerts = await one.get('/admin/alerts', { role: 'security', sub: 'sun' });
    t.match(await alerts.json(), { alerts: [{}, {}, {}, { person: 'li', reasons: [{ rule: 'guessing' }] }] });
    t.equal(one.observed.filter(({ event }) => event === 'flagged').length, 3);
    const { faults } = await verifyLog({ source: { url: one.store.runtimeUrl } });
    t.same(faults, []);
  },
);
