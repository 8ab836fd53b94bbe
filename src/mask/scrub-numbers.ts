/**
 * Numbers that name a person, an account or an order: seven digits and more, whatever stands between them;
 * a mobile number told in parts (138，中间1234，后面1234); letters mixed with six digits and more; number
 * plates. Dates that are written as dates are none.
 */
import { spansOf, type Folded, type Span } from './scrub-fold.js';

const leastDigits = 7;
/** Anything but letters, Chinese characters and what stands in times. */
const run = /[+(]{0,3}[0-9](?:[^\p{L}\p{N}:;。!?\n]{0,6}[0-9])*/gu;
/** Neither is part of a longer number; behind a date a time may stand. */
const before = '(?<![0-9零一二三四五六七八九][^\\p{L}\\p{N}]{0,6})';
const after = '(?![^\\p{L}\\p{N}]{0,6}[0-9零一二三四五六七八九])';
const date = new RegExp(
  `${before}(?:19|20)[0-9]{2}[-/.年] ?(?:0?[1-9]|1[0-2])[-/.月] ?(?:[12][0-9]|3[01]|0?[1-9])(?![0-9])(?:(?= ?[0-9]{1,2}[:点时])|${after})`,
  'gu',
);
/** 后四位 counts digits and is none; nor is somebody who counts (一二三四五六七). */
const counting = new RegExp(`[前中后].位|${before}一二三四五六七八?九?${after}`, 'gu');
const mixed = /(?<![A-Za-z0-9])[A-Za-z0-9](?:[- ]?[A-Za-z0-9]){7,40}/gu;
const plate =
  /[京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼][A-Za-z][ ·.-]?(?=[A-Za-z]{0,5}[0-9])[A-Za-z0-9]{5,6}/gu;
/** Of goods: until when they keep, when and in which lot they were made. */
const lot =
  /(?:保质期?|有效期?|效期|到期|生产|日期|批次?号?|批号)(?:日期|至|到|是|为|[^\p{L}\p{N}]){0,4}[A-Z]?20[0-9]{2}(?:0[1-9]|1[0-2])(?:[0-2][0-9]|3[01])(?![0-9])/gu;
/** 60*90*180 */
const measure = /^[0-9]{1,4}(?: ?[*xX×] ?[0-9]{1,4}){1,2}$/u;
const measureWithUnit = /^[0-9]{1,4}(?:[xX][0-9]{1,4}){1,2}[A-Za-z]{0,3}$/u;
const amount = /^[0-9]{1,3}(?:,[0-9]{3})+(?:\.[0-9]{1,2})?$/u;
const lettersBefore = /(?<![A-Za-z])(?:[A-Za-z]{1,5}[-_]?|[A-Z]{1,3} )$/u;
const behind =
  /^(?:[xX](?![A-Za-z])|[A-Za-z]{1,2}(?![A-Za-z0-9])| {0,2}(?:转分?机?|轉|分机|ext\.?|x|#)[^\p{L}\p{N}]{0,3}[0-9]{1,6})/iu;
const mobileDigits = 11;
const longestGap = 6;

export function* numbersIn(folded: Folded): Generator<Span> {
  const { text } = folded;
  const undated = withoutCounting(folded);
  const runs = [...spansOf(run, undated)];
  for (const [start, end] of runs) {
    if (countOf(undated.slice(start, end)) < leastDigits || isMeasure(undated, start, end)) continue;
    // Letters of a parcel's or passport's number, the check character of an identity number, an extension.
    const front = lettersBefore.exec(text.slice(Math.max(start - 8, 0), start))?.[0].length ?? 0;
    const back = behind.exec(undated.slice(end, end + 20))?.[0].length ?? 0;
    yield [start - front, end + back];
  }
  yield* mobilesInParts(undated, runs);
  for (const span of spansOf(mixed, text.replace(date, blank).replace(lot, blank))) {
    const word = text.slice(...span);
    const compact = word.includes(' ') ? firstMixed(word) : word;
    if (compact !== undefined && countOf(compact) >= 6 && isName(compact)) {
      const start = span[0] + word.indexOf(compact);
      yield [start, start + compact.length];
    }
  }
  yield* spansOf(plate, text);
}

function isName(word: string): boolean {
  return /[A-Za-z]/u.test(word) && !measureWithUnit.test(word);
}

/** The part of a run of words that mixes letters and digits without a space. */
function firstMixed(words: string): string | undefined {
  return words.split(' ').find((word) => word.length >= 8 && countOf(word) >= 6);
}

/** In digits, but for dates and what only counts. */
function withoutCounting({ text, digits }: Folded): string {
  let left = digits.replace(date, blank).replace(lot, blank);
  for (const [start, end] of spansOf(counting, text))
    left = left.slice(0, start) + blank(text.slice(start, end)) + left.slice(end);
  return left;
}

/** A size, a sum, an amount: but whatever has the digits of a mobile number is taken for one. */
function isMeasure(text: string, start: number, end: number): boolean {
  const written = text.slice(start, end);
  if (countOf(written) === mobileDigits && /^[+(]*1[3-9]/u.test(written)) return false;
  const money = text.charAt(end) === '元' || /[¥￥$]$/u.test(text.slice(0, start));
  return measure.test(written) || /[0-9] ?= ?[0-9]/u.test(written) || (money && amount.test(written));
}

function blank(match: string): string {
  return '某'.repeat(match.length);
}

function countOf(text: string): number {
  return text.replace(/[^0-9]/gu, '').length;
}

/** Short runs that follow one another closely and make up a mobile number together. */
function* mobilesInParts(text: string, runs: readonly Span[]): Generator<Span> {
  for (const [index, [start, firstEnd]] of runs.entries()) {
    let number = text.slice(start, firstEnd).replace(/[^0-9]/gu, '');
    if (!/^1[3-9]/u.test(number)) continue;
    let end = firstEnd;
    for (const next of runs.slice(index + 1, index + 5)) {
      if (number.length >= mobileDigits || next[0] - end > longestGap) break;
      number += text.slice(...next).replace(/[^0-9]/gu, '');
      end = next[1];
    }
    if (number.length === mobileDigits && end > firstEnd) yield [start, end];
  }
}
