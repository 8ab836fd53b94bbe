/**
 * The body of a write: sound JSON, only fields that the route lists, and of these only what the role sees in clear.
 * A tool that shows `138****1234` in a form sends it back when the form is saved; it must not overwrite the number.
 */
import { WeirError } from '../errors.js';
import { bodyFields } from '../mask/document/body-fields.js';
import { DocumentUnfit } from '../mask/document/document-unfit.js';
import { parseFieldPath } from '../mask/document/field-path.js';
import { saysOfNew, unasked } from '../policy/service-only.js';
import type { AdmittedCall } from './admit-call.js';

/**
 * @returns the fields that it names, as the catalogue writes them
 * @throws WeirError request-malformed, field-unknown, field-masked, not-permitted
 */
export function checkBody(
  text: string,
  { plan, own }: Pick<AdmittedCall, 'plan' | 'own'>,
): readonly string[] {
  const { route, policy } = plan;
  const { named, unlisted } = fieldsOf(text, route.body);
  if (unlisted) {
    throw new WeirError('field-unknown', {
      detail: 'the body names a field that the route does not take',
      hint: `it takes ${route.body.join(', ')}`,
    });
  }
  const masked = named.find((field) => policy.see.get(field) !== 'clear');
  if (masked === undefined) {
    if (own !== undefined) refuseOthers(text, named, { plan, own });
    return named;
  }
  throw new WeirError('field-masked', {
    detail: `the role does not see ${masked} in clear, so it cannot write it`,
    hint: 'leave the field out of the body',
  });
}

/** A role with `only` neither makes records of others, nor gives its own away. */
function refuseOthers(
  text: string,
  named: readonly string[],
  { plan: { route, policy }, own }: Required<Pick<AdmittedCall, 'plan' | 'own'>>,
): void {
  for (const { column } of policy.only) {
    const isAsked = unasked(route, [{ column, value: { literal: '' } }]).length === 0;
    const mustSay = !isAsked && route.first === undefined && saysOfNew(route, column);
    if (!named.includes(column) && !mustSay) continue;
    if (named.includes(column) && own?.of(column) === textAt(JSON.parse(text), column)) continue;
    throw new WeirError('not-permitted', {
      detail: `the role writes only records whose ${column} is its own`,
      hint: mustSay ? `give ${column} in the body` : `leave ${column} out of the body`,
    });
  }
}

/** Undefined: it is no plain value, or one that another program could read otherwise. */
function textAt(body: unknown, field: string): string | undefined {
  let value = body;
  for (const step of parseFieldPath(field)!.steps)
    value =
      step.kind === 'name' ? (value as Record<string, unknown> | null | undefined)?.[step.name] : undefined;
  const isPlain = typeof value === 'string' || typeof value === 'boolean' || Number.isSafeInteger(value);
  return isPlain ? String(value) : undefined;
}

function fieldsOf(text: string, listed: readonly string[]): ReturnType<typeof bodyFields> {
  try {
    return bodyFields(text, listed);
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    throw new WeirError('request-malformed', { detail: 'the body is no sound JSON object', cause: thrown });
  }
}
