/**
 * Bulk reads, told while they happen: pure rules over one read and its person's meter, evaluated inside
 * the commit so that the flag stands in the entry itself. Never refuses anything; limits do that.
 */
import type { AlertPolicy, BulkRule, BulkThresholds, Flag } from '../policy/model.js';

/** What one read looks like after it is charged. */
export type BulkMeasures = Readonly<Record<BulkRule, number>>;

const rules: readonly BulkRule[] = [
  'recordsPerRead',
  'recordsPerHour',
  'recordsPerDay',
  'peoplePerRead',
  'peoplePerHour',
  'peoplePerDay',
  'consecutive',
];

export function thresholdsFor(alerts: AlertPolicy, role: string): BulkThresholds {
  return alerts.roles.get(role) ?? alerts.bulk;
}

/** Every rule whose threshold the read reaches, in a fixed order. */
export function bulkFlags(thresholds: BulkThresholds, measures: BulkMeasures): Flag[] {
  const flags: Flag[] = [];
  for (const rule of rules) {
    const threshold = thresholds[rule];
    if (threshold !== undefined && measures[rule] >= threshold)
      flags.push({ rule, value: measures[rule], threshold });
  }
  return flags;
}
