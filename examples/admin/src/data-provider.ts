/** How the screens get their data from the order service. It sends what was changed, and nothing else. */
import { HttpError, type DataProvider, type RaRecord } from 'react-admin';

export interface Shipment extends RaRecord<number> {
  orderId?: number;
  orderNo?: string;
  carrier?: string;
  trackingNo?: string;
  status?: string;
  shippedAt?: string;
  note?: string | null;
  receiver?: { name?: string; phone?: string; address?: string; idCardNo?: string };
  items?: { sku?: string; title?: string; quantity?: number }[];
}

export interface ShipmentsProvider extends DataProvider {
  call(shipment: Shipment): Promise<{ callId: string; status: string }>;
}

export interface Addresses {
  /** Of the order service. */
  readonly orders: string;
  /** Of the telephone exchange. */
  readonly calls: string;
}

export function shipmentsProvider({ orders, calls }: Addresses, token: string): ShipmentsProvider {
  async function ask<Answer>(address: string, method = 'GET', body?: unknown): Promise<Answer> {
    const response = await fetch(address, {
      method,
      headers: {
        accept: 'application/json',
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const answer = (await response.json().catch(() => ({}))) as Record<string, string>;
    if (!response.ok) {
      const text = answer['message'] ?? answer['error'] ?? answer['detail'] ?? answer['title'];
      throw new HttpError(text ?? response.statusText, response.status, answer);
    }
    return answer as Answer;
  }

  const provider = {
    async getList(
      _resource: string,
      { pagination, filter }: { pagination?: { page: number }; filter?: object },
    ) {
      const query = new URLSearchParams({ ...filter, page: String(pagination?.page ?? 1) });
      const { data, total } = await ask<{ data: Shipment[]; total: number }>(`${orders}/shipments?${query}`);
      return { data, total };
    },
    async getOne(_resource: string, { id }: { id: number }) {
      return { data: await ask<Shipment>(`${orders}/shipments/${id}`) };
    },
    async getMany(_resource: string, { ids }: { ids: number[] }) {
      return { data: await Promise.all(ids.map((id) => ask<Shipment>(`${orders}/shipments/${id}`))) };
    },
    async update(
      _resource: string,
      { id, data, previousData }: { id: number; data: Partial<Shipment>; previousData: Shipment },
    ) {
      const phone = data.receiver?.phone;
      const change = {
        ...(data.status === previousData.status ? {} : { status: data.status }),
        ...(data.note === previousData.note ? {} : { note: data.note }),
        ...(phone === previousData.receiver?.phone ? {} : { receiver: { phone } }),
      };
      return { data: await ask<Shipment>(`${orders}/shipments/${id}`, 'PATCH', change) };
    },
    call({ orderId, orderNo, receiver }: Shipment) {
      const from = '8001';
      const to = receiver?.phone ?? '';
      // A masked number cannot be rung: the order is named, and the number is put in on the way.
      const wanted = to.includes('*') ? { order_no: orderNo, from } : { to, orderId, from };
      return ask<{ callId: string; status: string }>(`${calls}/calls`, 'POST', wanted);
    },
  };
  // The screens ask for nothing else.
  return provider as unknown as ShipmentsProvider;
}
