/**
 * Reads JSON along the tree of a shape and writes what it shows. Objects of one place usually hold the same
 * names in the same order, so each name remembers which followed it: where the text goes on as expected, one
 * comparison reads a key, and a mark on the name tells whether the object has held it before.
 */
import type { MaskedDocument, Own } from './document-mask.js';
import { JsonReader, maxDepth } from './json-reader.js';
import {
  hidden,
  inMap,
  maxMembers,
  maxNameLength,
  maxUnlistedPlaces,
  member,
  Place,
  type Member,
} from './path-tree.js';
import { jsonText } from './value-mask.js';

export interface JsonShape {
  /** Place of one record. */
  readonly record: Place;
  /** Place of the document; undefined: it is the one record itself. */
  readonly document: Place | undefined;
  /** The fields of row filters in a record; undefined: there are none. */
  readonly filters?: Place | undefined;
  /** The records are the elements of an array. */
  readonly many: boolean;
  /** Objects that are open where the records begin. */
  readonly openObjects: number;
}

const none: Own = Object.freeze([]);
const wholeNumber = /^(?:0|-?[1-9][0-9]*)$/;

export class JsonMasker extends JsonReader {
  readonly #shape: JsonShape;
  #depth = 0;
  #visit = 0;
  #unlistedPlaces = 0;
  #found = false;
  #recordKey: string | undefined;
  #subjectKey: string | undefined;
  #records: string[] = [];
  #recordKeys: string[] = [];
  #subjectKeys: (string | null)[] = [];
  #own: Own = none;
  #filtered: (string | undefined)[] = [];
  #left = { all: 0, others: 0 };

  constructor(shape: JsonShape) {
    super();
    this.#shape = shape;
  }

  /** @throws DocumentUnfit */
  mask(text: string, own: Own = none): MaskedDocument {
    this.#begin(text, own);
    try {
      const { record, document, many, openObjects } = this.#shape;
      const start = this.skipSpace();
      let head = '';
      if (document === undefined) this.#readRecord(start);
      else head = this.#readValue(document, start) ?? '';
      this.skipSpace();
      if (this.at < text.length) this.fail('trailing-text', '$');
      if (!this.#found) this.fail('records-missing', record.path);
      return this.#result(head, ',', (many ? ']' : '') + '}'.repeat(openObjects));
    } finally {
      this.#end();
    }
  }

  /** One record a line. @throws DocumentUnfit */
  maskLines(text: string, own: Own = none): MaskedDocument {
    this.#begin(text, own);
    const { path } = this.#shape.record;
    try {
      while (this.at < text.length) {
        const found = text.indexOf('\n', this.at);
        const end = found === -1 ? text.length : found;
        this.#readRecord(this.#skipBlank());
        if (this.at > end) this.fail('syntax', path);
        this.#skipBlank();
        if (this.at < end) this.fail('trailing-text', path);
        this.at = end + 1;
      }
      return this.#result('', '\n', this.#records.length === 0 ? '' : '\n');
    } finally {
      this.#end();
    }
  }

  /** Reads one object and keeps nothing: is it sound? @throws DocumentUnfit */
  check(text: string): void {
    this.#begin(text);
    try {
      const { record } = this.#shape;
      if (this.skipSpace() !== 0x7b) this.fail('not-an-object', record.path);
      this.#skipObject(record);
      this.skipSpace();
      if (this.at < text.length) this.fail('trailing-text', record.path);
    } finally {
      this.#end();
    }
  }

  #begin(text: string, own: Own = none): void {
    this.open(text);
    this.#own = own;
    this.#left = { all: 0, others: 0 };
    this.#depth = 0;
    this.#found = false;
    this.#records = [];
    this.#recordKeys = [];
    this.#subjectKeys = [];
  }

