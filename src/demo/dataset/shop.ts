/**
 * The synthetic shop, row by row: same seed and sizes, same rows. Makes one order at a time and
 * keeps none, so that a million need no more memory than a thousand.
 */
import { drawAddress, type Address } from './addresses.js';
import { dayMs, drawCourse, endOfDay, orderTimes, spanDays } from './calendar.js';
import { informalName, personName, relativeName } from './names.js';
import { lastFour, mobile, phoneOf } from './phones.js';
import { drawProduct } from './products.js';
import { randomFor, Weighted, type Random } from './random.js';
import { drawRemark } from './remarks.js';

export interface ShopSize {
  readonly orders: number;
  readonly customers: number;
  readonly seed: number;
  /** China's date of the last orders, "2026-11-21"; they go 90 days back. */
  readonly lastDay: string;
}

/** Goes up when the same seed gives other rows or columns than before: databases that hold the old ones are made again. */
export const datasetFormat = 2;

export const demoShop: ShopSize = {
  orders: 60_000,
  customers: 12_000,
  seed: 20_261_122,
  lastDay: '2026-11-21',
};

/** One row: text of each column in the order of the table, null where it has none. */
export type Row = readonly (string | null)[];

export interface OrderRows {
  readonly order: Row;
  readonly items: readonly Row[];
  readonly shipment: Row | undefined;
}

interface Customer {
  readonly name: string;
  readonly phone: string;
  readonly email: string | null;
  readonly home: Address;
  readonly office: Address;
  readonly registeredAtMs: number;
}

export function* customerRows(size: ShopSize): Generator<Row> {
  const openedMs = endOfDay(size.lastDay) - spanDays * dayMs;
  for (let id = 1; id <= size.customers; id++) {
    const { name, phone, email, home, registeredAtMs } = drawCustomer(size.seed, id, openedMs);
    yield [String(id), name, phone, email, home.place.region, timestamp(registeredAtMs)];
  }
}

export function* orderRows(size: ShopSize): Generator<OrderRows> {
  const endMs = endOfDay(size.lastDay);
  const openedMs = endMs - spanDays * dayMs;
  const buyers = drawBuyers(size.customers);
  let id = 0;
  let itemId = 0;
  let shipmentId = 0;
  for (const { atMs, day, ofDay } of orderTimes(size.seed, size.orders, size.lastDay)) {
    const random = randomFor(size.seed, 'order', ++id);
    const customerId = buyers.draw(random);
    const customer = drawCustomer(size.seed, customerId, openedMs);
    const { name, phone, address } = drawReceiver(random, customer);
    const { status, shippedAtMs, shipmentStatus } = drawCourse(random, atMs, endMs);
    const remark = drawRemark(random, address.place, phone);
    const orderId = String(id);
    const buyer = String(customerId);

    let amountCents = 0;
    const items = Array.from({ length: drawItemCount(random) }, (): Row => {
      const product = drawProduct(random);
      const quantity = random.chance(82) ? 1 : random.between(2, 5);
      amountCents += quantity * product.priceCents;
      const { sku, title, priceCents } = product;
      return [String(++itemId), orderId, buyer, sku, title, String(quantity), yuan(priceCents)];
    });
    yield {
      order: [
        orderId,
        `WR${day}${String(ofDay).padStart(7, '0')}`,
        buyer,
        name,
        phone,
        lastFour(phone),
        address.text,
        remark,
        address.place.region,
        drawWarehouse(random, address.place.region),
        status,
        yuan(amountCents),
        timestamp(atMs),
      ],
      items,
      shipment:
        shippedAtMs === undefined || shipmentStatus === undefined
          ? undefined
          : [
              String(++shipmentId),
              orderId,
              buyer,
              ...drawParcel(random),
              name,
              phone,
              address.text,
              shipmentStatus,
              timestamp(shippedAtMs),
            ],
    };
  }
}

/** Made from seed and number alone: the same customer at each of their orders. */
function drawCustomer(seed: number, id: number, openedMs: number): Customer {
  const random = randomFor(seed, 'customer', id);
  const home = drawAddress(random);
  const phone = phoneOf(random, home.place.city);
  return {
    home,
    phone,
    name: personName(random),
    // Domains that RFC 2606 reserves: nobody gets mail there.
    email: random.chance(40)
      ? `${random.pick(['u', 'vip', 'lucky', 'xm'])}${random.digits(8)}@example.com`
      : null,
    office: drawAddress(random, home.place),
    registeredAtMs: openedMs - Math.floor(random.next() * 1500 * dayMs),
  };
}

/** Rank r orders like 1 / (r + n/40): of 60,000 orders the best customer makes about fifty, most make one to five. */
function drawBuyers(customers: number): Weighted<number> {
  let stride = Math.floor(customers * 0.618) | 1;
  while (divisor(stride, customers) !== 1) stride += 2;
  return new Weighted(
    Array.from({ length: customers }, (_, rank): [number, number] => [
      ((rank * stride) % customers) + 1,
      1 / (rank + 1 + customers / 40),
    ]),
  );
}

function divisor(a: number, b: number): number {
  return b === 0 ? a : divisor(b, a % b);
}

interface Receiver {
  readonly name: string;
  readonly phone: string;
  readonly address: Address;
}

function drawReceiver(random: Random, customer: Customer): Receiver {
  const { name, phone, home, office } = customer;
  const kind = random.below(100);
  if (kind < 72) return { name, phone, address: home };
  if (kind < 84) return { name, phone, address: office };
  if (kind < 87) return { name: informalName(random, name), phone, address: home };
  if (kind < 94) return { name: relativeName(random, name), phone: mobile(random), address: home };
  // A present, or parents elsewhere.
  return { name: relativeName(random, name), phone: mobile(random), address: drawAddress(random) };
}

function drawItemCount(random: Random): number {
  const kind = random.below(100);
  return kind < 52 ? 1 : kind < 80 ? 2 : kind < 93 ? 3 : 4;
}

const nearest: Readonly<Record<string, string>> = {
  华东: 'HZ1',
  华南: 'GZ1',
  华北: 'BJ1',
  东北: 'BJ1',
  华中: 'WH1',
  西南: 'CD1',
  西北: 'CD1',
};

function drawWarehouse(random: Random, region: string): string {
  // The nearest one, unless it is out of stock.
  return random.chance(94) ? (nearest[region] as string) : random.pick(['HZ1', 'GZ1', 'BJ1', 'WH1', 'CD1']);
}

const carriers: readonly (readonly [string, string, number])[] = [
  ['顺丰速运', 'SF', 13],
  ['中通快递', 'ZT', 12],
  ['圆通速递', 'YT', 13],
  ['韵达快递', 'YD', 13],
  ['京东物流', 'JD', 13],
  ['中国邮政', 'EMS', 11],
];

function drawParcel(random: Random): [string, string] {
  const [carrier, code, digits] = random.pick(carriers);
  return [carrier, code + random.digits(digits)];
}

function yuan(cents: number): string {
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}
