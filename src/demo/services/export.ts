/** Shipments as files: CSV whose columns are the fields' paths, or a line of JSON each. */
import type { Shipment } from './shipments.js';

type Cell = string | number | null;

const columns: readonly (readonly [string, (shipment: Shipment) => Cell])[] = [
  ['id', (s) => s.id],
  ['orderId', (s) => s.orderId],
  ['orderNo', (s) => s.orderNo],
  ['customerId', (s) => s.customerId],
  ['carrier', (s) => s.carrier],
  ['trackingNo', (s) => s.trackingNo],
  ['warehouse', (s) => s.warehouse],
  ['status', (s) => s.status],
  ['shippedAt', (s) => s.shippedAt],
  ['note', (s) => s.note],
  ['receiver.name', (s) => s.receiver.name],
  ['receiver.phone', (s) => s.receiver.phone],
  ['receiver.address', (s) => s.receiver.address],
  ['receiver.idCardNo', (s) => s.receiver.idCardNo],
  ['internalNote', (s) => s.internalNote],
];

/** RFC 4180. */
export function shipmentTable(shipments: readonly Shipment[]): string {
  const lines = [columns.map(([name]) => name).join(',')];
  for (const shipment of shipments) lines.push(columns.map(([, of]) => quoted(of(shipment))).join(','));
  return `${lines.join('\r\n')}\r\n`;
}

export function shipmentLines(shipments: readonly Shipment[]): string {
  return shipments.map((shipment) => `${JSON.stringify(shipment)}\n`).join('');
}

function quoted(cell: Cell): string {
  const text = String(cell ?? '');
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
