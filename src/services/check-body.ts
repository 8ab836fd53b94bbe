/**
 * The body of a write: sound JSON, only fields that the route lists, and of these only what the role sees in clear.
 * A tool that shows `138****1234` in a form sends it back when the form is saved; it must not overwrite the number.
 */
import { WeirError } from '../errors.js';
import { bodyFields } from '../mask/document/body-fields.js';
import { DocumentUnfit } from '../mask/document/document-unfit.js';
import type { RoutePlan } from './route-plan.js';

/**
 * @returns the fields that it names, as the catalogue writes them
 * @throws WeirError request-malformed, field-unknown, field-masked
 */
export function checkBody(text: string, { route, policy }: RoutePlan): readonly string[] {
  const { named, unlisted } = fieldsOf(text, route.body);
  if (unlisted) {
    throw new WeirError('field-unknown', {
      detail: 'the body names a field that the route does not take',
      hint: `it takes ${route.body.join(', ')}`,
    });
  }
  const masked = named.find((field) => policy.see.get(field) !== 'clear');
  if (masked === undefined) return named;
  throw new WeirError('field-masked', {
    detail: `the role does not see ${masked} in clear, so it cannot write it`,
    hint: 'leave the field out of the body',
  });
}

function fieldsOf(text: string, listed: readonly string[]): ReturnType<typeof bodyFields> {
  try {
    return bodyFields(text, listed);
  } catch (thrown) {
    if (!(thrown instanceof DocumentUnfit)) throw thrown;
    throw new WeirError('request-malformed', { detail: 'the body is no sound JSON object', cause: thrown });
  }
}
