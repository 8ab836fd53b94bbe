/** For each mask, two values that agree in what it keeps and differ in everything else; and what both must give. */
import fc from 'fast-check';
import type { MaskName } from '../../src/policy/model.js';
import {
  addressWays,
  chineseNames,
  compoundSurname,
  digitsOf,
  divisions,
  dottedNames,
  foreignWays,
  invisible,
  landlineWays,
  latinNames,
  little,
  mobileWays,
  odd,
  singleSurname,
  space,
  streets,
  widened,
} from './written-ways.js';

export interface Alike {
  readonly about: string;
  readonly masks: readonly MaskName[];
  /** What is kept, by mask; and two values of it. */
  readonly pair: fc.Arbitrary<{ one: string; other: string; shown: readonly string[] }>;
}

type Ways = fc.Arbitrary<string>;

function both(one: Ways, other: Ways, shown: readonly string[]): Alike['pair'] {
  return fc.tuple(one, other).map(([first, second]) => ({ one: first, other: second, shown }));
}

const mobileHead = fc.tuple(fc.constantFrom(...'3456789'), digitsOf(1)).map(([a, b]) => `1${a}${b}`);
const areas = fc.constantFrom('010', '021', '028', '0571', '0755', '0898', '0991', '0310');
const localFor = (area: string): Ways =>
  area.length === 3
    ? digitsOf(7).map((rest) => `8${rest}`)
    : fc.oneof(digitsOf(6), digitsOf(7)).map((rest) => `8${rest}`);

const inFull = divisions.filter((parts) => parts.length === (parts[0]?.endsWith('市') ? 2 : 3));

