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
import { repeats, textsIn } from './fill-body.js';
import { maskedAnswer, rowsToWrite } from './masked-answer.js';
import { readAnswer, unfit, type AnswerBounds } from './read-answer.js';
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
    const { body, fill } = call.plan.route;
    if (request.body !== undefined && body.length === 0 && fill === undefined) {
      throw new WeirError('request-malformed', { detail: 'the route takes no body' });
    }
    return call;
  }

  /**
   * What is sent, and of a write what is recorded before that.
   * @throws WeirError request-malformed, request-too-long, field-unknown, field-masked, not-permitted
   */
  async prepare(
    call: AdmittedCall,
    request: ServiceRequest,
    role: string,
  ): Promise<{ outgoing: OutgoingCall; fields: readonly string[] }> {
    const body = await request.body?.();
    // Of a role with `only` a body must say some things: also one that is not there.
    const isChecked = body !== undefined || (call.writes && call.own !== undefined);
    const fields = isChecked ? checkBody(body ?? '{}', call) : none;
    return { outgoing: this.outgoing(call, request, role, body), fields };
  }

  /** @param body as it is sent */
  outgoing(
    { plan, outgoing }: AdmittedCall,
    { id, principal, service }: ServiceRequest,
    role: string,
    body: string | undefined,
  ): OutgoingCall {
    const headers: Record<string, string> = {
      accept: plan.accept,
      'accept-encoding': 'identity',
      'weir-request-id': id,
    };
    const told = this.#options.identify?.(principal, role, service);
    for (const name in told) headers[name] = told[name]!;
    if (body !== undefined) {
      headers['content-type'] = 'application/json';
      headers['content-length'] = String(Buffer.byteLength(body));
    }
    const { method, path, search } = outgoing;
    return { method, path, search, headers, body };
  }

  rowsToWrite(call: AdmittedCall): MaskedRows {
    return rowsToWrite(call);
  }

  /**
   * Forwards, reads and masks.
   * @param secrets what was filled in: an answer that repeats one of these is refused
   * @throws WeirError service-*, per-request-exceeded, busy
   */
  async run(
    call: AdmittedCall,
    outgoing: OutgoingCall,
    forward: Forward,
    perRequest: number,
    secrets: readonly string[] = none,
  ): Promise<Called> {
    const { plan, own, writes, first } = call;
    const { route } = plan;
    // A record that is not the role's is not there, and is never written.
    if (own?.isNobodys === true && (writes || plan.isOne)) return notFound(call);
    const refused = first === undefined ? undefined : await this.#refusedFirst(first, outgoing, forward);
    if (refused !== undefined) return notFound(call, refused);

    const upstream = await readAnswer((taker) => forward(outgoing, taker), route.answer, this.#options);
    const { text, refusal } = upstream;
    if (text === undefined && refusal === undefined && !writes) throw new WeirError('service-answer-unfit');
    const { rows, isAllOwn } = maskedAnswer(text, call, perRequest, writes ? 1 : 0);
    const isGone = own !== undefined && plan.isOne && text !== undefined && rows.values.length === 0;
    if (isGone && !writes) return notFound(call);
    const around = own === undefined || (plan.isOwnAround && isAllOwn && !own.isNobodys);
    const headers = around ? allowed(upstream.headers, route.headers) : noHeaders;
    refuseRepeated(rows, headers, secrets);
    const status = text === undefined || isGone ? 204 : upstream.status === 201 ? 201 : 200;
    return { rows, answer: { status, contentType: contentTypes[route.answer], headers }, refusal };
  }

  /** Is the record that is to be written the role's? Nothing of it is shown. @returns what the caller is told otherwise */
  async #refusedFirst(
    first: NonNullable<AdmittedCall['first']>,
    write: OutgoingCall,
    forward: Forward,
  ): Promise<WeirError | undefined> {
    const { 'content-type': _type, 'content-length': _length, ...headers } = write.headers;
    const { plan, outgoing } = first;
    const asked = { ...outgoing, headers: { ...headers, accept: plan.accept }, body: undefined };
    const { answer } = plan.route;
    const { text, refusal } = await readAnswer((taker) => forward(asked, taker), answer, this.#options);
    if (refusal !== undefined) return refusal;
    if (text === undefined) throw new WeirError('service-answer-unfit');
    const { rows } = maskedAnswer(text, first, 1, 0);
    return rows.values.length === 1 ? undefined : new WeirError('record-not-found');
  }
}

/** What is recorded is that no record came. */
function notFound(call: AdmittedCall, refusal = new WeirError('record-not-found')): Called {
  const { rows } = maskedAnswer(undefined, call, 0, call.writes ? 1 : 0);
  const contentType = contentTypes[call.plan.route.answer];
  return { rows, answer: { status: 204, contentType, headers: noHeaders }, refusal };
}

/** A service that tells a clear value in a field which is declared harmless must not become a way round the masks. */
function refuseRepeated(
  { body }: MaskedRows,
  headers: Readonly<Record<string, string>>,
  secrets: readonly string[],
): void {
  if (secrets.length === 0) return;
  const text = body?.encode().toString() ?? '';
  const texts = [...Object.values(headers), ...(text === '' ? [] : textsIn(text))];
  if (texts.some((each) => repeats(each, secrets))) throw unfit('it repeats a value that was filled in');
}

const none: readonly string[] = Object.freeze([]);
type Headers = Readonly<Record<string, string>>;
const noHeaders: Headers = Object.freeze({});

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
