import fc from 'fast-check';
import t from 'tap';
import { JsonFault, parseStrictJson, parseStrictObject } from '../../src/identity/strict-json.js';

const parse = (text: string, maxDepth = 16) => parseStrictJson(Buffer.from(text), maxDepth);

void t.test('JSON without a member twice means what JSON.parse says', (t) => {
  fc.assert(
    fc.property(fc.json({ maxDepth: 5 }), fc.constantFrom(undefined, 1, '\t'), (text, indent) => {
      const spaced = JSON.stringify(JSON.parse(text), null, indent);
      t.same(parse(spaced), JSON.parse(spaced));
    }),
  );
  t.end();
});

void t.test('a member named twice is found wherever it stands', (t) => {
  const name = fc.string();
  fc.assert(
    fc.property(name, fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (key, one, other) => {
      const member = (value: unknown) => `${JSON.stringify(key)} : ${JSON.stringify(value)}`;
      t.throws(() => parse(`[0,{"${'x'}":{${member(one)},${member(other)}}}]`), /twice/);
      t.doesNotThrow(() => parse(`[{${member(one)}},{${member(other)}}]`));
    }),
  );
  t.throws(() => parse('{"a":1,"\\u0061":2}'), /twice/);
  t.throws(() => parse('{"\\\\":1,"\\\\":2}'), /twice/);
  t.same(parse('{"a":"a","b":["a:","{","}"],"\\"":"\\":"}'), { a: 'a', b: ['a:', '{', '}'], '"': '":' });
  t.end();
});

void t.test('depth is bounded exactly', (t) => {
  t.doesNotThrow(() => parse('[[[1]]]', 3));
  t.throws(() => parse('[[[[1]]]]', 3), new JsonFault('is nested too deeply'));
  t.throws(() => parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`), /nested too deeply/);
  t.end();
});

void t.test('faults never quote the text', (t) => {
  for (const text of ['secret', '{"secret"', '\ufeff{}', '']) {
    t.throws(() => parse(text), new JsonFault('is not JSON'));
    try {
      parse(text);
    } catch (error) {
      t.equal((error as Error).cause, undefined);
    }
  }
  t.throws(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22]), 3), new JsonFault('is not UTF-8'));
  for (const text of ['1', 'null', '[]', '"x"'])
    t.throws(() => parseStrictObject(Buffer.from(text), 3), new JsonFault('is not a JSON object'));
  t.end();
});
