/** The service behind the proxies: answers that are ready before they are asked for, one record or a page of them. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ServiceJob } from './messages.js';
import { serve } from './parent.js';

const names = ['张伟强', '李小龙', '欧阳娜娜', '王芳', 'John Smith'];
const streets = [
  '浙江省杭州市西湖区文三路',
  '上海市浦东新区世纪大道',
  '广东省深圳市南山区科技园',
  '北京市海淀区中关村大街',
];

function shipmentOf(id: number, customers: readonly string[]): object {
  return {
    id,
    orderNo: `WR26112200${String(id).padStart(6, '0')}`,
    customerId: customers[id % customers.length],
    status: ['packed', 'sent', 'delivered'][id % 3],
    receiver: {
      name: names[id % names.length],
      phone: `13${id % 10}${String(10_000_000 + ((id * 7919) % 89_999_999))}`,
      address: `${streets[id % streets.length] ?? ''}${id % 300}号${id % 20}幢`,
    },
    items: [{ sku: `A${id % 500}`, title: '棉质T恤 白色 XL', quantity: 1 + (id % 3) }],
    weight: 0.25 + (id % 40) / 8,
    createdAt: '2026-11-22T10:15:00+08:00',
    warehouse: 'HZ-2',
    courier: { name: '快递员甲', phone: '13900001111' },
    etag: `x${id}`,
  };
}

serve<ServiceJob, number>(async ({ customers, lists }) => {
  const bodies = new Map<string, Buffer>();
  for (let id = 0; id < 4_000; id++)
    bodies.set(`/shipments/${id}`, Buffer.from(JSON.stringify(shipmentOf(id, customers))));
  for (const { size, pages } of lists)
    for (let page = 0; page < pages; page++) {
      const data = Array.from({ length: size }, (_, at) => shipmentOf(page * size + at, customers));
      const text = JSON.stringify({ total: size * pages, data });
      bodies.set(`/shipments?page=${page}&size=${size}`, Buffer.from(text));
    }
  const server = createServer({ keepAliveTimeout: 600_000 }, (request, response) => {
    const body = bodies.get(request.url ?? '');
    if (body === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': body.length });
    response.end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
});
