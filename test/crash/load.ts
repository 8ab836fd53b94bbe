/**
 * The staff at work: some thirty clients over kept-alive connections, on whichever gateway is there. A person
 * whose limit is used up tries a few times more, at every gateway, and is then relieved by the next one, so
 * that at whatever moment something is killed, somebody is half-way through a limit.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { Random } from '../../src/demo/dataset/random.js';
import { Client, type Ask, type Reply } from './client.js';
import type { SampleOrder, Site } from './site.js';
import { depot, insideSelect, keyColumnsOf, looseScope, tableOf, type RoleName } from './staff.js';

export interface Person {
  readonly name: string;
  readonly role: RoleName;
  /** Holds the loose scope: there in every round, never refused by a limit. */
  readonly loose: boolean;
  readonly region: string;
}

/** What one request brought. */
export interface Harvest extends Reply {
  readonly person: Person;
  readonly gateway: string;
  readonly format: Ask['format'];
  readonly path: string;
  /** Under which name the log knows its rows. */
  readonly table: string;
  /** Column of the record key. */
  readonly record: string;
  /** Milliseconds since the epoch. */
  readonly sentAt: number;
  readonly gotAt: number;
}

/** Refusals in a row after which a person goes home: enough to have tried every gateway several times. */
const patienceWithRefusals = 6;
const regions = ['华东', '华南', '华北', '华中'];

/** Who is at work at a time. */
export type Crew = readonly (readonly [role: RoleName, loose: boolean])[];

const wholeCrew: Crew = [
  ['support', false],
  ['support', false],
  ['support', false],
  ['support', true],
  ['warehouse', false],
  ['warehouse', false],
  ['warehouse', true],
  ['exporter', false],
  ['exporter', true],
  ['analyst', false],
  ['analyst', true],
  ['clerk', false],
  ['clerk', false],
  ['clerk', true],
];

/** Long answers take a hundred times as long as short ones: one client in this many asks for nothing else, the others for none. */
const streamingShare = 8;
const streams: ReadonlySet<RoleName> = new Set(['exporter', 'analyst']);

/** What is asked, and under which names the log and the answer have its rows. */
type Question = Pick<Ask, 'path' | 'format' | 'method' | 'body'> & Pick<Harvest, 'table' | 'record'>;

interface Post {
  readonly role: RoleName;
  readonly loose: boolean;
  person: Person;
  token: Promise<string>;
  refusals: number;
}

export class Load {
  readonly harvest: Harvest[] = [];
  readonly #site: Site;
  readonly #label: string;
  readonly #client = new Client();
  readonly #posts: readonly Post[];
  readonly #workers: Promise<void>[];
  #persons = 0;
  #stopping = false;

