/**
 * CSV as RFC 4180 has it: the header names the fields, a row is a record. Columns that are not shown are
 * removed, the others come in the order of the catalogue. A header is a field's path as the catalogue writes
 * it, quotes left out: receiver.phone. As on the REST door an empty field is NULL and "" the empty text, and
 * values leave as they are, also those that a spreadsheet takes for a formula.
 */
import type { MaskName } from '../../policy/model.js';
import type { MaskKeys } from '../mask.js';
import type { MaskDocument } from './document-mask.js';
import { DocumentUnfit } from './document-unfit.js';
import { parseFieldPath } from './field-path.js';
import { isWellFormed, refuseByteOrderMark } from './json-reader.js';
import { ShapeFault } from './shape-fault.js';
import { valueMask, type ValueMask } from './value-mask.js';

export interface CsvShape {
  readonly record: string;
  readonly subject: string | undefined;
  readonly fields: readonly string[];
  readonly see: ReadonlyMap<string, MaskName>;
  /** Fields of row filters. */
  readonly only: readonly string[];
}

const path = '$';

export function csvMask(shape: CsvShape, keys: MaskKeys): MaskDocument {
  const shown = new Map<string, ValueMask>();
  for (const field of shape.fields) {
    const name = shape.see.get(field);
    const header = headerOf(field);
    if (header === undefined) continue;
    if (shown.has(header)) throw new ShapeFault(field, 'is not the only field of its header');
    if (name !== undefined) shown.set(header, valueMask(name, keys));
  }
  const recordHeader = headerOf(shape.record);
  const subjectHeader = shape.subject === undefined ? undefined : headerOf(shape.subject);
  if (recordHeader === undefined) throw new ShapeFault(shape.record, 'does not name one value');
  const filterHeaders = shape.only.map((field) => headerOf(field));

  return (text, own = []) => {
    refuseByteOrderMark(text);
    if (text.includes('\0')) throw new DocumentUnfit('nul-character', path);
    if (!isWellFormed(text)) throw new DocumentUnfit('lone-surrogate', path);
    const rows = readRows(text);
    const header = rows.next();
    if (header.done) throw new DocumentUnfit('syntax', path);
    const names = header.value.map((name) => name ?? '');
    const places = new Map(names.map((name, place) => [name, place]));
    if (places.size < names.length) throw new DocumentUnfit('duplicate-column', path);
    const columns = [...shown].flatMap(([name, mask]) => {
      const place = places.get(name);
      return place === undefined && !mask.constant ? [] : [{ name, mask, place: place ?? -1 }];
    });
    const recordPlace = places.get(recordHeader) ?? -1;
    const subjectPlace = subjectHeader === undefined ? -1 : (places.get(subjectHeader) ?? -1);
    const frame = [`${columns.map(({ name }) => written(name)).join(',')}\r\n`];
    const records: string[] = [];
    const recordKeys: string[] = [];
    const subjectKeys: (string | null)[] = [];
    const filterPlaces = filterHeaders.map((name) => places.get(name ?? '') ?? -1);
    const left = { all: 0, others: 0 };
    for (const row of rows) {
      if (row.length !== names.length) throw new DocumentUnfit('row-length', path);
      const found = filterPlaces.map((place) => row[place] ?? undefined);
      if (found.some((value, index) => value === undefined || value !== own[index])) {
        left.all += 1;
        if (found.some((value, index) => value !== undefined && value !== own[index])) left.others += 1;
        continue;
      }
      const key = row[recordPlace] ?? '';
      if (key === '') throw new DocumentUnfit('record-key-missing', shape.record);
      recordKeys.push(key);
      subjectKeys.push((row[subjectPlace] ?? '') || null);
      let record = '';
      for (const column of columns) {
        const value = row[column.place] ?? null;
        if (column !== columns[0]) record += ',';
        record += written(value === null || column.mask.clear ? value : column.mask.apply(value));
      }
      records.push(record);
      frame.push('\r\n');
    }
    const masked = { frame, records, recordKeys, subjectKeys };
    return shape.only.length === 0 ? masked : { ...masked, left };
  };
}

/** Undefined: no column can hold it. */
function headerOf(field: string): string | undefined {
  const steps = parseFieldPath(field)?.steps ?? [];
  const names = steps.flatMap((step) => (step.kind === 'name' ? [step.name] : []));
  return names.length === steps.length && names.length > 0 ? names.join('.') : undefined;
}

function written(value: string | null): string {
  if (value === null) return '';
  return value === '' || /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

const plainField = /[^",\r\n]*/y;

/** Rows of fields; null: empty without quotes. */
function* readRows(text: string): Generator<(string | null)[], void, void> {
  let at = 0;
  while (at < text.length) {
    const row: (string | null)[] = [];
    for (;;) {
      if (text.charCodeAt(at) === 0x22) {
        const start = at + 1;
        let end = text.indexOf('"', start);
        while (end !== -1 && text.charCodeAt(end + 1) === 0x22) end = text.indexOf('"', end + 2);
        if (end === -1) throw new DocumentUnfit('syntax', path);
        row.push(text.slice(start, end).replaceAll('""', '"'));
        at = end + 1;
      } else {
        plainField.lastIndex = at;
        const field = plainField.exec(text)?.[0] ?? '';
        row.push(field === '' ? null : field);
        at += field.length;
      }
      if (text.charCodeAt(at) !== 0x2c) break;
      at += 1;
    }
    if (text.startsWith('\r\n', at)) at += 2;
    else if (text.charCodeAt(at) === 0x0a) at += 1;
    else if (at < text.length) throw new DocumentUnfit('syntax', path);
    yield row;
  }
}
