/**
 * The text layer of a query string: splitting and strict percent-decoding. Refuses what could mean two
 * things or nothing: broken percent signs, bytes that are not UTF-8, lone surrogates, control characters.
 */
import { WeirError } from '../../errors.js';

export interface Pair {
  readonly name: string;
  readonly value: string;
}

/** More than any sound query holds; the address itself is bounded by the server. */
const maxPairs = 100;

/** @param postgrest PostgREST's own code, where it has one for just this */
export function queryInvalid(detail: string, hint?: string, postgrest?: string): WeirError {
  return new WeirError('query-invalid', {
    detail,
    ...(hint === undefined ? {} : { hint }),
    ...(postgrest === undefined ? {} : { postgrest }),
  });
}

/** PostgreSQL's plain identifiers; anything else names nothing here. */
export function isName(text: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_]{0,62}$/.test(text);
}

/** Names that masked relations use inside; from outside they name nothing. */
export function isOwnName(text: string): boolean {
  return text.startsWith('__weir');
}

/** How a message may speak of a parameter: by its name where that is a name, never by arbitrary text. */
export function parameterNamed(name: string): string {
  return isName(name) ? `parameter ${name}` : 'a parameter';
}

/**
 * Splits `a=b&c=d` as application/x-www-form-urlencoded, in order, duplicates kept.
 * @param search without the question mark, as it came
 * @throws WeirError query-invalid
 */
export function queryPairs(search: string): Pair[] {
  const pairs: Pair[] = [];
  if (search === '') return pairs;
  for (const part of search.split('&')) {
    if (part === '') continue;
    if (pairs.length === maxPairs) {
      throw queryInvalid(`the query has more than ${maxPairs} parameters`, 'ask in several requests');
    }
    const equals = part.indexOf('=');
    const name = decodeText(equals === -1 ? part : part.slice(0, equals), 'the name of a parameter');
    if (equals === -1) {
      throw queryInvalid(
        `${parameterNamed(name)} has no value`,
        'write name=value, for example status=eq.paid',
      );
    }
    const value = decodeText(part.slice(equals + 1), `the value of ${parameterNamed(name)}`);
    pairs.push({ name, value });
  }
  return pairs;
}

function decodeText(raw: string, what: string): string {
  // Node's parser lets no such address through; this holds for whoever calls from elsewhere.
  if (/[^\x20-\x7e]/.test(raw)) throw queryInvalid(`${what} holds characters that are not percent-encoded`);
  let text: string;
  try {
    text = decodeURIComponent(raw.replaceAll('+', ' '));
  } catch (cause) {
    throw new WeirError('query-invalid', {
      detail: `${what} is not percent-encoded UTF-8`,
      hint: 'encode % as %25, and text as UTF-8',
      cause,
    });
  }
  if (/\p{Cc}/u.test(text)) throw queryInvalid(`${what} holds control characters`, 'remove them');
  return text;
}
