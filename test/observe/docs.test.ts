import { readFileSync } from 'node:fs';
import t from 'tap';
import { createMetrics } from '../../src/observe/metrics.js';

void t.test('the manual names every metric, and none that is not there', async (t) => {
  const manual = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
  const named = new Set(manual.match(/\bweir_[a-z_]+[a-z]\b/g));
  t.strictSame([...named].sort(), [...createMetrics({ process: false }).names].sort());
});
