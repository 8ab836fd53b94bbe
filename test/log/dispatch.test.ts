/** Which writer takes what: the first until a batch of it is full, then the least loaded; a person's reads together. */
import t from 'tap';
import { Dispatch } from '../../src/log/dispatch.js';

/** Writes that end when they are told to. */
function open(writers: readonly string[]) {
  const dispatch = new Dispatch(writers);
  const ends: (() => void)[] = [];
  const given: string[] = [];
  const begin = (meterId: number, rows: number): Promise<void> =>
    dispatch.to(
      meterId,
      rows,
      (writer) =>
        new Promise<void>((resolve) => {
          given.push(writer);
          ends.push(resolve);
        }),
    );
  const end = async (at: number): Promise<void> => {
    ends[at]!();
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { begin, end, given };
}

void t.test('what fits into one batch goes to one writer', async (t) => {
  const { begin, given } = open(['a', 'b']);
  for (let person = 0; person < 64; person++) void begin(person, 1);
  t.same([...new Set(given)], ['a']);
});

void t.test('what is more goes to the writer that has least to do', async (t) => {
  const { begin, given } = open(['a', 'b']);
  for (let person = 0; person < 64; person++) void begin(person, 20);
  const ofA = given.filter((writer) => writer === 'a').length;
  t.ok(ofA >= 28 && ofA <= 36, `${ofA} of 64`);
});

void t.test('a writer that has written is free again', async (t) => {
  const { begin, end, given } = open(['a', 'b']);
  void begin(1, 1_000);
  void begin(2, 1_000);
  await end(0);
  void begin(3, 1);
  t.same(given, ['a', 'b', 'a']);
});

void t.test('what one person has under way stays with one writer', async (t) => {
  const { begin, end, given } = open(['a', 'b']);
  void begin(1, 1_000);
  void begin(2, 10);
  void begin(1, 10);
  void begin(2, 10);
  t.same(given, ['a', 'b', 'a', 'b']);
  await end(1);
  await end(3);
  await end(0);
  await end(2);
  void begin(2, 10);
  t.equal(given.at(-1), 'a', 'and is chosen anew afterwards');
});

void t.test('a write that fails leaves no load behind', async (t) => {
  const dispatch = new Dispatch(['a', 'b']);
  await t.rejects(
    dispatch.to(1, 1_000, () => Promise.reject(new Error('failed'))),
    { message: 'failed' },
  );
  t.equal(await dispatch.to(2, 1, (writer) => Promise.resolve(writer)), 'a');
});
