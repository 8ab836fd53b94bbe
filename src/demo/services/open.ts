/** The demo's three services, on free ports of the loopback address, over the order database. */
import pg from 'pg';
import { Callers, type TrustedGateway } from './callers.js';
import { labelPrinter, telephony } from './desk.js';
import { fulfilment } from './fulfilment.js';
import { Shipments } from './shipments.js';

export interface DemoServicesOptions {
  /** The order database, as the service's own login (login.ts). */
  readonly ordersUrl: string;
  readonly toolToken: string;
}

export interface DemoServices {
  /** Base URLs. */
  readonly fulfilment: string;
  readonly telephony: string;
  readonly labels: string;
  /** From then on they believe who that gateway says is asking. */
  trust(gateway: TrustedGateway): void;
  close(): Promise<void>;
}

export async function openDemoServices({ ordersUrl, toolToken }: DemoServicesOptions): Promise<DemoServices> {
  const pool = new pg.Pool({ connectionString: ordersUrl, max: 4 });
  // A connection that breaks while idle is replaced; without a listener it would end the process.
  pool.on('error', () => undefined);
  const callers = ['fulfilment', 'telephony', 'labels'].map((service) => new Callers(service, toolToken));
  const [ofOrders, ofCalls, ofLabels] = callers as [Callers, Callers, Callers];
  const apps = [
    fulfilment({ shipments: new Shipments(pool), callers: ofOrders }),
    telephony(ofCalls),
    labelPrinter(ofLabels),
  ];
  const trust = (gateway: TrustedGateway) => callers.forEach((each) => each.trust(gateway));
  const close = async () => {
    await Promise.all(apps.map((app) => app.close()));
    await pool.end();
  };
  try {
    const [orders, calls, labels] = await Promise.all(
      apps.map((app) => app.listen({ host: '127.0.0.1', port: 0 })),
    );
    return { fulfilment: orders!, telephony: calls!, labels: labels!, trust, close };
  } catch (error) {
    await close();
    throw error;
  }
}
