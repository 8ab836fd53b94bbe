/**
 * A service's answer, read and masked: the only MaskedRows that do not come out of the order database. Each record is
 * one row, its masked text the only value. An answer with other records than were pinned, or with more than the role
 * may read at once, is refused as a whole.
 */
import { transcode } from 'node:buffer';
import type { MaskedBody, MaskedRows } from '../access.js';
import { WeirError } from '../errors.js';
import { DocumentUnfit } from '../mask/document/document-unfit.js';
import type { MaskedDocument } from '../mask/document/document-mask.js';
import type { AdmittedCall } from './admit-call.js';
import { unfit } from './read-answer.js';

export interface MaskedAnswer {
  readonly rows: MaskedRows;
  /** No record was left out because it is not the role's. */
  readonly isAllOwn: boolean;
}

type AnsweredCall = Pick<AdmittedCall, 'plan' | 'own' | 'pinnedRecord'> &
  Partial<Pick<AdmittedCall, 'writes' | 'pinnedSubject'>>;

/**
 * @param text undefined: there is no answer, so no record
 * @param part 1 where a write has been recorded before
 * @throws WeirError service-answer-unfit, per-request-exceeded
 */
export function maskedAnswer(
  text: string | undefined,
  call: AnsweredCall,
  perRequest: number,
  part: number,
): MaskedAnswer {
  const document = text === undefined ? empty : mask(text, call);
  // What the service wrote was not what the role may write: nobody must be told that all is well.
  if (call.writes && call.plan.isOne && (document.left?.others ?? 0) > 0)
    throw unfit('a record answered that is not the role’s');
  const { records, recordKeys, subjectKeys } = document;
  refuseOthers(call.pinnedRecord, recordKeys, 'a record answered that was not asked for');
  refuseOthers(call.pinnedSubject, subjectKeys, 'a record of a person answered who was not asked for');
  if (records.length > perRequest) {
    throw new WeirError('per-request-exceeded', {
      detail: `the answer holds more than the ${perRequest} records that one request of the role may read`,
      hint: 'ask the service for a smaller page, where its route takes such a parameter',
    });
  }
  const values = records.map((record) => [record]);
  const body = bodyOf(document);
  const rows = { width: 1, values, recordKeys, subjectKeys, body, part, last: true };
  return { rows: rows as unknown as MaskedRows, isAllOwn: !((document.left?.all ?? 0) > 0) };
}

/** What is recorded before a write is forwarded: the pinned record, and nothing of it. The answer follows as part 1. */
export function rowsToWrite({ pinnedRecord }: AdmittedCall): MaskedRows {
  const keys = pinnedRecord === undefined ? [] : [pinnedRecord];
  const rows = {
    width: 0,
    values: keys.map(() => []),
    recordKeys: keys,
    subjectKeys: keys.map(() => null),
    part: 0,
    last: false,
  };
  return rows as unknown as MaskedRows;
}

/** Longer answers are encoded when they are sent: bytes that wait for a commit cost more than a second look at the text. */
const longestKept = 30_000;
/** From so many characters on, two steps of a vector unit's cost less than one of V8's. */
const longText = 1_000;

/** Encoded once where it is short, since its length is asked for again and again on its way out. */
function bodyOf({ frame, records }: MaskedDocument): MaskedBody {
  let text = frame[0]!;
  for (let i = 0; i < records.length; i++) text += records[i]! + frame[i + 1]!;
  if (text.length > longestKept) {
    const ofRecords = records.reduce((sum, record) => sum + Buffer.byteLength(record), 0);
    return { ofRecords, encode: () => encode(text) };
  }
  const bytes = encode(text);
  return { ofRecords: bytes.length - Buffer.byteLength(frame.join('')), encode: () => bytes };
}

/** @param text well-formed: what a mask wrote */
function encode(text: string): Buffer {
  return text.length < longText
    ? Buffer.from(text)
    : transcode(Buffer.from(text, 'utf16le'), 'utf16le', 'utf8');
}

const empty: MaskedDocument = Object.freeze({ frame: [''], records: [], recordKeys: [], subjectKeys: [] });

function mask(text: string, { plan, own }: Pick<AdmittedCall, 'plan' | 'own'>): MaskedDocument {
  try {
    if (own === undefined) return plan.mask(text);
    const document = plan.mask(text, own.values);
    if (document.left?.all === 0 && !own.isNobodys) return document;
    // Other records came than were asked for: so what is said beside them is about other records too.
    return plan.maskAlone === plan.mask ? document : plan.maskAlone(text, own.values);
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    throw unfit(thrown.message);
  }
}

function refuseOthers(pinned: string | undefined, keys: readonly (string | null)[], what: string): void {
  if (pinned !== undefined && keys.some((key) => key !== pinned)) throw unfit(what);
}
