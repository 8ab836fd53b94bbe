import { createRoot } from 'react-dom/client';
import { Admin, Resource } from 'react-admin';
import { shipmentsProvider } from './data-provider.js';
import { ShipmentEdit, ShipmentList, ShipmentShow } from './shipments.js';

// A real tool gets its token from a login; this one from the server that it was loaded from.
const { token } = (await (await fetch('/settings.json')).json()) as { token: string };

createRoot(document.getElementById('root')!).render(
  <Admin dataProvider={shipmentsProvider({ orders: '/api', calls: '/exchange' }, token)} disableTelemetry>
    <Resource name="shipments" list={ShipmentList} show={ShipmentShow} edit={ShipmentEdit} />
  </Admin>,
);