export const alike: readonly Alike[] = [
  {
    about: 'mobile numbers of one beginning and end',
    masks: ['last4', 'middle', 'phone(3,4)', 'phone(0,2)', 'phone(3,0)'],
    pair: fc
      .tuple(mobileHead, digitsOf(4), digitsOf(4), digitsOf(4))
      .chain(([first, one, other, last]) =>
        both(mobileWays(first, one, last), mobileWays(first, other, last), [
          `****${last}`,
          `${first}****${last}`,
          `${first}****${last}`,
          `****${last.slice(2)}`,
          `${first}****`,
        ]),
      ),
  },
  {
    about: 'numbers of any kind with the same last four digits',
    masks: ['last4'],
    pair: fc
      .tuple(
        mobileHead,
        digitsOf(4),
        areas,
        digitsOf(4),
        fc.constantFrom('1', '44', '852', '853', '886', '81'),
        digitsOf(4),
      )
      .chain(([first, hidden, area, last, code, rest]) => {
        const ways = fc.oneof(
          mobileWays(first, hidden, last),
          landlineWays(area, `8${hidden.slice(1)}${last}`),
          foreignWays(code, `6${rest}${last}`),
        );
        return both(ways, ways, [`****${last}`]);
      }),
  },
  {
    about: 'landlines of one area and end',
    masks: ['last4', 'middle', 'phone(3,4)'],
    pair: fc
      .tuple(areas, digitsOf(4))
      .chain(([area, last]) =>
        fc
          .tuple(localFor(area), localFor(area))
          .chain(([one, other]) =>
            both(landlineWays(area, one.slice(0, -4) + last), landlineWays(area, other.slice(0, -4) + last), [
              `****${last}`,
              `****${last}`,
              `${area.slice(0, 3)}****${last}`,
            ]),
          ),
      ),
  },
  {
    about: 'people of one surname',
    masks: ['surname'],
    pair: singleSurname.chain((name) => both(chineseNames(name), chineseNames(name), [`${name}**`])),
  },
  {
    about: 'people of one compound surname',
    masks: ['surname'],
    pair: compoundSurname.chain((name) => both(chineseNames(name), chineseNames(name), [`${name}**`])),
  },
  {
    about: 'people whose names have dots and begin alike',
    masks: ['surname'],
    pair: fc
      .constantFrom('阿', '买', '司马', '艾')
      .chain((first) => both(dottedNames(first), dottedNames(first), [`${Array.from(first)[0] ?? ''}**`])),
  },
  {
    about: 'Latin names of one letter',
    masks: ['surname'],
    pair: fc
      .constantFrom(...'jesma')
      .chain((letter) => both(latinNames(letter), latinNames(letter), [`${letter.toUpperCase()}**`])),
  },
  {
    about: 'addresses in one district, city and province',
    masks: ['province', 'city', 'district'],
    pair: fc
      .constantFrom(...inFull)
      .chain((parts) =>
        both(addressWays(parts), addressWays(parts), [
          `${parts[0] ?? ''}***`,
          `${parts[0]?.endsWith('市') ? (parts[0] ?? '') : parts.slice(0, 2).join('')}***`,
          `${parts.join('')}***`,
        ]),
      ),
  },
  {
    about: 'e-mail addresses that begin alike',
    masks: ['email'],
    pair: fc.constantFrom(...'azx7').chain((letter) => {
      const ways = fc
        .tuple(
          little,
          fc.constantFrom(letter, letter.toUpperCase(), widened(letter)),
          digitsOf(1, 12),
          fc.constantFrom('@', '＠'),
          odd,
        )
        .map((parts) => parts.join(''));
      return both(ways, ways, [`${letter}***@***`]);
    }),
  },
  {
    about: 'order numbers that end alike',
    masks: ['order-number', 'partial(0,2)'],
    pair: digitsOf(4).chain((last) => {
      const ways = fc
        .tuple(
          fc.constantFrom('WR', 'wr-', 'ORDER ', '', 'ＷＲ'),
          digitsOf(8, 30),
          little,
          fc.constantFrom('', '-', '－', '_', ' '),
          little,
        )
        .chain(([front, body, gap, between, end]) =>
          fc.constantFrom(
            ...[last, widened(last)].map(
              (text) => front + body + gap + text.slice(0, 2) + between + text.slice(2) + end,
            ),
          ),
        );
      return both(ways, ways, [`****${last}`, `***${last.slice(2)}`]);
    }),
  },
  {
    about: 'times of one month',
    masks: ['month'],
    pair: fc
      .tuple(fc.integer({ min: 1970, max: 2_100 }), fc.integer({ min: 1, max: 12 }))
      .chain(([year, month]) => {
        const kept = `${year}-${String(month).padStart(2, '0')}`;
        const ways = fc
          .tuple(
            fc.integer({ min: 1, max: 28 }),
            fc.constantFrom('', 'T23:59:59Z', ' 00:00:00+00', ' 12:30:01.123456+00', 'T01:02:03.5+08:00'),
          )
          .map(([day, time]) => `${kept}-${String(day).padStart(2, '0')}${time}`);
        return both(ways, ways, [kept]);
      }),
  },
  {
    about: 'amounts of one bucket',
    masks: ['bucket(100)'],
    pair: fc.tuple(fc.integer({ min: 0, max: 99_999 }), fc.boolean()).chain(([bucket, below]) => {
      const kept = below
        ? `${-100 * bucket - 100}–${-100 * bucket}`
        : `${100 * bucket}–${100 * bucket + 100}`;
      const ways = fc
        .tuple(
          fc.integer({ min: 1, max: 99 }),
          fc.constantFrom('', '.', '.5', '.00', '.999999999999999999999'),
        )
        .map(([rest, decimals]) => `${below ? '-' : ''}${100 * bucket + rest}${decimals}`);
      return both(ways, ways, [kept]);
    }),
  },
  {
    about: 'what is none of it',
    masks: ['last4', 'middle', 'phone(3,4)', 'surname', 'district', 'email', 'order-number', 'month'],
    pair: both(
      fc.oneof(
        fc.constantFrom('', '12306', '١٢٣٤'),
        fc.array(space).map((all) => all.join('')),
        invisible,
        fc.constantFrom('😀', '（）', '١٢٣'),
      ),
      fc.oneof(
        fc.constantFrom('', '---', '?', '¿'),
        fc.array(fc.oneof(space, invisible)).map((all) => all.join('')),
      ),
      ['****', '****', '****', '**', '***', '***@***', '****', '***'],
    ),
  },
];

/** Everything that the generators above make, and what no grammar makes. */
export const anything: Ways = fc.oneof(
  ...alike.flatMap(({ pair }) => [pair.map(({ one }) => one)]),
  streets,
  odd,
);
