/**
 * policies/alerts.yaml: from how many records or people on a read is flagged as a bulk read. Every
 * threshold is written down; `off` is how one says that it is not watched.
 */
import type { AlertPolicy, BulkRule, BulkThresholds } from './model.js';
import { thresholdKeys, type AlertsFile, type ThresholdKey } from './schema.js';
import type { Partly } from './shape.js';
import type { Complain } from './source.js';
import { nearest, quote } from '../spelling.js';

const rules: Record<ThresholdKey, BulkRule> = {
  records_per_read: 'recordsPerRead',
  records_per_hour: 'recordsPerHour',
  records_per_day: 'recordsPerDay',
  people_per_read: 'peoplePerRead',
  people_per_hour: 'peoplePerHour',
  people_per_day: 'peoplePerDay',
  consecutive: 'consecutive',
};

type Written = Partly<Partial<AlertsFile['bulk']>>;

/** @returns thresholds of each role that differs, already merged over `bulk` */
export function readAlerts(
  file: NonNullable<Partly<AlertsFile>>,
  roles: ReadonlySet<string>,
  complain: Complain,
): AlertPolicy {
  for (const name of Object.keys(file.roles ?? {})) {
    if (roles.has(name)) continue;
    const meant = nearest(name, roles);
    const hint = meant === undefined ? 'remove it, or add a file for the role' : `write ${meant}`;
    complain(['roles', name], 'key', `unknown role ${quote(name)}`, hint);
  }
  return {
    bulk: merge(file.bulk, undefined),
    roles: new Map(Object.entries(file.roles ?? {}).map(([name, own]) => [name, merge(file.bulk, own)])),
  };
}

function merge(bulk: Written, own: Written): BulkThresholds {
  return Object.fromEntries(
    thresholdKeys.map((key) => {
      const threshold = own?.[key] ?? bulk?.[key];
      return [rules[key], threshold === 'off' ? undefined : threshold];
    }),
  ) as Record<BulkRule, number | undefined>;
}
