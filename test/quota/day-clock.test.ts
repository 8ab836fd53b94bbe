import t from 'tap';
import fc from 'fast-check';
import { DayClock } from '../../src/quota/day-clock.js';
import { printedDay } from './naive-meter.js';

const micros = (iso: string) => Date.parse(iso) * 1_000;
const day = (date: string) => Date.parse(`${date}T00:00:00Z`) / 86_400_000;

void t.test('a day begins at local midnight, in summer and in winter', async (t) => {
  const berlin = new DayClock('Europe/Berlin');
  t.equal(berlin.startOfDay(day('2024-01-15')), micros('2024-01-14T23:00:00Z'));
  t.equal(berlin.startOfDay(day('2024-07-15')), micros('2024-07-14T22:00:00Z'));
  t.equal(new DayClock('Asia/Shanghai').startOfDay(day('2024-01-15')), micros('2024-01-14T16:00:00Z'));
  t.equal(new DayClock('UTC').startOfDay(day('2024-01-15')), micros('2024-01-15T00:00:00Z'));
});

void t.test('a day has 23 or 25 hours when the clocks change, and 23.5 or 24.5 on Lord Howe', async (t) => {
  const hours = (zone: string, date: string) => {
    const clock = new DayClock(zone);
    return (clock.startOfDay(day(date) + 1) - clock.startOfDay(day(date))) / 3_600_000_000;
  };
  t.equal(hours('Europe/Berlin', '2024-03-31'), 23);
  t.equal(hours('Europe/Berlin', '2024-10-27'), 25);
  t.equal(hours('America/New_York', '2024-03-10'), 23);
  t.equal(hours('America/New_York', '2024-11-03'), 25);
  t.equal(hours('Australia/Lord_Howe', '2024-04-07'), 24.5);
  t.equal(hours('Australia/Lord_Howe', '2024-10-06'), 23.5);
  t.equal(hours('Asia/Shanghai', '2024-03-31'), 24);
});

void t.test('a day whose midnight was skipped begins where the clocks were put forward', async (t) => {
  const beirut = new DayClock('Asia/Beirut');
  t.equal(beirut.startOfDay(day('2022-03-27')), micros('2022-03-26T22:00:00Z'));
  t.equal(beirut.day(micros('2022-03-26T21:59:59.999Z')), day('2022-03-26'));
  t.equal(beirut.day(micros('2022-03-26T22:00:00Z')), day('2022-03-27'));
});

void t.test('a clock set back over midnight does not bring yesterday back', async (t) => {
  // Until 2011 St John's set its clocks back at 00:01, to 23:01 of the day before.
  const clock = new DayClock('America/St_Johns');
  const start = clock.startOfDay(day('2010-11-07'));
  t.equal(start, micros('2010-11-07T02:30:00Z'));
  t.equal(clock.day(start + 30 * 60_000_000), day('2010-11-07'));
  t.equal(printedDay('America/St_Johns', start + 30 * 60_000_000), day('2010-11-06'), 'Intl goes back');
});

void t.test('a date that a zone left out has no moment', async (t) => {
  const apia = new DayClock('Pacific/Apia');
  const change = micros('2011-12-30T10:00:00Z');
  t.equal(apia.day(change - 1), day('2011-12-29'));
  t.equal(apia.day(change), day('2011-12-31'));
  t.equal(apia.startOfDay(day('2011-12-30')), apia.startOfDay(day('2011-12-31')));
});

void t.test(
  'each day of twelve years begins at the first moment at which Intl prints its date',
  async (t) => {
    for (const zone of ['Europe/Berlin', 'America/New_York', 'Asia/Shanghai', 'Australia/Lord_Howe']) {
      const clock = new DayClock(zone);
      const wrong: number[] = [];
      for (let at = day('2019-01-01'); at < day('2031-01-01'); at++) {
        const start = clock.startOfDay(at);
        if (printedDay(zone, start) !== at || printedDay(zone, start - 1) !== at - 1) wrong.push(at);
      }
      t.same(wrong, [], zone);
    }
  },
);

void t.test('in every zone the date is the one that Intl prints, whatever was asked before', async () => {
  const clocks = new Map<string, DayClock>();
  fc.assert(
    fc.property(
      fc.constantFrom(...Intl.supportedValuesOf('timeZone')),
      fc.array(fc.integer({ min: Date.parse('2012-01-01'), max: Date.parse('2040-01-01') }), {
        minLength: 1,
        maxLength: 4,
      }),
      (zone, moments) => {
        let clock = clocks.get(zone);
        if (clock === undefined) clocks.set(zone, (clock = new DayClock(zone)));
        for (const milliseconds of moments) {
          const at = clock.day(milliseconds * 1_000);
          if (at !== printedDay(zone, milliseconds * 1_000)) return false;
          if (clock.startOfDay(at) > milliseconds * 1_000) return false;
          if (clock.startOfDay(at + 1) <= milliseconds * 1_000) return false;
        }
        return true;
      },
    ),
    { numRuns: 2_000 },
  );
});

void t.test('answers stay the same after more days were asked for than the memo holds', async (t) => {
  const clock = new DayClock('Europe/Berlin');
  const first = clock.startOfDay(10_000);
  for (let at = 0; at < 9_000; at++) clock.startOfDay(10_000 + at);
  t.equal(clock.startOfDay(10_000), first);
});

void t.test('an unknown zone is refused at once', async (t) => {
  t.throws(() => new DayClock('Europe/Atlantis'), RangeError);
});
