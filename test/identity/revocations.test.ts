import t from 'tap';
import type { Principal } from '../../src/access.js';
import { Revocations, type Revoked } from '../../src/identity/revocations.js';

const principal = (parts: Partial<Principal> = {}): Principal => ({
  issuer: 'https://a.example',
  person: 'li.na',
  displayName: undefined,
  tool: 'crm',
  act: undefined,
  roles: [],
  scopes: [],
  tokenId: 'j1',
  expiresAtMicros: Number.MAX_SAFE_INTEGER,
  claims: {},
  ...parts,
});

function revocationsOf(list: readonly Revoked[]) {
  const revocations = new Revocations({ nowMillis: () => 0 });
  revocations.take(list, 0);
  return (parts?: Partial<Principal>) => revocations.isRevoked(principal(parts));
}

void t.test('a revocation holds what it names: kind, value and issuer, byte for byte', async (t) => {
  const everywhere = revocationsOf([{ kind: 'person', issuer: null, value: 'li.na' }]);
  t.ok(everywhere());
  t.ok(everywhere({ issuer: 'https://b.example' }));
  t.ok(everywhere({ person: 'boss', act: 'li.na' }), 'who acts through the token of another');
  t.notOk(everywhere({ person: 'Li.na' }));
  t.notOk(everywhere({ person: undefined, tool: 'li.na' }), 'a tool of that name');
  t.notOk(everywhere({ person: 'x', tokenId: 'li.na' }), 'a token of that id');

  const here = revocationsOf([{ kind: 'tool', issuer: 'https://a.example', value: 'crm' }]);
  t.ok(here());
  t.ok(here({ person: undefined }), "the tool's own token");
  t.notOk(here({ issuer: 'https://a.example/' }));
  t.notOk(here({ tool: 'crm2' }));

  const token = revocationsOf([{ kind: 'jti', issuer: null, value: 'j1' }]);
  t.ok(token());
  t.notOk(token({ tokenId: undefined }));
  t.notOk(revocationsOf([])());
});

void t.test(
  'the list counts for two seconds, and is asked for once more before anybody is refused',
  async (t) => {
    let now = 10_000;
    let works = true;
    let asked = 0;
    const revocations: Revocations = new Revocations({
      nowMillis: () => now,
      refresh: async () => {
        asked++;
        if (works) revocations.take([{ kind: 'tool', issuer: null, value: 'other' }], now);
      },
    });
    await t.rejects(
      async () => {
        works = false;
        await revocations.check(principal());
      },
      { code: 'revocations-unavailable' },
      'before the first reading',
    );
    works = true;
    revocations.take([], now);
    t.equal(revocations.check(principal()), undefined, 'without a promise');
    now += 2_000;
    t.equal(revocations.check(principal()), undefined);
    asked = 0;
    now += 1;
    t.notOk(revocations.readable);
    await t.resolves(
      Promise.resolve(revocations.check(principal())),
      'a process that was held up reads and goes on',
    );
    t.equal(asked, 1);
    now += 2_001;
    await t.rejects(Promise.resolve(revocations.check(principal({ tool: 'other' }))), {
      code: 'token-revoked',
    });
    works = false;
    now += 2_001;
    await t.rejects(Promise.resolve(revocations.check(principal())), {
      code: 'revocations-unavailable',
      retryAfterSeconds: 1,
    });
  },
);

void t.test('an older reading that comes late does not make the list look younger', async (t) => {
  let now = 5_000;
  const revocations = new Revocations({ nowMillis: () => now });
  revocations.take([], 5_000);
  now = 7_500;
  revocations.take([], 4_000);
  t.notOk(revocations.readable);
});

void t.test('a change is told, an unchanged list is not', async (t) => {
  const revocations = new Revocations({ nowMillis: () => 0 });
  const told: boolean[] = [];
  revocations.onChange((isRevoked) => told.push(isRevoked(principal())));
  const list: Revoked[] = [{ kind: 'jti', issuer: null, value: 'j1' }];
  for (const each of [[], list, [...list], []]) revocations.take(each, 0);
  t.same(told, [true, false]);
});
