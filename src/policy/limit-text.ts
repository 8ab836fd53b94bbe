/** How a limit is written: `500 per day`. Pure. */
import { windows, type Window } from './model.js';
import { either, nearest } from '../spelling.js';

export const largestNumber = 999_999_999;

export interface Rate {
  readonly max: number;
  readonly window: Window;
}

export function parseRate(text: string): Rate | undefined {
  const match = /^([1-9]\d{0,8}) per (minute|hour|day|30d)$/.exec(text);
  return match === null ? undefined : { max: Number(match[1]), window: match[2] as Window };
}

/** What to write instead of a text that is not a limit. */
export function rateHint(text: string): string {
  const match =
    /^\s*(\d[\d\s,_]*)?\s*(?:\/|per\b|an?\b|every\b|each\b|每)?\s*([^\d\s]\S*|30\s*\S+)?\s*$/iu.exec(text);
  const number = match?.[1]?.replace(/\D/g, '').replace(/^0+/, '') ?? '';
  const word = match?.[2]?.toLowerCase().replace(/\s+/g, '');
  const window = word === undefined ? undefined : (meanings.get(word) ?? nearest(word, windows));
  if (number !== '' && number.length <= 9 && window !== undefined) return `write ${number} per ${window}`;
  if (number !== '' && number.length <= 9 && word === undefined)
    return `write ${number} per ${either(windows)}`;
  return `write a whole number from 1 and a window, like 500 per day; windows are ${windows.join(', ')}`;
}

const meanings: ReadonlyMap<string, Window> = new Map(
  Object.entries({
    minute: ['m', 'min', 'mins', 'minute', 'minutes', '分', '分钟'],
    hour: ['h', 'hr', 'hrs', 'hour', 'hours', 'hourly', '时', '小时'],
    day: ['d', 'day', 'days', 'daily', '天', '日'],
    '30d': ['30d', '30day', '30days', 'mo', 'month', 'months', 'monthly', '月', '30天', '30日'],
  } satisfies Record<Window, string[]>).flatMap(([window, words]) =>
    words.map((word): [string, Window] => [word, window as Window]),
  ),
);
