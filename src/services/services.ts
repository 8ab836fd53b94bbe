/**
 * Calls of services, as the corridor makes them: admitted here, forwarded by the door, read and masked here. Holds
 * what is compiled once for each route of each policy, and the bounds of answers.
 */
import type {
  Forward,
  MaskedRows,
  OutgoingCall,
  Principal,
  ServiceAnswer,
  ServiceRequest,
} from '../access.js';
import { WeirError } from '../errors.js';
import type { MaskKeys } from '../mask/mask.js';
import type { RolePolicy } from '../policy/model.js';
import { admitCall, type AdmittedCall } from './admit-call.js';
import { checkBody } from './check-body.js';
import { maskedAnswer, rowsToWrite } from './masked-answer.js';
import { readAnswer, type AnswerBounds } from './read-answer.js';
import { RoutePlans } from './route-plan.js';

export interface ServicesOptions extends AnswerBounds {
  readonly maskKeys: MaskKeys;
  /** Headers that tell a service who asks. */
  readonly identify?: (
    principal: Principal,
    role: string,
    service: string,
  ) => Readonly<Record<string, string>>;
}

/** What came of a call, masked, and not yet on the log. */
export interface Called {
  readonly rows: MaskedRows;
  readonly answer: Omit<ServiceAnswer, 'rows'>;
  /** What the service said instead: to be thrown once the call is on the log. */
  readonly refusal: WeirError | undefined;
}

export class Services {
  readonly #options: ServicesOptions;
  readonly #plans: RoutePlans;

  constructor(options: ServicesOptions) {
    this.#options = options;
    this.#plans = new RoutePlans(options.maskKeys);
  }

  /** No I/O. @throws WeirError, see admit-call.ts */
  admit(request: ServiceRequest, role: RolePolicy): AdmittedCall {
    const call = admitCall(request, role, this.#plans);
    if (request.body !== undefined && call.plan.route.body.length === 0) {
      throw new WeirError('request-malformed', { detail: 'the route takes no body' });
    }
    return call;
  }

  /**
   * What is sent, and of a write what is recorded before that.
   * @throws WeirError request-malformed, request-too-long, field-unknown, field-masked
   */
  async prepare(
    call: AdmittedCall,
    { id, principal, service, body: readBody }: ServiceRequest,
    role: string,
  ): Promise<{ outgoing: OutgoingCall; fields: readonly string[] }> {
    const { plan, outgoing } = call;
    const body = readBody === undefined ? undefined : await readBody();
    const fields = body === undefined ? none : checkBody(body, plan);
    const headers: Record<string, string> = {
      accept: plan.accept,
      'accept-encoding': 'identity',
      'weir-request-id': id,
      ...this.#options.identify?.(principal, role, service),
    };
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    return { outgoing: { ...outgoing, headers, body }, fields };
  }

  rowsToWrite(call: AdmittedCall): MaskedRows {
    return rowsToWrite(call);
  }

  /** Forwards, reads and masks. @throws WeirError service-*, per-request-exceeded, busy */
  async run(
    call: AdmittedCall,
    outgoing: OutgoingCall,
    forward: Forward,
    perRequest: number,
  ): Promise<Called> {
    const upstream = await forward(outgoing);
    const { route } = call.plan;
    const { text, refusal } = await readAnswer(upstream, route.answer, this.#options);
    if (text === undefined && refusal === undefined && !call.writes)
      throw new WeirError('service-answer-unfit');
    return {
      rows: maskedAnswer(text, call, perRequest, call.writes ? 1 : 0),
      answer: {
        status: text === undefined ? 204 : upstream.status === 201 ? 201 : 200,
        contentType: contentTypes[route.answer],
        headers: allowed(upstream.headers, route.headers),
      },
      refusal,
    };
  }
}

const none: readonly string[] = Object.freeze([]);
const noHeaders: Readonly<Record<string, string>> = Object.freeze({});

const contentTypes = {
  json: 'application/json; charset=utf-8',
  'json-lines': 'application/x-ndjson; charset=utf-8',
  csv: 'text/csv; charset=utf-8',
} as const;

/** A listed header that is given once, and short and printable. */
function allowed(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  names: readonly string[],
): Readonly<Record<string, string>> {
  if (names.length === 0) return noHeaders;
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = headers[name];
      return typeof value === 'string' && /^[\x20-\x7e]{1,256}$/.test(value) ? [[name, value]] : [];
    }),
  );
}
