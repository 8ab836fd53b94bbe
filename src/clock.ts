/** Time comes in as an argument: rooms take a Clock, tests hand in their own. */
export interface Clock {
  /** Microseconds since the Unix epoch. */
  nowMicros(): number;
}

export const systemClock: Clock = { nowMicros: () => Date.now() * 1000 };
