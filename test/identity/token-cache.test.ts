import t from 'tap';
import { Desk } from './desk.js';
import { makeKey } from './token-forge.js';

void t.test('a token is verified once, however often and however many at a time show it', async (t) => {
  const desk = await Desk.open(t);
  const token = desk.token();
  const principals = await Promise.all(
    Array.from({ length: 50 }, () => desk.authenticator.authenticate(token)),
  );
  for (let round = 0; round < 50; round++) principals.push(await desk.authenticator.authenticate(token));
  t.equal(new Set(principals).size, 1, 'everybody gets the same object');
  t.equal(desk.authenticator.verifications, 1);
  t.equal(desk.server.fetches, 1);
});

void t.test('a cached token expires on time', async (t) => {
  const desk = await Desk.open(t);
  const token = desk.token({ exp: desk.clock.seconds + 60 });
  const principal = await desk.authenticator.authenticate(token);
  desk.clock.advance(89);
  t.equal(await desk.authenticator.authenticate(token), principal, 'within the tolerance');
  desk.clock.advance(1);
  await t.rejects(desk.authenticator.authenticate(token), { code: 'token-expired' });
  t.equal(desk.authenticator.cachedTokens, 0);
  await t.rejects(desk.authenticator.authenticate(token), { code: 'token-expired' });
});

void t.test('a cached token is refused while the clock stands before it', async (t) => {
  const desk = await Desk.open(t);
  await desk.authenticator.authenticate(desk.token());
  desk.clock.advance(100);
  const token = desk.token({ jti: 'later' });
  await desk.authenticator.authenticate(token);
  desk.clock.advance(-31);
  await t.rejects(desk.authenticator.authenticate(token), { code: 'token-invalid' });
});

void t.test('the cache holds so many tokens and lets the least recently used one go', async (t) => {
  const desk = await Desk.open(t, { options: { maxCachedTokens: 3 } });
  const tokens = ['a', 'b', 'c', 'd'].map((jti) => desk.token({ jti }));
  const show = (index: number) => desk.authenticator.authenticate(tokens[index] ?? '');
  for (const index of [0, 1, 2]) await show(index);
  await show(0);
  await show(3);
  t.equal(desk.authenticator.cachedTokens, 3);
  t.equal(desk.authenticator.verifications, 4);
  await show(0);
  t.equal(desk.authenticator.verifications, 4, 'recently used: still there');
  await show(1);
  t.equal(desk.authenticator.verifications, 5, 'least recently used: gone');
});

void t.test('forgetting drops whom the predicate names', async (t) => {
  const desk = await Desk.open(t);
  const [one, two] = [desk.token({ sub: 'li.na' }), desk.token({ sub: 'wang.wei' })];
  await desk.authenticator.authenticate(one);
  await desk.authenticator.authenticate(two);
  t.equal(
    desk.authenticator.forget((principal) => principal.person === 'li.na'),
    1,
  );
  t.equal(desk.authenticator.cachedTokens, 1);
  await desk.authenticator.authenticate(one);
  t.equal(desk.authenticator.verifications, 3);
});

void t.test('a token that is being verified while others are forgotten is not cached', async (t) => {
  const desk = await Desk.open(t);
  const under = desk.authenticator.authenticate(desk.token());
  desk.authenticator.forget(() => true);
  await under;
  t.equal(desk.authenticator.cachedTokens, 0);
});

void t.test('a cached token stands no longer than its key', async (t) => {
  const desk = await Desk.open(t);
  const token = desk.token();
  await desk.authenticator.authenticate(token);
  const replacement = makeKey('ES256', 'key-1');
  desk.server.keys = [replacement.jwk];
  t.ok(await desk.authenticator.authenticate(token), 'the gateway has not heard of it yet');
  desk.clock.advance(599);
  await desk.authenticator.authenticate(token);
  t.equal(desk.server.fetches, 1);
  desk.clock.advance(1);
  await t.rejects(desk.authenticator.authenticate(token), { message: 'the signature does not verify' });
  t.equal(desk.server.fetches, 2);
});

void t.test('keys that are read again unchanged do not cost the cache', async (t) => {
  const desk = await Desk.open(t);
  const token = desk.token({ exp: desk.clock.seconds + 3600 });
  const principal = await desk.authenticator.authenticate(token);
  desk.server.keys = [makeKey('ES256', 'key-2').jwk, desk.key.jwk];
  desk.clock.advance(600);
  t.equal(await desk.authenticator.authenticate(token), principal);
  t.equal(desk.authenticator.verifications, 1);
  t.equal(desk.server.fetches, 2);
});
