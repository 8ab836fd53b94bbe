/** A point of decision: the database's clock, and the calendar date that it is in the configured zone. */
export interface Instant {
  /** Microseconds since the Unix epoch; strictly increasing for one meter. */
  readonly micros: number;
  /** Days since 1970-01-01 of the local calendar date. */
  readonly day: number;
}
