/** A read's answer as the door asks for it: chunk by chunk, the first of them here before the door is answered. */
import type { Decision, MaskedRows, ReleasedRows } from '../access.js';
import { asWeirError, WeirError } from '../errors.js';
import type { Actor } from '../log/directory.js';
import { refuse } from './refusal.js';
import { commitAndRelease } from './release.js';
import type { Rooms } from './rooms.js';

/** Ends the upstream read when the caller stops asking. */
export async function* releaseAll(
  rows: AsyncGenerator<MaskedRows, void, void>,
  decision: Decision,
  actor: Actor,
  rooms: Rooms,
  leave: () => void,
): AsyncGenerator<ReleasedRows, void, void> {
  let released = false;
  try {
    for await (const chunk of rows) {
      yield await commitAndRelease(chunk, decision, actor, rooms);
      released = true;
    }
  } catch (thrown) {
    // Before the first chunk is out, the corridor records why; afterwards nobody else would.
    throw released ? await refuse(decision.request, actor, asWeirError(thrown), rooms) : thrown;
  } finally {
    leave();
  }
}

/** Waits for the first chunk, so that a door can still answer with an error. */
export async function begun(
  chunks: AsyncGenerator<ReleasedRows, void, void>,
): Promise<AsyncGenerator<ReleasedRows, void, void>> {
  const first = await chunks.next();
  if (first.done) throw new WeirError('internal', { cause: new Error('a read without a first chunk') });
  return startingWith(first.value, chunks);
}

/** An answer that came whole. */
export function onlyOne<T>(first: T, leave: () => void): AsyncGenerator<T, void, void> {
  const end = async (): Promise<IteratorReturnResult<void>> => {
    leave();
    return { done: true, value: undefined };
  };
  return startingWith(first, {
    next: end,
    return: end,
    throw: (error) => end().then(() => Promise.reject(error as Error)),
  });
}

/** Not a generator function: one of those that was never asked would not pass `return` on, and the upstream read would stay open. */
function startingWith<T>(
  first: T,
  rest: Pick<AsyncGenerator<T, void, void>, 'next' | 'return' | 'throw'>,
): AsyncGenerator<T, void, void> {
  let held: { readonly value: T } | undefined = { value: first };
  return {
    next() {
      const given = held;
      held = undefined;
      return given === undefined ? rest.next() : Promise.resolve({ done: false, value: given.value });
    },
    return: () => rest.return(),
    throw: (error) => rest.throw(error),
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
