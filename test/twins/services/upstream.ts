/**
 * One of two services: real HTTP, and an answer to each request that is the same for both in what the role sees,
 * and in nothing else. What is asked for decides the answer, so that order and time do not. Some answers are
 * failures, and hold what must not be seen as well.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';
import { maskOf } from '../../../src/mask/masks.js';
import type { ServicePolicy } from '../../../src/policy/model.js';
import type { Teardown } from '../../support/cluster.js';
import { changes } from '../hidden-change.js';
import { seeded, type Random } from '../requests.js';
import { ownWarehouse } from './policies.js';

export type Twin = 'one' | 'two';

/** Both answer so to such a number; what stands first is likeliest. */
export type Fate =
  | 'answer'
  | 'not-found'
  | 'error'
  | 'conflict'
  | 'refusal'
  | 'redirect'
  | 'page'
  | 'broken'
  | 'twice'
  | 'half'
  | 'zipped'
  | 'other-type'
  | 'boolean';

const failures: readonly Fate[] = [
  'not-found',
  'error',
  'conflict',
  'refusal',
  'redirect',
  'page',
  'broken',
  'twice',
  'half',
  'zipped',
  'other-type',
  'boolean',
];

/** One number in six fails, each in its way. */
export function fateOf(number: number): Fate {
  return number % 6 === 5 ? (failures[Math.floor(number / 6) % failures.length] ?? 'answer') : 'answer';
}

