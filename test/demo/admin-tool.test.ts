/**
 * A staff tool that knows nothing of Weir (examples/admin), in a real Chromium: the same screens against the order
 * service itself and through Weir, where nothing of the tool has changed but its base URL and its token.
 */
import t from 'tap';
import { buildTool, serveTool } from '../../examples/admin/server.js';
import { withClient } from '../../src/demo/databases.js';
import { findChromium, openBrowser, withoutChromium } from '../support/browser.js';
import { freshDatabase } from '../support/database.js';
import { startDemoServices, toolToken } from '../support/demo-services.js';
import { ToolPage } from './tool-page.js';

// Continuous integration has one, or fails.
const skip = findChromium() === undefined && process.env['CI'] !== 'true' && withoutChromium;

void t.test('the staff tool', { skip }, async (t) => {
  const shop = await freshDatabase(t, { template: 'shop' });
  const services = await startDemoServices(t, shop.url);
  const browser = await openBrowser(t);
  const script = await buildTool();

  async function open(api: string, token: string): Promise<ToolPage> {
    const tool = await serveTool({ script, api, token });
    t.teardown(() => tool.close());
    return ToolPage.open(browser, tool.address, (error) => t.fail(`the page threw: ${String(error)}`));
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

  await t.test('against the service itself, everybody sees everything and overwrites it', async (t) => {
    const tool = await open(services.fulfilment, toolToken);
    await tool.list();
    const phones = await tool.column('receiver.phone', /\d{4}$/);
    t.equal(phones.length, 20);
    t.notMatch(phones.join(), /\*/, 'in clear');
    await tool.filterByStatus('delivered');
    await tool.column('status', /^delivered$/);
    const id = Number((await tool.column('id', /^\d+$/))[0]);
    const { receiver_phone } = await truth(id);
    await tool.findByPhone(receiver_phone);
    await tool.column('receiver.phone', new RegExp(`^${receiver_phone.replace('+', '\\+')}$`));

    await tool.show(id);
    await tool.says(/Identity card\s+990000\d{12}/);
    await tool.edit(id);
    await tool.chooseStatus('returned');
    await tool.writePhone('****1234');
    await tool.save();
    await tool.says(/Element updated/);
    t.same(await truth(id), { status: 'returned', receiver_phone: '****1234' });
  });
});
