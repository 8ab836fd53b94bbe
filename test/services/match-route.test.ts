/** Which route an address is: literal steps before parameters, and only what the catalogue lists. */
import t from 'tap';
import type { CatalogService, ServiceRoute } from '../../src/policy/model.js';
import { matchRoute } from '../../src/services/match-route.js';

function service(...matches: string[]): CatalogService {
  const routes = matches.map((match): [string, ServiceRoute] => {
    const [method, path] = match.split(' ') as [ServiceRoute['method'], string];
    const segments = path === '/' ? [] : path.slice(1).split('/');
    return [match, { match, method, segments } as unknown as ServiceRoute];
  });
  return { routes: new Map(routes) } as unknown as CatalogService;
}

void t.test('a literal step goes before a parameter, whatever the order of the file', async (t) => {
  const one = service('GET /a/:x/c', 'GET /:x/b/c', 'GET /a/b/:x', 'GET /a/b/c', 'POST /a/:x/c');
  t.match(matchRoute(one, 'GET', ['a', 'b', 'c']), { match: 'GET /a/b/c', parameters: [] });
  t.match(matchRoute(one, 'GET', ['a', 'b', 'd']), { match: 'GET /a/b/:x', parameters: ['d'] });
  t.match(matchRoute(one, 'GET', ['a', 'd', 'c']), { match: 'GET /a/:x/c', parameters: ['d'] });
  t.match(matchRoute(one, 'GET', ['d', 'b', 'c']), { match: 'GET /:x/b/c', parameters: ['d'] });
  t.match(matchRoute(one, 'POST', ['a', 'b', 'c']), { match: 'POST /a/:x/c', parameters: ['b'] });
});

void t.test('an address that is longer, shorter or other is none', async (t) => {
  const one = service('GET /a/:x', 'GET /');
  t.equal(matchRoute(one, 'GET', ['a']), undefined);
  t.equal(matchRoute(one, 'GET', ['a', 'b', 'c']), undefined);
  t.equal(matchRoute(one, 'GET', ['A', 'b']), undefined);
  t.match(matchRoute(one, 'GET', []), { match: 'GET /' });
});

void t.test('another method is told which there are', async (t) => {
  const one = service('GET /a/:x', 'PATCH /a/:y');
  t.same(matchRoute(one, 'HEAD', ['a', '1']), { methods: ['GET', 'PATCH'] });
});

void t.test('a step that looks like a parameter is a value', async (t) => {
  t.match(matchRoute(service('GET /a/:x'), 'GET', ['a', ':x']), { match: 'GET /a/:x', parameters: [':x'] });
});
