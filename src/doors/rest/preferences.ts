/**
 * What the headers of a REST read ask for: the media type and the preferences. Preferences that are not
 * known are ignored (RFC 7240 §2); a media type that cannot be made is refused (406), never swapped.
 */
import { WeirError } from '../../errors.js';
import { queryInvalid } from '../http/query-text.js';

/** object: PostgREST's single object, of an answer that must hold exactly one row. */
export type Format = 'json' | 'csv' | 'object';

const formats = ['json', 'csv', 'object'] as const;

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
    // PostgREST's own types have one parameter, which leaves members out; here they all stay.
    if (parameters.some((parameter) => parameter.startsWith('nulls='))) continue;
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

/**
 * count=planned and count=estimated are answered exactly: the planner's guess would tell of rows the role may not see.
 * @throws WeirError query-invalid for params=single-object
 */
export function wantsCount(prefer: string | undefined): boolean {
  if (prefer === undefined) return false;
  if (/(^|,)\s*params\s*=\s*"?single-object/i.test(prefer)) {
    throw queryInvalid(
      'the preference params=single-object is for functions, which are not here',
      'send the query in the address, or as a form',
    );
  }
  return /(^|,)\s*count\s*=\s*"?(exact|planned|estimated)"?\s*(,|;|$)/i.test(prefer);
}