  constructor(site: Site, label: string, seed: number, clients: number, crew: Crew = wholeCrew) {
    this.#site = site;
    this.#label = label;
    this.#posts = crew.map(([role, loose], index) => {
      const post = { role, loose, refusals: 0 } as Post;
      this.#relieve(post, index);
      return post;
    });
    this.#workers = Array.from({ length: clients }, (_, i) => {
      const posts = this.#posts.filter(({ role }) => streams.has(role) === (i % streamingShare === 0));
      return this.#work(posts.length === 0 ? this.#posts : posts, new Random(seed, i, 77));
    });
  }

  /** Lets every client finish what it is doing. */
  async stop(): Promise<void> {
    this.#stopping = true;
    await Promise.all(this.#workers);
    this.#client.close();
  }

  async #work(posts: readonly Post[], random: Random): Promise<void> {
    while (!this.#stopping) {
      const up = this.#site.desks.filter(({ gateway }) => gateway.address !== undefined);
      if (up.length === 0) {
        await delay(20);
        continue;
      }
      const { gateway } = random.pick(up);
      const post = random.pick(posts);
      const person = post.person;
      const token = await post.token;
      const { table, record, ...question } = this.#question(person, random);
      const { path, format } = question;
      const leaves = format === 'csv' && random.chance(8);
      const sentAt = Date.now();
      const reply = await this.#client.ask({
        address: gateway.address ?? 'http://127.0.0.1:1',
        ...question,
        token,
        patienceMs: random.between(1_500, 6_000),
        leaveAfterBytes: leaves ? random.between(200, 60_000) : undefined,
      });
      const gotAt = Date.now();
      const { name } = gateway;
      this.harvest.push({ ...reply, person, gateway: name, format, path, table, record, sentAt, gotAt });
      if (reply.status === undefined) await delay(random.between(5, 40));
      if (reply.status === 503) await delay(random.between(5, 60));
      if (
        reply.error === 'limit-reached' &&
        post.person === person &&
        ++post.refusals >= patienceWithRefusals
      ) {
        this.#relieve(post, this.#posts.indexOf(post));
      }
    }
  }

  #relieve(post: Post, index: number): void {
    post.refusals = 0;
    const name = post.loose
      ? `${post.role}-${index}-always`
      : `${post.role}-${this.#label}-${++this.#persons}`;
    post.person = {
      name,
      role: post.role,
      loose: post.loose,
      region: regions[this.#persons % regions.length]!,
    };
    const { region } = post.person;
    post.token = this.#site.token({
      person: name,
      role: post.role,
      region,
      scope: post.loose ? looseScope : undefined,
    });
  }

  /** What that person might ask; one in twelve is refused whoever asks. */
  #question({ role, region }: Person, random: Random): Question {
    if (role === 'clerk') return this.#callOfClerk(region, random);
    const [record, subject] = keyColumnsOf(role);
    const table = tableOf(role);
    return {
      table,
      record,
      ...this.#read(role, region, `/rest/${table}?select=${record},${subject}`, random),
    };
  }

  /** Reads, writes and filled requests through the proxy door. */
  #callOfClerk(region: string, random: Random): Question {
    if (random.chance(8)) return { path: random.pick(refused), format: 'json', table: '', record: '' };
    const path = `/${depot}/parcels/${random.between(1, 400)}`;
    const ofParcels = { path, format: 'json', table: `${depot}.parcels`, record: 'id' } as const;
    if (random.chance(30)) return ofParcels;
    if (random.chance(60)) return { ...ofParcels, method: 'PATCH', body: '{"status":"held"}' };
    const { orderNo } = this.#sampleOf(region, random);
    const body = JSON.stringify({ order_no: orderNo });
    const ofCalls = { format: 'json', table: `${depot}.calls`, record: 'callId' } as const;
    return { ...ofCalls, path: `/${depot}/calls`, method: 'POST', body };
  }

  #sampleOf(region: string, random: Random): SampleOrder {
    const { samples } = this.#site;
    let sample = random.pick(samples);
    for (let i = 0; i < 20 && sample.region !== region; i++) sample = random.pick(samples);
    return sample;
  }

  #read(
    role: Exclude<RoleName, 'clerk'>,
    region: string,
    base: string,
    random: Random,
  ): Pick<Question, 'path' | 'format'> {
    if (random.chance(8)) return { path: random.pick(refused), format: 'json' };
    switch (role) {
      case 'support': {
        const sample = this.#sampleOf(region, random);
        const columns = ',order_no,receiver_name,receiver_phone,address';
        const pin = random.chance(70)
          ? `order_no=eq.${sample.orderNo}`
          : `receiver_phone=eq.${encodeURIComponent(sample.phone)}`;
        const lines = random.chance(30) ? `,${insideSelect}` : '';
        return { path: `${base}${columns}${lines}&${pin}`, format: 'json' };
      }
      case 'warehouse': {
        const limit = random.between(1, 30);
        const offset = random.below(this.#site.samples.length);
        const path = `${base},receiver_name,receiver_phone&order=order_id&limit=${limit}&offset=${offset}`;
        return { path, format: random.chance(80) ? 'json' : 'csv' };
      }
      case 'exporter':
        return {
          path: `${base},receiver_name&order=order_id.desc`,
          format: random.chance(70) ? 'csv' : 'json',
        };
      case 'analyst': {
        const limit = random.chance(50) ? '' : `&limit=${random.between(1, 4_000)}`;
        return { path: `${base},sku&order=item_id${limit}`, format: random.chance(70) ? 'csv' : 'json' };
      }
    }
  }
}

const refused = [
  '/rest/nothing',
  '/rest/orders?select=remark&order_no=eq.x',
  '/rest/orders?order_no=like.x',
  '/rest/orders?order_no=eq.WR0000000000000&address=eq.x',
  '/nowhere',
  '/admin/alerts',
];
