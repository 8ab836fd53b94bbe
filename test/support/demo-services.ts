/** The demo's services over an order database of the test's own; the login's name too is its own. */
import { openServiceLogin } from '../../src/demo/services/login.js';
import { openDemoServices, type DemoServices } from '../../src/demo/services/open.js';
import { passwordOf, type Teardown } from './cluster.js';

export const toolToken = 'tool-token-in-tests';

/** @param ordersUrl superuser's, on the order database */
export async function startDemoServices(t: Teardown, ordersUrl: string): Promise<DemoServices> {
  const user = `fulfilment_${new URL(ordersUrl).pathname.slice(1)}`;
  const password = passwordOf(user);
  await openServiceLogin(ordersUrl, { user, password });
  const own = new URL(ordersUrl);
  own.username = user;
  own.password = password;
  const services = await openDemoServices({ ordersUrl: own.href, toolToken });
  t.teardown(() => services.close());
  return services;
}
