import type { IncomingMessage } from 'node:http';
import t from 'tap';
import { clientAddress, plainAddress, type ForwardedHeader } from '../../src/doors/http/client-address.js';

const trusted = ['10.0.0.0/8', '127.0.0.1', 'fd00::/8'];

function from(peer: string, headers: Record<string, string>, header?: ForwardedHeader, proxies = trusted) {
  const request = { socket: { remoteAddress: peer }, headers } as unknown as IncomingMessage;
  return clientAddress(proxies, header)(request);
}

const forwardedFor = (peer: string, value: string, proxies?: string[]) =>
  from(peer, { 'x-forwarded-for': value }, undefined, proxies);
const forwarded = (peer: string, value: string) => from(peer, { forwarded: value }, 'forwarded');

void t.test('a header counts only where the other end of the socket is a trusted proxy', async (t) => {
  t.equal(forwardedFor('198.51.100.7', '203.0.113.9'), '198.51.100.7');
  t.equal(forwardedFor('10.0.0.7', '203.0.113.9'), '203.0.113.9');
  t.equal(forwardedFor('::ffff:10.0.0.7', '203.0.113.9'), '203.0.113.9', 'IPv4 on an IPv6 socket');
  t.equal(forwardedFor('fd00::1', '203.0.113.9'), '203.0.113.9');
  t.equal(forwardedFor('fe80::1%eth0', '203.0.113.9'), 'fe80::1', 'a zone is no part of the address');
  t.equal(forwardedFor('127.0.0.1', '203.0.113.9', []), '127.0.0.1', 'nobody is trusted by default');
  t.equal(from('10.0.0.7', {}), '10.0.0.7', 'a proxy that says nothing');
});

void t.test('it is read from the right, as far as trusted proxies wrote it', async (t) => {
  t.equal(forwardedFor('10.0.0.7', '1.1.1.1, 203.0.113.9, 10.0.0.8'), '203.0.113.9');
  t.equal(forwardedFor('10.0.0.7', '10.9.9.9, 203.0.113.9'), '203.0.113.9');
  t.equal(forwardedFor('10.0.0.7', '10.0.0.9, 10.0.0.8'), '10.0.0.9', 'from inside: the first of all');
  t.equal(forwardedFor('10.0.0.7', `${'1.1.1.1,'.repeat(5_000)}203.0.113.9`), '203.0.113.9');
});

void t.test('what is no address ends the reading at the hop before', async (t) => {
  for (const text of [
    '',
    ' ',
    'unknown',
    '_hidden',
    '<script>',
    '203.0.113',
    '203.0.113.999',
    '1.1.1.1 2.2.2.2',
  ])
    t.equal(forwardedFor('10.0.0.7', text), '10.0.0.7', text);
  t.equal(forwardedFor('10.0.0.7', '203.0.113.9, what, 10.0.0.8'), '10.0.0.8');
});

void t.test('one address has one spelling', async (t) => {
  t.equal(plainAddress('203.0.113.9:4711'), '203.0.113.9');
  t.equal(plainAddress('[2001:DB8:0::1]:4711'), '2001:db8::1');
  t.equal(plainAddress('2001:db8:0:0:0:0:0:1'), '2001:db8::1');
  t.equal(plainAddress('::FFFF:203.0.113.9'), '203.0.113.9');
  t.equal(plainAddress('::ffff:cb00:7109'), '203.0.113.9');
  t.equal(plainAddress('[2001:db8::1'), undefined);
  t.equal(plainAddress('203.0.113.9:x'), undefined);
});

void t.test('Forwarded is read where the configuration names it, and only there', async (t) => {
  t.equal(forwarded('10.0.0.7', 'for=203.0.113.9;proto=https'), '203.0.113.9');
  t.equal(
    forwarded('10.0.0.7', 'proto=https; For="[2001:db8::1]:80", for=10.0.0.8;by=10.0.0.7'),
    '2001:db8::1',
  );
  t.equal(forwarded('10.0.0.7', 'for=1.1.1.1, for=203.0.113.9'), '203.0.113.9');
  t.equal(forwarded('198.51.100.7', 'for=203.0.113.9'), '198.51.100.7');
  const both = { forwarded: 'for=1.1.1.1', 'x-forwarded-for': '203.0.113.9' };
  t.equal(from('10.0.0.7', both), '203.0.113.9');
  t.equal(from('10.0.0.7', both, 'forwarded'), '1.1.1.1');
  t.equal(from('10.0.0.7', { forwarded: 'for=1.1.1.1' }), '10.0.0.7', 'the client can send the other one');
});

void t.test('a quote that a client leaves open does not hide what the proxy wrote', async (t) => {
  const proxy = ', for="203.0.113.9:80"';
  for (const sent of ['for=6.6.6.6;x="', 'for=6.6.6.6;x="\\', 'for=6.6.6.6;x="\\"', 'for="6.6.6.6', '"'])
    t.not(forwarded('10.0.0.7', sent + proxy), '6.6.6.6', sent);
  for (const sent of [
    'for=6.6.6.6;x="',
    'for="6.6.6.6',
    'for=6.6.6.6;for=7.7.7.7',
    'by=6.6.6.6',
    'for=_x',
    'for=unknown',
  ])
    t.equal(forwarded('10.0.0.7', sent), '10.0.0.7', sent);
  t.equal(forwarded('10.0.0.7', 'for=6.6.6.6;for=203.0.113.9'), '10.0.0.7', 'two in one element');
});
