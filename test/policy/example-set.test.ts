import path from 'node:path';
import t from 'tap';
import { loadPolicies } from '../../src/policy/load.js';

const directory = path.resolve(import.meta.dirname, '../../policies');

void t.test('the policies that come with the gateway', async (t) => {
  const { set } = await loadPolicies(directory);
  const role = (name: string) => set.roles.get(name)!;

  await t.test('hold six roles over four tables', async (t) => {
    t.strictSame(
      [...set.roles.keys()],
      ['analyst', 'logistics', 'policy-owner', 'security', 'support-agent', 'warehouse'],
    );
    t.strictSame([...set.catalog.tables.keys()], ['orders', 'order_items', 'customers', 'shipments']);
    for (const table of set.catalog.tables.values()) t.equal(table.subject, 'customer_id', table.name);
  });

  await t.test('let a support agent find one order and see it masked', async (t) => {
    const orders = role('support-agent').tables.get('orders')!;
    t.equal(orders.browse, false);
    t.strictSame(orders.findBy, ['order_no', 'receiver_phone']);
    t.strictSame(orders.only, [{ column: 'region', value: { claim: 'region' } }]);
    t.strictSame(Object.fromEntries(orders.see), {
      order_id: 'clear',
      customer_id: 'clear',
      order_no: 'clear',
      receiver_name: 'surname',
      receiver_phone: 'last4',
      address: 'district',
      status: 'clear',
      created_at: 'clear',
    });
    t.equal(role('support-agent').perRequest, 50);
  });

  await t.test('let a packer browse the orders to ship of the own warehouse only', async (t) => {
    const orders = role('warehouse').tables.get('orders')!;
    t.equal(orders.browse, true);
    t.strictSame(orders.only, [
      { column: 'status', value: { literal: 'to_ship' } },
      { column: 'warehouse', value: { claim: 'warehouse' } },
    ]);
  });

  await t.test(
    'let a packer see and change the parcels of the own warehouse only, at the service as well',
    async (t) => {
      const { only, write, service } = role('warehouse').services!.get('fulfilment')!;
      t.strictSame(only, [{ column: 'warehouse', value: { claim: 'warehouse' } }]);
      t.ok(write);
      t.equal(service.routes.get('PATCH /shipments/:id')!.first, 'GET /shipments/:id');
    },
  );

  await t.test('show an analyst nothing personal', async (t) => {
    for (const { table, see, browse } of role('analyst').tables.values()) {
      t.ok(browse);
      for (const name of see.keys()) t.equal(table.columns.get(name)!.class, 'none', `${table.name}.${name}`);
    }
    t.equal(role('analyst').perRequest, 1_000_000);
  });

  await t.test('show security alerts and no orders', async (t) => {
    t.strictSame([...role('security').may], ['alerts', 'approve']);
    t.equal(role('security').tables.size, 0);
  });

  await t.test('let one role propose what another one approves, and neither read an order', async (t) => {
    t.strictSame([...role('policy-owner').may], ['propose']);
    t.equal(role('policy-owner').tables.size, 0);
  });

  await t.test(
    'show a whole phone number, name or remark to nobody, and an address in clear to logistics alone',
    async (t) => {
      for (const { role: name, tables } of set.roles.values()) {
        for (const { table, see } of tables.values()) {
          for (const [column, mask] of see) {
            const dataClass = table.columns.get(column)!.class;
            if (['phone', 'name', 'free-text', 'email'].includes(dataClass))
              t.not(mask, 'clear', `${name} ${column}`);
            if (dataClass === 'address' && mask === 'clear') t.equal(name, 'logistics');
          }
        }
      }
    },
  );

  await t.test('watch every rule for every role but the counting of packers', async (t) => {
    for (const [rule, threshold] of Object.entries(set.alerts.bulk)) t.type(threshold, 'number', rule);
    t.strictSame([...set.alerts.roles.keys()], ['warehouse']);
    t.equal(set.alerts.roles.get('warehouse')!.consecutive, undefined);
    t.equal(set.alerts.roles.get('warehouse')!.recordsPerRead, set.alerts.bulk.recordsPerRead);
  });
});