  #end(): void {
    this.close();
    // Not read to its end: parts of it still stand in the tree.
    if (this.#depth > 0) {
      this.#shape.record.forget();
      this.#shape.document?.forget();
    }
    this.#recordKey = undefined;
    this.#subjectKey = undefined;
    this.#records = [];
    this.#recordKeys = [];
    this.#subjectKeys = [];
  }

  #result(head: string, between: string, tail: string): MaskedDocument {
    const records = this.#records;
    const frame = new Array<string>(records.length + 1).fill(between);
    frame[0] = head;
    frame[records.length] = records.length === 0 ? head + tail : tail;
    const masked = { frame, records, recordKeys: this.#recordKeys, subjectKeys: this.#subjectKeys };
    return this.#shape.filters === undefined ? masked : { ...masked, left: this.#left };
  }

  /** White space within a line. */
  #skipBlank(): number {
    let code = this.text.charCodeAt(this.at);
    while (code === 0x20 || code === 0x09 || code === 0x0d) code = this.text.charCodeAt((this.at += 1));
    return code;
  }

  /** The records' place has been reached. @returns what the text before the first of them ends with */
  #readRecords(code: number): string {
    const { record, many } = this.#shape;
    this.#found = true;
    if (!many) {
      this.#readRecord(code);
      return '';
    }
    if (code !== 0x5b) this.fail('not-an-array', record.path);
    this.#enter(record);
    if (this.#afterOpening(0x5d)) return '[';
    do this.#readRecord(this.skipSpace());
    while (this.#goesOn(0x5d, record));
    return '[';
  }

  #readRecord(code: number): void {
    const { record, filters } = this.#shape;
    this.#found = true;
    if (code !== 0x7b) this.fail('not-an-object', record.path);
    if (filters !== undefined && this.#isLeftOut(filters, code)) return;
    this.#recordKey = undefined;
    this.#subjectKey = undefined;
    this.#records.push(this.#readObject(record));
    if (this.#recordKey === undefined) this.fail('record-key-missing', record.path);
    this.#recordKeys.push(this.#recordKey);
    this.#subjectKeys.push(this.#subjectKey ?? null);
  }

  /**
   * Reads past a record that is not the role's. Only then is a record read as the shape says, so that what else stands
   * in somebody else's cannot make the document unfit.
   */
  #isLeftOut(filters: Place, code: number): boolean {
    const start = this.mark();
    const own = this.#own;
    const found = (this.#filtered = []) as (string | undefined)[];
    this.#readFiltered(filters, code);
    const isOther = own.some((value, index) => found[index] !== undefined && found[index] !== value);
    if (own.length > 0 && own.every((value, index) => value !== undefined && found[index] === value)) {
      this.rewind(start);
      return false;
    }
    this.#left.all += 1;
    if (isOther) this.#left.others += 1;
    return true;
  }

  #readFiltered(place: Place, code: number): void {
    const { filter, path } = place;
    const start = this.at;
    if (filter === undefined) this.#readFilters(place, code);
    else if (code === 0x22) this.#filtered[filter] = this.decode(start, this.skipString(path));
    else if (code === 0x7b || code === 0x5b || code === 0x6e) this.#skipValue(place, code);
    else {
      this.#skipValue(place, code);
      this.#filtered[filter] = this.text.slice(start, this.at);
    }
  }

  #readFilters(place: Place, code: number): void {
    if (code !== 0x7b) return this.#skipValue(place, code);
    this.#enter(place);
    if (this.#afterOpening(0x7d)) return;
    const visit = (this.#visit += 1);
    let before = place.head;
    do {
      const name = this.#readName(place, before, visit);
      const inside = this.skipSpace();
      const within = name.place;
      if (within !== undefined && (within.holdsFilter || within.filter !== undefined))
        this.#readFiltered(within, inside);
      else this.#skipMember(name, place, inside);
      before = name;
    } while (this.#goesOn(0x7d, place));
  }

  /** @returns undefined: nothing of it is shown */
  #readValue(place: Place, code: number): string | undefined {
    if (place.leadsToRecords) {
      if (place.isRecords) return this.#readRecords(code);
      if (code !== 0x7b) this.fail('records-missing', place.path);
      return this.#readObject(place);
    }
    if (!place.live) return this.#skipValue(place, code);
    if (place.mask !== undefined || place.isKey) return this.#readPlain(place, code);
    if (code === 0x6e) return this.skipWord(code, place.path);
    if (place.elements !== undefined) {
      if (code !== 0x5b) this.fail('not-an-array', place.path);
      return this.#readArray(place, place.elements);
    }
    if (code !== 0x7b) this.fail('not-an-object', place.path);
    const text = this.#readObject(place);
    return place.shows ? text : undefined;
  }

  #readArray(place: Place, elements: Place): string {
    this.#enter(place);
    if (this.#afterOpening(0x5d)) return '[]';
    let text = '[';
    do text += (text.length === 1 ? '' : ',') + (this.#readValue(elements, this.skipSpace()) ?? 'null');
    while (this.#goesOn(0x5d, place));
    return text + ']';
  }

  #readObject(place: Place): string {
    this.#enter(place);
    const { shown, empty } = place;
    for (let slot = 0; slot < empty.length; slot += 1) shown[slot] = empty[slot];
    let map = '';
    if (!this.#afterOpening(0x7d)) {
      const visit = (this.#visit += 1);
      let before = place.head;
      do {
        const name = this.#readName(place, before, visit);
        const code = this.skipSpace();
        const { slot } = name;
        if (slot >= 0) {
          const text = this.#readValue(name.place ?? place, code);
          if (text !== undefined) shown[slot] = text;
        } else if (slot === inMap) {
          const text = this.#readValue(name.place ?? place, code);
          if (text !== undefined) map += `,${name.written}${text}`;
        } else if (name.place?.live === true) this.#readValue(name.place, code);
        else this.#skipMember(name, place, code);
        before = name;
      } while (this.#goesOn(0x7d, place));
    }
    let text = '';
    for (let slot = 0; slot < shown.length; slot += 1) {
      const one = shown[slot];
      if (one === undefined) continue;
      text += (text === '' ? place.first : place.further)[slot] + one;
      shown[slot] = undefined;
    }
    if (map !== '') text += text === '' ? `{${map.slice(1)}` : map;
    return place.leadsToRecords ? text : text === '' ? '{}' : text + '}';
  }

  /** A value that is itself shown, or a key. */
  #readPlain(place: Place, code: number): string | undefined {
    const { mask, path } = place;
    const start = this.at;
    if (mask?.constant === true && !place.isKey) {
      this.#skipValue(place, code);
      return 'null';
    }
    if (code === 0x22) {
      const plain = this.skipString(path);
      if (place.isKey) this.#keepKey(place, this.decode(start, plain));
      if (mask === undefined) return undefined;
      if (!mask.clear) return jsonText(mask.apply(this.decode(start, plain)));
      return plain ? this.text.slice(start, this.at) : JSON.stringify(this.decode(start, false));
    }
    if (code === 0x6e) return this.skipWord(code, path);
    if (code === 0x74 || code === 0x66) {
      const word = this.skipWord(code, path);
      if (place.isKey) this.fail('key-unfit', path);
      return mask?.clear === true ? word : this.fail('boolean-masked', path);
    }
    if (code === 0x7b || code === 0x5b) this.fail(place.isKey ? 'key-unfit' : 'not-a-value', path);
    this.skipNumber(path);
    const text = this.text.slice(start, this.at);
    if (place.isKey) {
      if (!wholeNumber.test(text)) this.fail('key-unfit', path);
      this.#keepKey(place, text);
    }
    if (mask === undefined) return undefined;
    return mask.clear ? text : jsonText(mask.apply(text));
  }

  #keepKey(place: Place, key: string): void {
    // The empty text names nobody.
    if (key === '') return;
    if (place.isRecord) this.#recordKey = key;
    if (place.isSubject) this.#subjectKey = key;
  }

  #skipMember(name: Member, place: Place, code: number): void {
    if (name.place !== undefined) this.#skipValue(name.place, code);
    else if (code === 0x7b || code === 0x5b) this.#skipValue(this.#unlisted(name, place), code);
    else this.#skipValue(place, code);
  }

  #skipValue(place: Place, code: number): undefined {
    if (code === 0x22) this.skipString(place.path);
    else if (code === 0x7b) this.#skipObject(place);
    else if (code === 0x5b) this.#skipArray(place);
    else if (code === 0x74 || code === 0x66 || code === 0x6e) this.skipWord(code, place.path);
    else this.skipNumber(place.path);
    return undefined;
  }

  #skipObject(place: Place): void {
    this.#enter(place);
    if (this.#afterOpening(0x7d)) return;
    const visit = (this.#visit += 1);
    let before = place.head;
    do {
      const name = this.#readName(place, before, visit);
      this.#skipMember(name, place, this.skipSpace());
      before = name;
    } while (this.#goesOn(0x7d, place));
  }

  #skipArray(place: Place): void {
    this.#enter(place);
    if (this.#afterOpening(0x5d)) return;
    do {
      const code = this.skipSpace();
      if (code === 0x7b || code === 0x5b) this.#skipValue((place.elements ??= this.#newPlace(place)), code);
      else this.#skipValue(place, code);
    } while (this.#goesOn(0x5d, place));
  }

  /** A key and its colon. */
  #readName(place: Place, before: Member, visit: number): Member {
    const expected = before.next;
    let name: Member;
    if (expected !== undefined && this.text.startsWith(expected.raw, this.at)) {
      this.at += expected.raw.length;
      name = expected;
    } else name = this.#findName(place, before);
    if (name.visit === visit) this.fail('duplicate-key', place.path);
    name.visit = visit;
    return name;
  }

  #findName(place: Place, before: Member): Member {
    if (this.skipSpace() !== 0x22) this.fail('syntax', place.path);
    const start = this.at;
    const plain = this.skipString(place.path);
    const text = this.decode(start, plain);
    if (this.skipSpace() !== 0x3a) this.fail('syntax', place.path);
    this.at += 1;
    let name = place.members.get(text);
    if (name === undefined) {
      const { anyName } = place;
      name = member(text, anyName, anyName?.shows === true ? inMap : hidden);
      // A slice of the document would keep all of it.
      if (place.members.size < maxMembers && text.length <= maxNameLength)
        place.members.set(plain ? name.written.slice(1, -2) : text, name);
      else {
        place.unremembered ??= new Set();
        if (place.unremembered.has(text)) this.fail('duplicate-key', place.path);
        place.unremembered.add(text);
        return name;
      }
    }
    before.next = name;
    return name;
  }

  /** Where a name that is not listed holds an object or an array. */
  #unlisted(name: Member, within: Place): Place {
    const place = this.#newPlace(within);
    if (this.#unlistedPlaces < maxUnlistedPlaces) {
      this.#unlistedPlaces += 1;
      name.place = place;
    }
    return place;
  }

  #newPlace(within: Place): Place {
    return new Place(within.path);
  }

  #enter(place: Place): void {
    if ((this.#depth += 1) > maxDepth) this.fail('too-deep', place.path);
    this.at += 1;
    place.unremembered = undefined;
  }

  /** The object or array is empty, and is left. */
  #afterOpening(closing: number): boolean {
    if (this.skipSpace() !== closing) return false;
    this.at += 1;
    this.#depth -= 1;
    return true;
  }

  /** A comma, or the end. */
  #goesOn(closing: number, place: Place): boolean {
    const code = this.skipSpace();
    this.at += 1;
    if (code === 0x2c) {
      this.skipSpace();
      return true;
    }
    if (code !== closing) this.fail('syntax', place.path);
    this.#depth -= 1;
    place.unremembered = undefined;
    return false;
  }
}
