/**
 * What answers of a route look like, as mask/document takes it; and whether that can be at all. A catalogue whose
 * fields contradict one another, or the place of the records, is refused when it is loaded.
 */
import { documentMask, type DocumentShape } from '../mask/document/document-mask.js';
import { ShapeFault } from '../mask/document/shape-fault.js';
import type { MaskName, ServiceRoute } from './model.js';
import type { Complain, Path } from './source.js';

/**
 * @param see of the role; what stands around records is left out where the document is the record
 * @param only fields of the role's row filters
 */
export function documentShape(
  { records, record, subject }: Pick<ServiceRoute, 'records' | 'record' | 'subject'>,
  fields: Iterable<string>,
  see: ReadonlyMap<string, MaskName>,
  only: readonly string[] = [],
): DocumentShape {
  const shown = [...see].filter(([path]) => records !== '$' || !path.startsWith('$'));
  return { records, record, subject, fields: [...fields], see: new Map(shown), only };
}

/** Shown, without what stands around the records. */
export function withoutFrame(see: ReadonlyMap<string, MaskName>): ReadonlyMap<string, MaskName> {
  return new Map([...see].filter(([path]) => !path.startsWith('$')));
}

/** As if everything were shown: what a role sees of it is less. @param at of the service */
export function checkShapes(
  routes: Iterable<ServiceRoute>,
  fields: Iterable<string>,
  at: Path,
  complain: Complain,
): void {
  const listed = [...fields];
  const told = new Set<string>();
  for (const route of routes) {
    const see = new Map(listed.map((path) => [path, 'clear']));
    try {
      documentMask(route.answer, documentShape(route, listed, see), { token: undefined });
    } catch (thrown) {
      if (!(thrown instanceof ShapeFault)) throw thrown;
      if (told.has(thrown.message)) continue;
      told.add(thrown.message);
      const { field } = thrown;
      // The last of those that meet there: the ones before it agreed.
      const meeting = listed.findLast(
        (path) => path === field || (/^[.[]/.test(path.slice(field.length)) && path.startsWith(field)),
      );
      const hint = `correct the field, or the records of ${route.match}, which say otherwise`;
      complain([...at, 'fields', ...(meeting === undefined ? [] : [meeting])], 'key', thrown.message, hint);
    }
  }
}
