/** A measured process takes one job at a time from the bench that started it, and ends when the bench is gone. */
import type { Mark } from './messages.js';

export function serve<Job, Outcome>(work: (job: Job) => Promise<Outcome>): void {
  process.on('message', (job: Job) => {
    work(job).then(
      (outcome) => process.send?.({ outcome }),
      (error: unknown) =>
        process.send?.({ failure: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ ready: true });
}

export function tell(mark: Mark['mark']): void {
  process.send?.({ mark });
}
