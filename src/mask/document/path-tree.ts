/**
 * The paths of a shape as a tree, one node a place in the document. No place lies within itself, so a node is
 * visited by one object or array at a time and can hold what is known of that one.
 */
import type { MaskName } from '../../policy/model.js';
import type { MaskKeys } from '../mask.js';
import { formatFieldPath, parseFieldPath, type FieldPath, type PathStep } from './field-path.js';
import { ShapeFault } from './shape-fault.js';
import { valueMask, type ValueMask } from './value-mask.js';

/** A name in the objects of one place. */
export interface Member {
  /** `"status":` as it usually stands in the text. */
  readonly raw: string;
  /** `"status":` as it is written. */
  readonly written: string;
  /** Undefined: the name is not listed, and nothing but plain values has been seen there. */
  place: Place | undefined;
  /** Where in the object's `shown` its text goes; hidden or inMap otherwise. */
  readonly slot: number;
  /** The object that held the name last. */
  visit: number;
  /** The member that followed it last. */
  next: Member | undefined;
}

export const hidden = -1;
export const inMap = -2;

/** Names that one place remembers, their length, and the places that are not listed and yet remembered. */
export const maxMembers = 128;
export const maxNameLength = 64;
export const maxUnlistedPlaces = 512;

export class Place {
  /** The listed path so far, for refusals. */
  path: string;
  readonly names = new Map<string, Place>();
  anyName: Place | undefined;
  elements: Place | undefined;
  /** It is itself shown. */
  mask: ValueMask | undefined;
  /** It is a key of the record; one field may be both. */
  isRecord = false;
  isSubject = false;
  /** It, or something in it, is shown. */
  shows = false;
  /** Something in it is shown, or is a key. */
  live = false;
  /** It is the field of that row filter, or holds some. */
  filter: number | undefined;
  holdsFilter = false;
  /** The records begin here, or in it. */
  leadsToRecords = false;
  isRecords = false;

  /** Texts of the shown names, in the order of the catalogue; `empty` is what they begin as. */
  shown: (string | undefined)[] = [];
  empty: (string | undefined)[] = [];
  /** `{"id":` and `,"id":` for each. */
  first: string[] = [];
  further: string[] = [];

  /** Names met here. */
  readonly members = new Map<string, Member>();
  readonly head: Member = member('', undefined, hidden);
  /** Names of the object under way that there was no room to remember. */
  unremembered: Set<string> | undefined;

  constructor(path: string) {
    this.path = path;
  }

  get isKey(): boolean {
    return this.isRecord || this.isSubject;
  }

  /** Lets go of the document under way, here and below. */
  forget(): void {
    this.shown.fill(undefined);
    this.unremembered = undefined;
    for (const { place } of this.members.values()) place?.forget();
    this.elements?.forget();
  }
}

export function member(name: string, place: Place | undefined, slot: number): Member {
  const written = `${JSON.stringify(name)}:`;
  return { raw: written, written, place, slot, visit: 0, next: undefined };
}

export interface TreeShape {
  /** How refusals name the root. */
  readonly root: string;
  readonly record?: string | undefined;
  readonly subject?: string | undefined;
  readonly fields: readonly string[];
  readonly see: ReadonlyMap<string, MaskName>;
  /** Names from the root to the records, or to the array of them; undefined: they are not within. */
  readonly records?: readonly PathStep[] | undefined;
}

/** @throws ShapeFault for paths that contradict one another */
export function pathTree(shape: TreeShape, keys: MaskKeys): Place {
  const root = new Place(shape.root);
  for (const field of shape.fields) {
    const name = shape.see.get(field);
    const place = placeOf(root, pathOf(field));
    // As the catalogue spells it.
    place.path = field;
    if (name !== undefined) place.mask = valueMask(name, keys);
  }
  for (const key of ['record', 'subject'] as const) {
    const path = shape[key];
    if (path === undefined) continue;
    const { fromDocument, steps } = pathOf(path);
    if (steps.some(({ kind }) => kind !== 'name')) throw new ShapeFault(path, 'does not name one value');
    const place = placeOf(root, { fromDocument, steps });
    if (key === 'record') place.isRecord = true;
    else place.isSubject = true;
  }
  if (shape.records !== undefined) {
    let place = root;
    for (const step of shape.records) {
      place.leadsToRecords = true;
      place = stepInto(place, step, true);
    }
    place.leadsToRecords = true;
    place.isRecords = true;
  }
  settle(root);
  return root;
}

/** The fields of row filters alone, each at its place in `fields`. @throws ShapeFault */
export function filterTree(root: string, fields: readonly string[]): Place {
  const tree = pathTree({ root, fields, see: new Map() }, { token: undefined });
  fields.forEach((field, index) => {
    const { fromDocument, steps } = pathOf(field);
    if (fromDocument || steps.some(({ kind }) => kind !== 'name'))
      throw new ShapeFault(field, 'does not name one value');
    let place = tree;
    for (const step of steps) {
      place.holdsFilter = true;
      place = stepInto(place, step, false);
    }
    place.filter = index;
  });
  return tree;
}

function pathOf(text: string): FieldPath {
  const path = parseFieldPath(text);
  if (path === undefined || path.steps.length === 0) throw new ShapeFault(text, 'is no path to a field');
  return path;
}

function placeOf(root: Place, { fromDocument, steps }: FieldPath): Place {
  let place = root;
  steps.forEach((step, index) => {
    place = stepInto(place, step, false, { fromDocument, steps: steps.slice(0, index + 1) });
  });
  return place;
}

function stepInto(place: Place, step: PathStep, fromDocument: boolean, upTo?: FieldPath): Place {
  const path = (): string => formatFieldPath(upTo ?? { fromDocument, steps: [step] });
  if (step.kind === 'elements') return (place.elements ??= new Place(path()));
  if (step.kind === 'names') return (place.anyName ??= new Place(path()));
  const known = place.names.get(step.name) ?? new Place(path());
  place.names.set(step.name, known);
  return known;
}

/** From the leaves up: what shows, what is live, and the texts to write. */
function settle(place: Place): void {
  const within = [...place.names.values(), place.anyName, place.elements].filter((one) => one !== undefined);
  within.forEach(settle);
  if (place.elements !== undefined && within.length > 1)
    throw new ShapeFault(place.path, 'cannot be an array and an object');
  if (within.length > 0 && (place.mask !== undefined || place.isKey))
    throw new ShapeFault(place.path, 'cannot be a value and hold others');
  if (place.isRecords && (place.mask !== undefined || within.some(({ shows }) => shows)))
    throw new ShapeFault(place.path, 'is shown and holds the records');
  place.shows = place.mask !== undefined || place.leadsToRecords || within.some(({ shows }) => shows);
  place.live = place.shows || place.isKey || within.some(({ live }) => live);
  settleMembers(place);
}

function settleMembers(place: Place): void {
  // The records come last, so that the text before the first of them is known when all is read.
  const shown = [...place.names].filter(([, { shows }]) => shows);
  shown.sort(([, a], [, b]) => Number(a.leadsToRecords) - Number(b.leadsToRecords));
  for (const [name, one] of place.names) {
    const slot = shown.findIndex(([, other]) => other === one);
    place.members.set(name, member(name, one, slot === -1 ? hidden : slot));
  }
  place.first = shown.map(([name]) => `{${JSON.stringify(name)}:`);
  place.further = shown.map(([name]) => `,${JSON.stringify(name)}:`);
  place.empty = shown.map(([, { mask }]) => (mask?.constant === true ? 'null' : undefined));
  place.shown = [...place.empty];
}
