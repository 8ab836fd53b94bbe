/**
 * What the headers of a REST read ask for: the media type and the preferences. Preferences that are not
 * known are ignored (RFC 7240 §2); a media type that cannot be made is refused (406), never swapped.
 */
import { WeirError } from '../../errors.js';
import { queryInvalid } from '../http/query-text.js';

/**
 * object: PostgREST's single object, of an answer that must hold exactly one row. stripped: without members that are
 * null, of a list or of that one object.
 */
export type Format = 'json' | 'csv' | 'object' | 'stripped' | 'strippedObject';

const formats = ['json', 'csv', 'object', 'stripped', 'strippedObject'] as const;

export function isObject(format: Format | undefined): boolean {
  return format === 'object' || format === 'strippedObject';
}

export function isStripped(format: Format | undefined): boolean {
  return format === 'stripped' || format === 'strippedObject';
}

const ranges: ReadonlyMap<string, readonly Format[]> = new Map([
  ['application/json', ['json']],
  ['application/vnd.pgrst.array+json', ['json']],
  ['application/vnd.pgrst.object+json', ['object']],
  ['application/vnd.pgrst.object', ['object']],
  ['text/csv', ['csv']],
  ['application/*', ['json']],
  ['text/*', ['csv']],
  ['*/*', ['json', 'csv']],
]);

/** PostgREST's own types have one parameter. */
const strippedOnes: ReadonlyMap<string, Format> = new Map([
  ['application/vnd.pgrst.array+json', 'stripped'],
  ['application/vnd.pgrst.array', 'stripped'],
  ['application/vnd.pgrst.object+json', 'strippedObject'],
  ['application/vnd.pgrst.object', 'strippedObject'],
]);

/**
 * @param accept the Accept header; undefined or empty takes anything
 * @throws WeirError media-type-unsupported
 */
export function chooseFormat(accept: string | undefined): Format {
  if (accept === undefined || accept.trim() === '' || accept === '*/*' || accept === 'application/json')
    return 'json';
  // A type that is named decides over one that only a wildcard covers (RFC 9110 §12.5.1).
  const weights = new Map<Format, { weight: number; named: boolean }>();
  for (const part of accept.split(',')) {
    const [type = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const nulls = parameters.find((parameter) => parameter.startsWith('nulls='));
    if (nulls !== undefined) {
      const stripped = nulls === 'nulls=stripped' ? strippedOnes.get(type) : undefined;
      if (stripped !== undefined) weights.set(stripped, { weight: weightOf(parameters), named: true });
      continue;
    }
    const weight = weightOf(parameters);
    const named = !type.includes('*');
    for (const each of ranges.get(type) ?? []) {
      const known = weights.get(each);
      if (known === undefined || (named && !known.named)) weights.set(each, { weight, named });
      else if (named === known.named && weight > known.weight) weights.set(each, { weight, named });
    }
  }
  const weightFor = (format: Format): number => weights.get(format)?.weight ?? 0;
  const best = formats.reduce((a, b) => (weightFor(b) > weightFor(a) ? b : a));
  if (weightFor(best) > 0) return best;
  throw new WeirError('media-type-unsupported', {
    hint: 'accept application/json, text/csv or application/vnd.pgrst.object+json',
  });
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  if (weight === undefined) return 1;
  return /^q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight.slice(2)) : 0;
}

export interface Preferences {
  /** All rows are counted. */
  readonly count: boolean;
  /** As Preference-Applied says them. */
  readonly applied: readonly string[];
}

/** PostgREST's preferences for writes: they have nothing to do with a read, and are no fault of it. */
const ofWrites = /^(?:return|resolution|missing|tx|max-affected)=/;
const counts = /^count=(?:exact|planned|estimated)$/;

/**
 * count=planned and count=estimated are answered exactly: the planner's guess would tell of rows the role may not see.
 * @throws WeirError query-invalid for params=single-object, and for what is not known under handling=strict
 */
export function readPreferences(prefer: string | undefined): Preferences {
  if (prefer === undefined) return none;
  const given = prefer
    .split(',')
    .map((part) =>
      part
        .split(';')[0]!
        .replace(/\s*=\s*/, '=')
        .replaceAll('"', '')
        .trim()
        .toLowerCase(),
    )
    .filter((part) => part !== '');
  if (given.includes('params=single-object')) {
    throw queryInvalid(
      'the preference params=single-object is for functions, which are not here',
      'send the query in the address, or as a form',
    );
  }
  const handling = given.find((part) => part === 'handling=strict' || part === 'handling=lenient');
  const count = given.some((part) => counts.test(part));
  const unknown = given.filter((part) => part !== handling && !counts.test(part) && !ofWrites.test(part));
  if (handling === 'handling=strict' && unknown.length > 0) {
    throw queryInvalid(
      'a preference is not known here, and handling=strict was asked for',
      'count=exact and handling are; timezone is not, times are in UTC',
      'PGRST122',
    );
  }
  return {
    count,
    applied: [...(handling === undefined ? [] : [handling]), ...(count ? ['count=exact'] : [])],
  };
}

const none: Preferences = { count: false, applied: [] };