export async function startTwinService(t: Teardown, twin: Twin, policy: ServicePolicy): Promise<string> {
  const server = createServer((request, response) => {
    request.resume().once('end', () => new Answer(twin, policy, request).send(response));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

type Field = null | boolean | number | string | Field[] | { [name: string]: Field };

class Answer {
  readonly #twin: Twin;
  readonly #policy: ServicePolicy;
  readonly #url: URL;
  readonly #number: number;
  /** The same for both. */
  readonly #shared: Random;
  /** Of this one alone. */
  readonly #own: Random;

  constructor(twin: Twin, policy: ServicePolicy, request: IncomingMessage) {
    this.#twin = twin;
    this.#policy = policy;
    this.#url = new URL(request.url ?? '/', 'http://service');
    const last =
      this.#url.searchParams.get('page') ??
      this.#url.searchParams.get('phone') ??
      this.#url.pathname.split('/').at(-1);
    this.#number = Number(last) || 0;
    this.#shared = seeded(this.#number);
    this.#own = seeded(this.#number * 2 + (twin === 'one' ? 0 : 1) + 77_000_000);
  }

  send(response: ServerResponse): void {
    const fate = fateOf(this.#number);
    const secret = encodeURIComponent(this.#secret());
    const headers: Record<string, string> = {
      etag: `"${secret}"`,
      'last-modified': new Date(this.#whole(2e9) * 1000).toUTCString(),
      'set-cookie': `session=${secret}`,
      link: `</shipments?after=${secret}>; rel=next`,
      'cache-control': `max-age=${this.#whole(1e6)}`,
      age: String(this.#whole(1000)),
      server: `service-${this.#twin}`,
      'x-debug': secret,
      'content-language': this.#twin === 'one' ? 'zh' : 'en',
      vary: this.#twin === 'one' ? 'accept' : 'origin',
      ...(this.#twin === 'one' ? { 'x-one': secret } : {}),
    };
    const problem = JSON.stringify({
      message: `no ${secret}`,
      stack: 'x'.repeat(this.#whole(900)),
      id: this.#number,
    });
    const end = (
      status: number,
      body: string | Buffer,
      type: string,
      more: Record<string, string> = {},
    ): void => {
      const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) };
      response.writeHead(status, { ...headers, ...length, 'content-type': type, ...more });
      response.end(body);
    };
    const statuses: Partial<Record<Fate, number>> = {
      'not-found': 404,
      error: 500,
      conflict: 409,
      refusal: 400,
    };
    const status = statuses[fate];
    if (status !== undefined) return end(status, problem, 'application/json');
    if (fate === 'redirect') return end(302, '', 'text/plain', { location: `/shipments?of=${secret}` });
    if (fate === 'page') return end(200, `<html>${secret}</html>`, 'text/html');
    if (fate === 'other-type') return end(200, secret, 'application/octet-stream');
    // One of the two says that there is none, the other that it is somebody else's.
    if (this.#isOfOthers && this.#twin === 'one') return end(404, problem, 'application/json');
    const { type, text: sound, more } = this.#body();
    const text = fate === 'twice' ? twice(sound) : fate === 'broken' ? broken(sound, type) : sound;
    if (fate === 'zipped') return end(200, gzipSync(text), type, { 'content-encoding': 'gzip' });
    if (fate === 'half') {
      response.writeHead(200, {
        ...headers,
        'content-type': type,
        'content-length': Buffer.byteLength(text) + 1 + this.#whole(1000),
      });
      response.write(text);
      setImmediate(() => response.destroy());
      return;
    }
    if (this.#hasNoContent) return end(204, '', type);
    end(200, text, type, more);
  }

  #body(): { type: string; text: string; more: Record<string, string> } {
    const { pathname } = this.#url;
    const count = 1 + Math.floor(this.#shared() * 6);
    const rows = (): Field[] => {
      const own = Array.from({ length: count }, (_, at) => this.#record(this.#number * 10 + at, at));
      // The service goes by the warehouse that it is told.
      if (!this.#filtersRows || this.#url.searchParams.get('warehouse') === ownWarehouse) return own;
      return own.flatMap((row) => [...this.#strangers(), row]).concat(this.#strangers());
    };
    if (pathname === '/table')
      return { type: 'text/csv; charset=utf-8', text: this.#table(rows()), more: {} };
    if (pathname === '/lines')
      return {
        type: 'application/x-ndjson',
        text: this.#escape(
          rows()
            .map((row) => `${JSON.stringify(row)}\n`)
            .join(''),
        ),
        more: {},
      };
    const space = this.#whole(3);
    const write = (value: Field): string => this.#escape(JSON.stringify(value, null, space));
    if (pathname === '/shipments' || pathname === '/everything') {
      const data = rows();
      const total = data.length;
      const more = this.#around({ total, page: { size: total, cursor: this.#secret() }, data });
      return { type: 'application/json', text: write(more), more: { 'x-total-count': String(total) } };
    }
    if (pathname.startsWith('/latest')) return { type: 'application/json', text: write(rows()), more: {} };
    const one = this.#isOfOthers ? this.#stranger(this.#number) : this.#record(this.#number, 0);
    return { type: 'application/json', text: write(one), more: {} };
  }

  get #filtersRows(): boolean {
    return this.#policy.only.length > 0;
  }

  get #hasNoContent(): boolean {
    return this.#url.pathname.startsWith('/shipments/') && this.#number % 7 === 3;
  }

  /** Every fifth record belongs to another warehouse, where the answer is one that can be read. */
  get #isOfOthers(): boolean {
    const isOther =
      this.#filtersRows && this.#url.pathname.startsWith('/shipments/') && this.#number % 5 === 2;
    return isOther && fateOf(this.#number) === 'answer' && !this.#hasNoContent;
  }

  /** In each place as many as this service likes. */
  #strangers(): Field[] {
    return Array.from({ length: this.#whole(3) }, () => this.#stranger(this.#whole(9999)));
  }

  /** A record of another warehouse, or of none: whatever it holds must not matter. */
  #stranger(id: number): Field {
    const warehouse = [`SZ${this.#whole(9)}`, null, [ownWarehouse], { of: ownWarehouse }, `${ownWarehouse} `];
    const record: { [name: string]: Field } = {
      id: this.#own() < 0.8 ? id : { no: id },
      status: this.#own() < 0.5 ? this.#secret() : [this.#secret()],
      receiver: this.#own() < 0.5 ? { phone: this.#secret() } : { phone: { number: this.#whole(1e9) } },
      items: this.#own() < 0.5 ? [] : this.#secret(),
    };
    return this.#around(this.#own() < 0.1 ? record : { ...record, warehouse: warehouse[this.#whole(5)]! });
  }

  #record(id: number, at: number): Field {
    const shared = this.#shared;
    const pick = <T>(list: readonly T[]): T => list[Math.floor(shared() * list.length)]!;
    const number = (max: number): number => Math.floor(shared() * max);
    const fate = at === 0 ? fateOf(this.#number) : 'answer';
    const hide = (path: string, dataClass: string, value: string): Field =>
      this.#hide(path, dataClass, value);
    const record = {
      id,
      customerId: hide('customerId', 'order-number', `C${100_000 + number(900_000)}`),
      status: pick(['new', 'sent', '已签收', null]),
      warehouse: this.#policy.see.has('warehouse') ? ownWarehouse : this.#secret(),
      createdAt:
        this.#policy.see.get('createdAt') === 'month'
          ? `2026-${pick(['10', '11'])}-${10 + this.#whole(20)}T10:15:00Z`
          : `2026-11-${10 + number(19)}`,
      amount: this.#policy.see.has('amount') ? number(30) * 100 + this.#whole(100) : this.#whole(99999),
      remark: pick([true, false]) ? this.#secret() : this.#anything(),
      receiver: pick([
        null,
        ...Array.from({ length: 6 }, () => ({
          name: hide('receiver.name', 'name', pick(['张伟强', '欧阳娜娜', '王五', '李小龙'])),
          phone: hide('receiver.phone', 'phone', `13${number(10)}${String(10_000_000 + number(89_999_999))}`),
          address: hide(
            'receiver.address',
            'address',
            pick(['浙江省杭州市西湖区文三路90号3幢', '上海市浦东新区世纪大道8号', '北京市海淀区中关村']),
          ),
          email: hide('receiver.email', 'email', pick(['zhang@example.com', 'li.si@mail.example'])),
        })),
      ]),
      items: Array.from({ length: number(3) }, () => ({
        title: pick(['茶', '棉质T恤', 'cup']),
        cost: this.#whole(500),
      })),
      tags: this.#policy.see.has('tags[*]') ? ['a', 'b'].slice(number(3)) : [this.#secret()],
      labels: this.#policy.see.has('labels.*')
        ? { colour: pick(['red', '蓝']), size: number(9) }
        : { [this.#secret()]: 1 },
    };
    const { receiver } = record;
    const fields: { [name: string]: Field } = {
      ...record,
      receiver: receiver === null ? null : this.#around(receiver),
    };
    fields.items = record.items.map((item) => this.#around(item));
    if (fate === 'boolean') fields.receiver = { name: true };
    return this.#around(fields);
  }

  /** In another order, among fields that nobody lists. */
  #around(object: { [name: string]: Field }): { [name: string]: Field } {
    const more = Array.from({ length: this.#whole(4) }, (_, at): [string, Field] => [
      `internal${this.#twin}${at}`,
      this.#anything(),
    ]);
    const entries = [...Object.entries(object), ...more].map((entry) => ({ entry, place: this.#own() }));
    return Object.fromEntries(entries.sort((a, b) => a.place - b.place).map(({ entry }) => entry));
  }

  /** As boldly different as the role's mask hides. */
  #hide(path: string, dataClass: string, value: string): Field {
    if (this.#twin === 'one') return value;
    const mask = this.#policy.see.get(path);
    if (mask === 'clear') return value;
    if (mask === undefined) return this.#secret();
    const keeps = maskOf(mask);
    return changes[dataClass]?.(value).find((other) => keeps.apply(other) === keeps.apply(value)) ?? value;
  }

  #table(rows: readonly Field[]): string {
    const own = Array.from({ length: this.#whole(3) }, (_, at) => `column${this.#twin}${at}`);
    const columns = ['status', 'customerId', 'id', 'warehouse', ...own]
      .map((name) => ({ name, place: this.#own() }))
      .sort((a, b) => a.place - b.place);
    const lines = rows.map((row) =>
      columns
        .map(({ name }) => {
          const value = (row as Record<string, Field>)[name];
          return name in (row as object)
            ? value === null
              ? ''
              : typeof value === 'object'
                ? '{}'
                : String(value as string)
            : `"${this.#secret()},"""`;
        })
        .join(','),
    );
    return [columns.map(({ name }) => name).join(','), ...lines, ''].join(
      this.#twin === 'one' ? '\r\n' : '\n',
    );
  }

  #escape(text: string): string {
    if (this.#own() < 0.5) return text;
    return text.replace(
      /[\u0080-\uffff]/g,
      (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
    );
  }

  #anything(): Field {
    const secret = this.#secret();
    return [
      secret,
      this.#whole(1e9),
      null,
      true,
      [secret, { a: secret }],
      { phone: secret, id: this.#whole(99), deep: [[{}]] },
    ][this.#whole(6)]!;
  }

  #secret(): string {
    return `1${String(3e9 + this.#whole(6.9e9))}${'秘'.repeat(this.#whole(30))}`;
  }

  #whole(below: number): number {
    return Math.floor(this.#own() * below);
  }
}

/** A name, or a column, that stands twice. */
function twice(text: string): string {
  return /^\s*[[{]/.test(text) ? text.replace('{', '{"d":1,"\\u0064":2,') : text.replace('id', 'id,id');
}

function broken(text: string, type: string): string {
  return type.startsWith('text/csv') ? `${text}"13900001111` : text.trimEnd().slice(0, -1);
}
