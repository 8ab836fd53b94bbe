/** Which writer takes what: the first until a batch of it is full, then the least loaded; a person's reads together. */
import t from 'tap';
import { Dispatch } from '../../src/log/dispatch.js';

/** Writes that end when they are told to. */
function open(writers: readonly string[]) {
  const dispatch = new Dispatch(writers);
  const ends: (() => void)[] = [];
  const given: string[] = [];
  const begin = (meterId: number, rows: number): void => {
    given.push(dispatch.take(meterId, rows));
    ends.push(() => dispatch.leave(meterId, rows));
  };
  const end = (at: number): void => ends[at]!();
  return { begin, end, given };
}

void t.test('what fits into one batch goes to one writer', async (t) => {
  const { begin, given } = open(['a', 'b']);
  for (let person = 0; person < 64; person++) begin(person, 1);
  t.same([...new Set(given)], ['a']);
});

void t.test('what is more goes to the writer that has least to do', async (t) => {
  const { begin, given } = open(['a', 'b']);
  for (let person = 0; person < 64; person++) begin(person, 20);
  const ofA = given.filter((writer) => writer === 'a').length;
  t.ok(ofA >= 28 && ofA <= 36, `${ofA} of 64`);
});

void t.test('a writer that has written is free again', async (t) => {
  const { begin, end, given } = open(['a', 'b']);
  begin(1, 1_000);
  begin(2, 1_000);
  end(0);
  begin(3, 1);
  t.same(given, ['a', 'b', 'a']);
});

void t.test('what one person has under way stays with one writer', async (t) => {
  const { begin, end, given } = open(['a', 'b']);
  begin(1, 1_000);
  begin(2, 10);
  begin(1, 10);
  begin(2, 10);
  t.same(given, ['a', 'b', 'a', 'b']);
  end(1);
  end(3);
  end(0);
  end(2);
  begin(2, 10);
  t.equal(given.at(-1), 'a', 'and is chosen anew afterwards');
});
