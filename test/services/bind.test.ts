/** Where services are: from the configuration or the variable that the catalogue names, and nowhere else. */
import t from 'tap';
import type { Catalog } from '../../src/policy/model.js';
import { bindServices } from '../../src/services/bind.js';

const catalog = {
  tables: new Map(),
  services: new Map([['fulfilment', { name: 'fulfilment', prefix: '/f', upstream: { env: 'F_URL' } }]]),
} as unknown as Catalog;

void t.test('the variable says where a service is, and the configuration goes before it', async (t) => {
  const one = { name: 'fulfilment', prefix: '/f', env: 'F_URL' };
  t.same(bindServices(catalog, [], { F_URL: 'http://f:1/base/' }).bound, [
    { ...one, url: 'http://f:1/base' },
  ]);
  const urls = [{ service: 'fulfilment', url: 'https://f' }];
  t.same(bindServices(catalog, urls, { F_URL: 'http://f:1' }).bound, [{ ...one, url: 'https://f' }]);
  t.same(bindServices({ tables: new Map() }, [], {}), { bound: [], faults: [] });
});

void t.test(
  'what cannot be an address of a service is a fault of the start, and not repeated in it',
  async (t) => {
    for (const url of [
      undefined,
      '',
      'f',
      'ftp://f',
      'http://u:secret@f',
      'http://f?secret',
      'http://f#secret',
    ]) {
      const { bound, faults } = bindServices(catalog, [], { F_URL: url });
      t.same(bound, []);
      t.equal(faults.length, 1, url ?? 'none');
      t.match(faults[0], /F_URL/);
      t.notMatch(faults[0], /secret/);
    }
    const { faults } = bindServices(catalog, [{ service: 'other', url: 'http://f' }], { F_URL: 'http://f' });
    t.match(faults, [/services.urls names other, which is not in the catalogue/]);
  },
);
