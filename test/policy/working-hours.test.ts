/** Hours and networks: of a role file, and at the door. */
import t from 'tap';
import type { Asked } from '../../src/access.js';
import { chooseRole } from '../../src/policy/choose-role.js';
import type { PolicySet, RolePolicy } from '../../src/policy/model.js';
import { readHours, refuseOutside } from '../../src/policy/working-hours.js';
import { plainAddress } from '../../src/doors/http/client-address.js';
import { agent, edit, faultsOf } from './policy-files.js';

const at = (iso: string) => Date.parse(iso) * 1000;

function codeOf(parts: Partial<RolePolicy>, iso: string, address = '10.1.2.3'): string | undefined {
  try {
    refuseOutside({ role: 'r', ...parts } as RolePolicy, { address }, at(iso));
    return undefined;
  } catch (thrown) {
    return (thrown as { code: string }).code;
  }
}

void t.test('hours hold to the minute in their zone, over midnight and when clocks change', async (t) => {
  const hours = (text: string) => ({ hours: readHours(text, () => t.fail('no fault'))! });
  const day = hours('08:00-20:00 Asia/Shanghai');
  t.equal(codeOf(day, '2026-11-22T00:00:00Z'), undefined);
  t.equal(codeOf(day, '2026-11-21T23:59:59Z'), 'outside-hours');
  t.equal(codeOf(day, '2026-11-22T11:59:59Z'), undefined);
  t.equal(codeOf(day, '2026-11-22T12:00:00Z'), 'outside-hours');
  const night = hours('22:00-06:00 Europe/Berlin');
  t.equal(codeOf(night, '2026-01-10T20:59:00Z'), 'outside-hours');
  t.equal(codeOf(night, '2026-01-10T21:00:00Z'), undefined);
  t.equal(codeOf(night, '2026-01-10T23:30:00Z'), undefined);
  t.equal(codeOf(night, '2026-01-11T05:00:00Z'), 'outside-hours');
  t.equal(codeOf(night, '2026-07-10T20:00:00Z'), undefined, 'in summer an hour earlier');
  t.equal(codeOf(night, '2026-07-11T04:00:00Z'), 'outside-hours');
  // Clocks go from 02:00 to 03:00 on 29 March, and from 03:00 back to 02:00 on 25 October.
  const hour = hours('02:00-03:00 Europe/Berlin');
  for (const iso of ['2026-03-29T00:30:00Z', '2026-03-29T01:30:00Z'])
    t.equal(codeOf(hour, iso), 'outside-hours', `an hour that there is not: ${iso}`);
  for (const iso of ['2026-10-25T00:30:00Z', '2026-10-25T01:30:00Z'])
    t.equal(codeOf(hour, iso), undefined, `an hour that comes twice: ${iso}`);
  t.equal(codeOf(hours('18:00-24:00 UTC'), '2026-01-10T23:59:59Z'), undefined);
  t.equal(codeOf(hours('18:00-24:00 UTC'), '2026-01-11T00:00:00Z'), 'outside-hours');
  t.equal(
    readHours('always', () => t.fail('no fault')),
    undefined,
  );
});

void t.test('an address is in one of the networks, or refused', async (t) => {
  const networks = ['10.0.0.0/8', '192.168.7.9', 'fd00::/8'];
  for (const address of ['10.255.0.1', '192.168.7.9', 'fd12::1'])
    t.equal(codeOf({ networks }, '2026-01-01', address), undefined, address);
  for (const address of ['11.0.0.1', '192.168.7.8', 'fe80::1', '', 'x'])
    t.equal(codeOf({ networks }, '2026-01-01', address), 'outside-network', address);
});

void t.test('networks and addresses of IPv4 and IPv6 are not taken for one another', async (t) => {
  const inside = (network: string, address: string) =>
    codeOf({ networks: [network] }, '2026-01-01', plainAddress(address)) === undefined;
  t.ok(inside('10.0.0.0/8', '::ffff:10.1.2.3'), 'an IPv4 address on an IPv6 socket');
  t.ok(inside('::ffff:10.0.0.0/104', '10.1.2.3'), 'a network that is written so');
  t.notOk(inside('::ffff:10.0.0.0/104', '11.1.2.3'));
  t.notOk(inside('0.0.0.0/0', '2001:db8::1'));
  t.notOk(inside('2001:db8::/32', '::ffff:10.1.2.3'));
  t.notOk(inside('10.0.0.0/8', '::10.1.2.3'), 'compatible is not mapped');
  t.notOk(inside('10.0.0.0/8', '64:ff9b::a01:203'), 'nor is translated');
  t.notOk(inside('10.0.0.0/8', '2002:a01:203::'), 'nor is tunnelled');
});

void t.test('a role for services takes no token of a person, and one for people no other', async (t) => {
  const roles = new Map(
    (['people', 'services'] as const).map((whom) => [
      whom,
      { role: whom, for: whom, limits: [] } as unknown as RolePolicy,
    ]),
  );
  const choose = (role: string, person: string | undefined) => () =>
    chooseRole(
      { principal: { roles: [role], person }, address: '10.0.0.1' } as unknown as Asked,
      { roles } as unknown as PolicySet,
      0,
    );
  t.equal(choose('people', 'li')().role, 'people');
  t.equal(choose('services', undefined)().role, 'services');
  t.throws(choose('people', undefined), { code: 'person-required' });
  t.throws(choose('services', 'li'), { code: 'service-required' });
});

void t.test('hours and networks in a role file: what is wrong, and what to write', async (t) => {
  const told = async (more: string, base = agent) =>
    (await faultsOf(t, { 'roles/agent.yaml': base + more })).map((fault) =>
      fault.replace(/^roles\/agent\.yaml:/, ''),
    );
  t.same(await told('hours: 08:00-20:00 Asia/Shanghai\nnetworks: [10.0.0.0/8, "::1"]\n'), []);
  t.match(await told('hours: 9-18\n'), [
    /^20:8 hours cannot be "9-18" — write two times of day and their zone/,
  ]);
  t.match(await told('hours: 08:00-20:00 Asia/Shanghia\n'), [/^20:8 unknown time zone "Asia\/Shanghia"/]);
  for (const zone of ['CST', 'EST5EDT', 'Etc/GMT+8', 'PRC', 'GMT'])
    t.match(await told(`hours: 08:00-20:00 ${zone}\n`), [
      /^20:8 time zone "[^"]+" can be taken for another one — write one like/,
    ]);
  t.same(await told('hours: 08:00-20:00 America/Argentina/Ushuaia\n'), []);
  t.match(await told('networks: ["fe80::1%eth0"]\n'), [/^20:12 "fe80::1%eth0" is no network/]);
  t.match(await told('hours: 08:00-08:00 UTC\n'), [/begin when they end/]);
  t.match(await told('networks: [10.0.0.0/33]\n'), [/^20:12 "10\.0\.0\.0\/33" is no network/]);
  t.match(await told('networks: 10.0.0.0/8\n'), [/write \[10\.0\.0\.0\/8\]/]);
  const service = edit(edit(agent, 'for: people', 'for: services'), '      order_no: clear\n', '');
  t.match(await told('', edit(service, 'find_by: [order_no, receiver_phone]', 'find_by: [receiver_phone]')), [
    /^4:6 a role for services says at which hours it works — add hours: /,
    /^4:6 a role for services says from where it asks — add networks: /,
  ]);
});
