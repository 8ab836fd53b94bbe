/**
 * What the headers of a REST read ask for: the media type and the preferences. Preferences that are not
 * known are ignored (RFC 7240 §2); a media type that cannot be made is refused (406), never swapped.
 */
import { WeirError } from '../../errors.js';

export type Format = 'json' | 'csv';

const ranges: ReadonlyMap<string, Format> = new Map([
  ['application/json', 'json'],
  ['text/csv', 'csv'],
  ['application/*', 'json'],
  ['text/*', 'csv'],
  ['*/*', 'json'],
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
    const format = ranges.get(type);
    if (format === undefined) continue;
    const weight = weightOf(parameters);
    const named = !type.includes('*');
    for (const each of type === '*/*' ? (['json', 'csv'] as const) : [format]) {
      const known = weights.get(each);
      if (known === undefined || (named && !known.named)) weights.set(each, { weight, named });
      else if (named === known.named && weight > known.weight) weights.set(each, { weight, named });
    }
  }
  const json = weights.get('json')?.weight ?? 0;
  const csv = weights.get('csv')?.weight ?? 0;
  if (json === 0 && csv === 0) {
    throw new WeirError('media-type-unsupported', { hint: 'accept application/json or text/csv' });
  }
  return csv > json ? 'csv' : 'json';
}

function weightOf(parameters: readonly string[]): number {
  const weight = parameters.find((parameter) => parameter.startsWith('q='));
  if (weight === undefined) return 1;
  return /^q=(0(\.[0-9]{0,3})?|1(\.0{0,3})?)$/.test(weight) ? Number(weight.slice(2)) : 0;
}

/** count=planned and count=estimated are answered exactly: the planner's guess would tell of rows the role may not see. */
export function wantsCount(prefer: string | undefined): boolean {
  return prefer !== undefined && /(^|,)\s*count\s*=\s*"?(exact|planned|estimated)"?\s*(,|;|$)/i.test(prefer);
}
