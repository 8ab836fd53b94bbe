import fc from 'fast-check';
import t from 'tap';
import { maskNamed } from './both-forms.js';
import { addresses, anyText, divisions, emails, names, phones, shortAddresses } from './values.js';

const numRuns = 3_000;
const shown = (name: Parameters<typeof maskNamed>[0], value: string): string =>
  maskNamed(name).apply(value) ?? '';
const digit = fc.constantFrom(...'0123456789');
const number = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: digit, minLength: length, maxLength: length });

void t.test('mobile numbers that agree in their first three and last four digits read the same', async () => {
  const prefix = fc.constantFrom('', '86', '+86 ', '0086-');
  const head = fc.tuple(fc.constantFrom(...'3456789'), digit).map(([second, third]) => `1${second}${third}`);
  fc.assert(
    fc.property(prefix, prefix, head, number(4), number(4), number(4), (a, b, start, one, other, end) => {
      const expected = `${start}****${end}`;
      return (
        shown('middle', a + start + one + end) === expected &&
        shown('middle', b + start + other + end) === expected
      );
    }),
    { numRuns },
  );
});

void t.test(
  'a phone shows four of its digits at most, or seven of a mobile number, and no other character',
  async () => {
    fc.assert(
      fc.property(fc.oneof(phones, anyText), (value) => {
        return (
          /^\*{4}([0-9]{4})?$/.test(shown('last4', value)) &&
          /^(1[3-9][0-9]\*{4}[0-9]{4}|\*{4}([0-9]{4})?)$/.test(shown('middle', value))
        );
      }),
      { numRuns },
    );
  },
);

void t.test('names of one surname read the same, whatever follows and however long', async () => {
  const rest = fc.string({
    unit: fc.constantFrom(...Array.from('伟芳娜敏静丽强磊𠮷xyz')),
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.constantFrom('张', '欧', '欧阳', '司马', 'J'), rest, rest, (family, one, other) => {
      return (
        shown('surname', family + one) === `${family}**` && shown('surname', family + other) === `${family}**`
      );
    }),
    { numRuns },
  );
});

void t.test('a name shows two characters at most, and two only with more behind them', async () => {
  fc.assert(
    fc.property(fc.oneof(names, anyText), (value) => {
      const kept = Array.from(shown('surname', value).slice(0, -2));
      return kept.length <= 1 || (kept.length === 2 && Array.from(value.trim()).length > 2);
    }),
    { numRuns },
  );
});

void t.test('an address shows nothing but a known division', async () => {
  const cityOf = (parts: readonly string[]): string =>
    parts[0]?.endsWith('市') ? (parts[0] ?? '') : parts.slice(0, 2).join('');
  const known = {
    province: new Set(['***', ...divisions.map(([province]) => `${province}***`)]),
    city: new Set(['***', ...divisions.flatMap((parts) => [`${parts[0]}***`, `${cityOf(parts)}***`])]),
    district: new Set(['***', ...divisions.flatMap((parts) => [`${parts[0]}***`, `${parts.join('')}***`])]),
  };
  fc.assert(
    fc.property(fc.oneof(addresses, shortAddresses, anyText), (value) => {
      const [province, city, district] = [
        shown('province', value),
        shown('city', value),
        shown('district', value),
      ];
      return (
        known.province.has(province) &&
        known.city.has(city) &&
        known.district.has(district) &&
        // Each level says no more than the next.
        city.startsWith(province.slice(0, -3)) &&
        district.startsWith(city.slice(0, -3))
      );
    }),
    { numRuns },
  );
});

void t.test('addresses in one district read the same, whatever the street', async () => {
  const street = fc.string({
    unit: fc.constantFrom(...Array.from('文三路幸福园号幢室0123456789 -a')),
    maxLength: 30,
  });
  const whole = divisions.filter((parts) => parts.length === (parts[0]?.endsWith('市') ? 2 : 3));
  fc.assert(
    fc.property(fc.constantFrom(...whole), street, street, (parts, one, other) => {
      const expected = `${parts.join('')}***`;
      return (
        shown('district', parts.join(' ') + one) === expected &&
        shown('district', parts.join('') + other) === expected
      );
    }),
    { numRuns },
  );
});

void t.test('order numbers of eight characters and more that end alike read the same', async () => {
  const unit = fc.constantFrom(...Array.from('0123456789ABCdef/单𠮷'));
  const text = fc.string({ unit, minLength: 8, maxLength: 30 });
  fc.assert(
    fc.property(text, text, (one, other) => {
      const end = Array.from(one).slice(-4);
      return (
        shown('order-number', one) ===
        shown('order-number', [...Array.from(other).slice(0, -4), ...end].join(''))
      );
    }),
    { numRuns },
  );
});

void t.test(
  'a mainland mobile number reads the same however it is written and whatever hangs on it',
  async () => {
    const before = fc.constantFrom('', '', '+86', '86', '0086', '+86 ', '0', '电话：', 'Tel: ');
    const behind = fc.constantFrom(
      '',
      '',
      '转5678',
      '-5678',
      ',5678#',
      ' ext. 8',
      'x12',
      '/13900001111',
      '分机8',
    );
    const head = fc
      .tuple(fc.constantFrom(...'3456789'), digit)
      .map(([second, third]) => `1${second}${third}`);
    const between = fc.constantFrom('', '', ' ', '-', '.');
    fc.assert(
      fc.property(
        before,
        head,
        between,
        number(4),
        number(4),
        behind,
        (front, start, gap, hidden, end, back) => {
          const written = front + start + gap + hidden + gap + end + back;
          return (
            shown('phone(3,4)', written) === `${start}****${end}` &&
            shown('phone(0,3)', written) === `****${end.slice(1)}`
          );
        },
      ),
      { numRuns },
    );
  },
);

void t.test('phone shows no more digits than it was told, and no other character', async () => {
  fc.assert(
    fc.property(fc.oneof(phones, anyText), (value) => {
      return (
        /^([0-9]{3})?\*{4}([0-9]{4})?$/.test(shown('phone(3,4)', value)) &&
        /^([0-9]{7})?\*{4}$/.test(shown('phone(7,0)', value))
      );
    }),
    { numRuns },
  );
});

void t.test(
  'partial, email and bucket show what they were told to keep, and never how long the rest is',
  async () => {
    fc.assert(
      fc.property(fc.oneof(emails, anyText), fc.nat(99), (value, amount) => {
        const kept = Array.from(shown('partial(1,2)', value)).length - 3;
        return (
          (kept === 0 || (kept === 3 && Array.from(value).length >= 9)) &&
          /^[a-z0-9]?\*{3}@\*{3}$/.test(shown('email', value)) &&
          shown('bucket(100)', String(amount)) === '0–100'
        );
      }),
      { numRuns },
    );
  },
);
