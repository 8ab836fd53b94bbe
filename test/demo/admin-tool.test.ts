/**
 * A staff tool that knows nothing of Weir (examples/admin), in a real Chromium: the same screens against the order
 * service itself and through Weir, where nothing of the tool has changed but its base URL and its token.
 */
import t, { type Test } from 'tap';
import { buildTool, serveTool, type Tool } from '../../examples/admin/server.js';
import { withClient } from '../../src/demo/databases.js';
import type { DemoToken } from '../../src/demo/issuer.js';
import { jwksPath } from '../../src/identity/principal-token.js';
import { verifyLog } from '../../src/log/verify.js';
import { findChromium, openBrowser, withoutChromium } from '../support/browser.js';
import { freshDatabase } from '../support/database.js';
import { startDemoServices, toolToken } from '../support/demo-services.js';
import { startGateway } from '../support/gateway.js';
import { ToolPage } from './tool-page.js';

// Continuous integration has one, or fails.
const skip = findChromium() === undefined && process.env['CI'] !== 'true' && withoutChromium;

void t.test('the staff tool', { skip }, async (t) => {
  const shop = await freshDatabase(t, { template: 'shop' });
  const services = await startDemoServices(t, shop.url);
  const gateway = await startGateway(t, {
    environment: {
      FULFILMENT_URL: services.fulfilment,
      TELEPHONY_URL: services.telephony,
      LABELS_URL: services.labels,
    },
  });
  services.trust({ issuer: gateway.config.principal.issuer!, jwksUrl: `${gateway.address}${jwksPath}` });
  const browser = await openBrowser(t);
  const script = await buildTool();

  const direct = { api: services.fulfilment, exchange: services.telephony, token: toolToken };
  const throughWeir = async (who: DemoToken) => ({
    api: `${gateway.address}/fulfilment`,
    exchange: `${gateway.address}/telephony`,
    token: await gateway.token(who),
    headers: { 'weir-reason': 'call' },
  });

  async function open(t: Test, settings: Omit<Tool, 'script'>): Promise<ToolPage> {
    const tool = await serveTool({ script, ...settings });
    t.teardown(() => tool.close());
    return ToolPage.open(browser, tool.address, (error) => t.fail(`the page threw: ${String(error)}`));
  }

  /** The last call that telephony was told to make. */
  async function rung(): Promise<Record<string, unknown>> {
    const headers = { authorization: `Bearer ${toolToken}` };
    const last = await fetch(`${services.telephony}/calls/last`, { headers });
    return ((await last.json()) as { body: Record<string, unknown> }).body;
  }

  async function truth(id: number): Promise<{ status: string; receiver_phone: string }> {
    return withClient(shop.url, async (client) => {
      const { rows } = await client.query<{ status: string; receiver_phone: string }>(
        'SELECT status, receiver_phone FROM shop.shipments WHERE shipment_id = $1',
        [id],
      );
      return rows[0]!;
    });
  }

  /** One of the parcels on their way. */
  async function parcel(
    number: number,
  ): Promise<{ id: number; phone: string; region: string; orderId: number }> {
    return withClient(shop.url, async (client) => {
      const { rows } = await client.query<{ id: number; phone: string; region: string; orderId: number }>(
        `SELECT shipment_id::int AS id, s.receiver_phone AS phone, region, order_id::int AS "orderId"
           FROM shop.shipments s JOIN shop.orders USING (order_id) WHERE s.status = 'in_transit' ORDER BY 1 LIMIT 1 OFFSET $1`,
        [number],
      );
      return rows[0]!;
    });
  }

  /** The screens that are the same wherever the data comes from. @returns a shipment that is delivered */
  async function useScreens(t: Test, tool: ToolPage): Promise<number> {
    await tool.list();
    t.equal((await tool.column('id', /^\d+$/)).length, 20);
    await tool.filterByStatus('delivered');
    await tool.column('status', /^delivered$/);
    const id = Number((await tool.column('id', /^\d+$/))[0]);
    await tool.edit(id);
    await tool.chooseStatus('returned');
    await tool.save();
    await tool.says(/Element updated/);
    t.match(await truth(id), { status: 'returned' }, 'a status is changed');
    await tool.show(id);
    await tool.says(/Status\s+returned/);
    return id;
  }

  await t.test('against the service itself, everybody sees everything and overwrites it', async (t) => {
    const tool = await open(t, direct);
    const id = await useScreens(t, tool);
    await tool.says(/Identity card\s+990000\d{12}/);
    const { receiver_phone } = await truth(id);
    t.match(await tool.text(), receiver_phone);

    await tool.list();
    await tool.findByPhone(receiver_phone);
    await tool.column('receiver.phone', new RegExp(`^${receiver_phone.replace('+', '\\+')}$`));

    await tool.edit(id);
    await tool.writePhone('****1234');
    await tool.save();
    // The page may still say so of the change before.
    await tool.says(/Element updated/);
    const deadline = Date.now() + 30_000;
    while ((await truth(id)).receiver_phone === receiver_phone && Date.now() < deadline);
    t.match(await truth(id), { receiver_phone: '****1234' }, 'the real number is gone');
  });

  await t.test('through Weir the same screens work, and hold what the role sees', async (t) => {
    const tool = await open(
      t,
      await throughWeir({ role: 'warehouse', sub: 'qian', claims: { warehouse: 'HZ1' } }),
    );
    const id = await useScreens(t, tool);
    const { receiver_phone } = await truth(id);
    // The form that was there before says the status, too.
    await tool.says(/Name\s+.\*\*/);
    const shown = await tool.text();
    t.match(shown, /Phone\s+[\d-]{3,4}\*{4}\d{4}/);
    t.match(shown, /Name\s+.\*\*/);
    t.notMatch(shown, receiver_phone);
    t.notMatch(shown, /990000/, 'what the catalogue does not name is not there');

    await tool.list();
    await tool.column('receiver.phone', /\*{4}/);

    await tool.edit(id);
    await tool.writePhone('138****1234');
    await tool.save();
    await tool.says(/receiver\.phone/);
    t.match(await truth(id), { receiver_phone }, 'a masked number is never saved over the real one');
  });

  await t.test('through Weir an agent finds the shipments of a caller, and has no list', async (t) => {
    const tool = await open(t, await throughWeir({ role: 'support-agent', sub: 'li' }));
    const { receiver_phone } = await truth(7);
    await tool.list();
    await tool.says(/must pin a record or a person/);
    await tool.findByPhone(receiver_phone);
    const phones = await tool.column('receiver.phone', /^\*{4}\d{4}$/);
    t.ok(phones.every((phone) => phone.slice(-4) === receiver_phone.slice(-4)));
  });

  await t.test('a customer is called either way; through Weir the agent never gets the number', async (t) => {
    const one = await parcel(1);
    const tool = await open(t, direct);
    await tool.show(one.id);
    await tool.callTheCustomer();
    await tool.says(/Calling the customer: ringing/);
    t.same(await rung(), { to: one.phone, from: '8001', orderId: one.orderId });

    const { id, phone, region, orderId } = await parcel(2);

    const masked = await open(
      t,
      await throughWeir({ role: 'support-agent', sub: 'zhao', claims: { region } }),
    );
    await masked.show(id);
    await masked.says(/Phone\s+\*{4}\d{4}/);
    await masked.callTheCustomer();
    await masked.says(/Calling the customer: ringing/);
    t.same(await rung(), { to: phone, from: '8001', orderId });
    t.notMatch(await masked.text(), phone);
  });

  await t.test('who saw what stands on the log, which verifies', async (t) => {
    const { faults } = await verifyLog({ source: { url: gateway.store.runtimeUrl } });
    t.same(faults, []);
  });
});
