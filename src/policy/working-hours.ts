/**
 * `hours:` and `networks:` of a role file: when, and from where, its tokens are taken. A role for services has both,
 * since nobody sits before it who could be asked. Pure; looked at when a request comes in.
 */
import { BlockList, isIP } from 'node:net';
import type { Asked } from '../access.js';
import { WeirError } from '../errors.js';
import type { Hours, RolePolicy } from './model.js';
import type { RoleFile } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain } from './source.js';
import { quote } from '../spelling.js';

type File = NonNullable<Partly<RoleFile>>;

/** @returns undefined: at any time */
export function readHours(text: string | undefined, complain: Complain): Hours | undefined {
  const match = /^(\d\d):(\d\d)-(\d\d):(\d\d) (\S+)$/.exec(text ?? '');
  if (match === null) return undefined;
  const [from, to] = [minutesOf(match[1]!, match[2]!), minutesOf(match[3]!, match[4]!)];
  const zone = match[5]!;
  const like = 'write one like Asia/Shanghai or UTC';
  if (!isZone(zone)) complain(['hours'], 'value', `unknown time zone ${quote(zone)}`, like);
  // CST is Chicago's, and not China's; Etc/GMT+8 is eight hours behind.
  else if (zone !== 'UTC' && !/^(?!Etc\/)[A-Za-z_]+\//.test(zone))
    complain(['hours'], 'value', `time zone ${quote(zone)} can be taken for another one`, like);
  if (from === to)
    complain(
      ['hours'],
      'value',
      'the hours begin when they end',
      'write hours: always, or two different times',
    );
  return { from, to, zone, text: text! };
}

function minutesOf(hours: string, minutes: string): number {
  return Number(hours) * 60 + Number(minutes);
}

function isZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}

/** @returns undefined: from anywhere */
export function readNetworks(
  networks: readonly (string | undefined)[] | undefined,
  complain: Complain,
): readonly string[] | undefined {
  for (const [index, network] of (networks ?? []).entries()) {
    if (network === undefined || partsOf(network) !== undefined) continue;
    const hint = 'write an address, or one with the length of its network: 10.0.0.0/8';
    complain(['networks', index], 'value', `${quote(network)} is no network`, hint);
  }
  return networks?.filter((network) => network !== undefined);
}

function partsOf(network: string): { address: string; bits: number; family: 'ipv4' | 'ipv6' } | undefined {
  const [, address = '', length] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const family = isIP(address);
  // "fe80::1%eth0" names an interface as well, which no address of a request has.
  if (family === 0 || address.includes('%')) return undefined;
  const most = family === 4 ? 32 : 128;
  const bits = length === undefined ? most : Number(length);
  return bits > most ? undefined : { address, bits, family: family === 4 ? 'ipv4' : 'ipv6' };
}

/** A service is bound to its hours and networks, or says that it is not. */
export function checkServiceBounds(file: File, complain: Complain): void {
  if (file.for !== 'services') return;
  if (!('hours' in file)) {
    const hint = 'add hours: 08:00-20:00 Asia/Shanghai, or hours: always';
    complain(['for'], 'value', 'a role for services says at which hours it works', hint);
  }
  if (!('networks' in file)) {
    const hint = 'add networks: [10.0.0.0/8], the addresses of the service';
    complain(['for'], 'value', 'a role for services says from where it asks', hint);
  }
}

/** @throws WeirError outside-hours, outside-network */
export function refuseOutside(
  role: RolePolicy,
  { address }: Pick<Asked, 'address'>,
  nowMicros: number,
): void {
  const { hours, networks } = role;
  if (hours !== undefined && !isWithin(hours, nowMicros)) {
    throw new WeirError('outside-hours', {
      detail: `the role ${role.role} reads at its hours only`,
      hint: `its hours are ${hours.text}`,
    });
  }
  if (networks !== undefined && !blocksOf(networks).check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')) {
    throw new WeirError('outside-network', {
      detail: `the role ${role.role} reads from its own networks only`,
      hint: 'ask the owner of the role to add the address of the service under networks:',
    });
  }
}

/** Whoever keeps to `inner` keeps to `outer`. Of hours in another zone that is never said. */
export function coversHours(outer: Hours | undefined, inner: Hours | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined || inner.zone !== outer.zone) return false;
  for (let minute = 0; minute < minutesOf('24', '0'); minute++)
    if (isAt(inner, minute) && !isAt(outer, minute)) return false;
  return true;
}

/** Every address of `inner` is one of `outer`. */
export function coversNetwork(outer: string, inner: string): boolean {
  const [wide, narrow] = [partsOf(outer), partsOf(inner)];
  if (wide === undefined || narrow === undefined) return false;
  if (wide.family !== narrow.family || wide.bits > narrow.bits) return false;
  return blocksOf([outer]).check(narrow.address, narrow.family);
}

function isWithin(hours: Hours, nowMicros: number): boolean {
  return isAt(hours, minuteOfDay(hours.zone, nowMicros));
}

/** From the first minute to the one before the last; over midnight where the end comes first. */
function isAt({ from, to }: Hours, minute: number): boolean {
  return from < to ? minute >= from && minute < to : minute >= from || minute < to;
}

const clocks = new Map<string, Intl.DateTimeFormat>();

function minuteOfDay(zone: string, nowMicros: number): number {
  let clock = clocks.get(zone);
  if (clock === undefined) {
    clock = new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    });
    clocks.set(zone, clock);
  }
  const [hours, minutes] = clock.format(nowMicros / 1000).split(':') as [string, string];
  return minutesOf(hours, minutes);
}

/** By the list itself: a policy set that is replaced takes its lists with it. */
const blocks = new WeakMap<readonly string[], BlockList>();

function blocksOf(networks: readonly string[]): BlockList {
  let list = blocks.get(networks);
  if (list === undefined) {
    blocks.set(networks, (list = new BlockList()));
    for (const network of networks) {
      const { address, bits, family } = partsOf(network)!;
      list.addSubnet(address, bits, family);
    }
  }
  return list;
}
