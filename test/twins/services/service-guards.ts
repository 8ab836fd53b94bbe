/** The guards of the proxy door, as those of the REST door in guards.ts: each with the edit that takes it out. */
import type { Guard } from '../guards.js';
import type { ServiceRole } from './policies.js';

const masker = 'src/mask/document/json-masker.ts';
const services = 'src/services/services.ts';
const leavesOut = 'if (filters !== undefined && this.#isLeftOut(filters, code)) return;';

export interface ServiceGuard extends Guard {
  readonly role: ServiceRole;
  /** Taken out by `npm run test:twins -- --guards` alone: each costs two gateways. */
  readonly onDemand?: true;
}

export const serviceGuards: readonly ServiceGuard[] = [
  {
    guard: 'fields that nobody lists are removed',
    role: 'agent',
    edits: [
      {
        file: masker,
        from: 'else this.#skipMember(name, place, code);\n        before',
        to: 'else {\n const from = this.at;\n this.#skipMember(name, place, code);\n map += `,${name.written}${this.text.slice(from, this.at)}`;\n }\n        before',
      },
    ],
  },
  {
    guard: 'values are masked',
    role: 'agent',
    edits: [{ file: masker, from: 'if (!mask.clear) return', to: 'if (false) return' }],
  },
  {
    guard: 'numbers are masked',
    role: 'agent',
    edits: [
      { file: masker, from: 'return mask.clear ? text : jsonText(mask.apply(text));', to: 'return text;' },
    ],
  },
  {
    guard: 'the mask null shows nothing of what stands there',
    role: 'agent',
    edits: [
      {
        file: masker,
        from: 'this.#skipValue(place, code);\n      return',
        to: 'this.#skipValue(place, code);\n      return this.text.slice(start, this.at) ||',
      },
    ],
  },
  {
    guard: 'text is written in one way',
    role: 'agent',
    edits: [
      {
        file: masker,
        from: 'return plain ? this.text.slice(start, this.at) : JSON.stringify(this.decode(start, false));',
        to: 'return this.text.slice(start, this.at);',
      },
    ],
  },
  {
    guard: 'names come in the order of the catalogue',
    role: 'clerk',
    edits: [
      {
        file: 'src/mask/document/path-tree.ts',
        from: 'slot === -1 ? hidden : slot)',
        to: 'slot === -1 ? hidden : one.leadsToRecords ? slot : inMap)',
      },
    ],
  },
  {
    guard: 'columns that are not shown are removed',
    role: 'clerk',
    edits: [
      {
        file: 'src/mask/document/csv-masker.ts',
        from: 'const columns = [...shown].flatMap(',
        to: 'const columns = [...names.map((name) => [name, shown.get(name) ?? { clear: true, constant: false, apply: (v: string) => v }] as const)].flatMap(',
      },
    ],
  },
  {
    guard: 'headers pass by the list of the route',
    role: 'clerk',
    edits: [
      {
        file: services,
        from: 'const headers = around ? allowed(upstream.headers, route.headers) : noHeaders;',
        to: "const headers = allowed(upstream.headers, [...route.headers, 'etag']);",
      },
    ],
  },
  {
    guard: 'the length of the original does not pass',
    role: 'agent',
    edits: [
      {
        file: services,
        from: 'const headers = around ? allowed(upstream.headers, route.headers) : noHeaders;',
        to: "const headers = { ...allowed(upstream.headers, route.headers), 'x-length': String(upstream.headers['content-length']) };",
      },
    ],
  },
  {
    guard: 'records that are not the role’s are left out',
    role: 'packer',
    edits: [{ file: masker, from: leavesOut, to: '' }],
  },
  {
    guard: 'whose a record is, is known before anything else of it is read',
    role: 'packer',
    edits: [
      {
        file: masker,
        from: leavesOut,
        to: 'if (filters !== undefined) {\n const from = this.mark();\n this.#readObject(record);\n this.rewind(from);\n if (this.#isLeftOut(filters, code)) return;\n }',
      },
    ],
  },
  {
    guard: 'rows of a table that are not the role’s are left out',
    role: 'packer',
    onDemand: true,
    edits: [
      {
        file: 'src/mask/document/csv-masker.ts',
        from: 'if (found.some((value, index) => value === undefined || value !== own[index])) {',
        to: 'if (false) {',
      },
    ],
  },
  {
    guard: 'one record of another is answered as one that is not there',
    role: 'packer',
    onDemand: true,
    edits: [{ file: services, from: 'if (isGone && !writes) return', to: 'if (false) return' }],
  },
  {
    guard: 'what stands around the records is shown only where the service was asked for own ones',
    role: 'packer',
    edits: [
      { file: 'src/services/route-plan.ts', from: 'const shape = isOwnAround', to: 'const shape = true' },
    ],
  },
  {
    guard: 'and so are headers',
    role: 'packer',
    onDemand: true,
    edits: [
      {
        file: services,
        from: 'const around = own === undefined ||',
        to: 'const around = true || own === undefined ||',
      },
    ],
  },
  {
    guard: 'a list is asked for by the role’s own value',
    role: 'packer',
    onDemand: true,
    edits: [
      {
        file: 'src/services/admit-call.ts',
        from: 'for (const [name, value] of own?.added(route, names) ?? [])',
        to: 'for (const [name, value] of [] as [string, string][])',
      },
      { file: 'src/services/masked-answer.ts', from: 'if (document.left?.all === 0 &&', to: 'if (' },
    ],
  },
  {
    guard: 'a write asks first whose the record is',
    role: 'packer',
    edits: [
      { file: services, from: 'first === undefined ? undefined : await', to: 'true ? undefined : await' },
    ],
  },
  {
    guard: 'the text of an error is thrown away',
    role: 'agent',
    edits: [
      {
        file: 'src/services/read-answer.ts',
        from: 'this.#settle(undefined, failure);',
        to: 'this.#refusing = true;',
      },
      {
        file: 'src/services/read-answer.ts',
        from: 'if (this.#status === 204)',
        to: "if (this.#refusing) {\n      const detail = Buffer.concat(this.#parts, this.#length).toString('utf8');\n      return this.#settle(undefined, new WeirError('service-refused', { detail }));\n    }\n    if (this.#status === 204)",
      },
      {
        file: 'src/services/read-answer.ts',
        from: '#settled = false;',
        to: '#settled = false;\n  #refusing = false;',
      },
    ],
  },
];
