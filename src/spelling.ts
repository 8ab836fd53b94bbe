/** Did-you-mean: what somebody probably meant, for hints alone; a word that is not there is never accepted. Pure. */

const longestWord = 64;
const fewChoices = 12;

/** The candidate closest to the word, if it is near enough to be a slip of the pen. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  if (word.length > longestWord) return undefined;
  const folded = fold(word);
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(folded, fold(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** @returns "write receiver_phone", or the choices where they are few, or `otherwise` */
export function suggest(word: string, candidates: Iterable<string>, otherwise: string): string {
  const choices = [...candidates];
  const meant = nearest(word, choices);
  if (meant !== undefined) return `write ${meant}`;
  return choices.length > 0 && choices.length <= fewChoices ? `write ${either(choices)}` : otherwise;
}

/** "clear", "clear or hidden", "clear, last4 or hidden" */
export function either(choices: readonly string[]): string {
  return choices.length < 2
    ? choices.join('')
    : `${choices.slice(0, -1).join(', ')} or ${choices[choices.length - 1]!}`;
}

/** A word that somebody wrote, inside a message. */
export function quote(word: string): string {
  return JSON.stringify(word.length > longestWord ? `${word.slice(0, longestWord)}…` : word);
}

function fold(word: string): string {
  return word.toLowerCase().replaceAll('-', '_');
}

/** Optimal string alignment: insertions, deletions, substitutions, and swaps of neighbours. */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let distance = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        distance = Math.min(distance, beforeLast[j - 2]! + 1);
      }
      row.push(distance);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length]!;
}
