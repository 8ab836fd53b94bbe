/**
 * Where a request comes from. The socket says it, unless its other end is one of the configured proxies: then
 * the configured header counts, read from the right, as far as trusted proxies wrote it. What the client put
 * there itself lies further left and is never reached. What is no address ends the reading at the hop before.
 */
import { BlockList, isIP, type Socket } from 'node:net';
import type { IncomingMessage } from 'node:http';

/** One header, not both: a proxy that writes one passes the other on as the client sent it. */
export type ForwardedHeader = 'x-forwarded-for' | 'forwarded';

export type ClientAddress = (request: IncomingMessage) => string;

/** Hops that are looked at; more proxies than any sound set-up has. */
const maxHops = 32;

/** @param trustedProxies addresses and CIDR blocks, as the configuration has checked them */
export function clientAddress(
  trustedProxies: readonly string[],
  header: ForwardedHeader = 'x-forwarded-for',
): ClientAddress {
  const trusted = blockListOf(trustedProxies);
  const isTrusted = (address: string) => trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
  return ({ socket, headers }) => {
    let address = otherEndOf(socket);
    const sent = trustedProxies.length === 0 ? undefined : headers[header];
    if (sent === undefined || address === '' || !isTrusted(address)) return address;
    const hops = header === 'forwarded' ? forwardedHops(String(sent)) : String(sent).split(',');
    for (const hop of hops.slice(-maxHops).reverse()) {
      const before = hop === undefined ? undefined : plainAddress(hop.trim());
      if (before === undefined) return address;
      address = before;
      if (!isTrusted(address)) return address;
    }
    return address;
  };
}

/** Read once a connection. */
const otherEnds = new WeakMap<Socket, string>();

function otherEndOf(socket: Socket): string {
  let address = otherEnds.get(socket);
  if (address === undefined) {
    address = plainAddress(socket.remoteAddress ?? '') ?? '';
    otherEnds.set(socket, address);
  }
  return address;
}

/** One spelling for each address: no port, no brackets, IPv4 as such, IPv6 as RFC 5952 writes it. */
export function plainAddress(text: string): string | undefined {
  if (isIP(text) === 4) return text;
  const [, bracketed, withPort] =
    /^\[([^\]]+)\](?::\d{1,5})?$/.exec(text) ?? /^()([\d.]+):\d{1,5}$/.exec(text) ?? [];
  const address = bracketed || withPort || text;
  if (isIP(address) === 4) return address;
  if (isIP(address) !== 6) return undefined;
  const plain = new URL(`http://[${address.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
  const mapped = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(plain);
  if (mapped === null) return plain;
  const [high, low] = [parseInt(mapped[1]!, 16), parseInt(mapped[2]!, 16)];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function blockListOf(blocks: readonly string[]): BlockList {
  const list = new BlockList();
  for (const block of blocks) {
    const [address = '', bits] = block.split('/');
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
}

const quotedOr = (separators: string) => new RegExp(`(?:"(?:[^"\\\\]|\\\\.)*"|[^"${separators}])+`, 'g');
const element = quotedOr(',');
const pair = quotedOr(';');

/** RFC 7239 §4: the `for` of each element; undefined where it has none, or two, or another form. */
function forwardedHops(header: string): (string | undefined)[] {
  const elements = header.match(element) ?? [];
  // A quote that a client left open would swallow what the proxy wrote behind it, so such a header says nothing.
  if (elements.join(',') !== header) return [];
  return elements.map((text) => {
    const named = (text.match(pair) ?? []).flatMap((each) => {
      const found = /^\s*for\s*=\s*(?:"([^"\\]*)"|([^\s"]+))\s*$/i.exec(each);
      return found === null ? [] : [found[1] ?? found[2]];
    });
    return named.length === 1 ? named[0] : undefined;
  });
}
