import { isCodedError } from '@countersign/kernel';
import { parseForm } from '@countersign/oauth';
import { asOAuthError, refuse } from '../refusal.ts';

/**
 * The parameters of a form body, each there at most once.
 *
 * @throws CodedError `invalid_request`; `invalid_target` for a doubled `resource` or `audience`
 */
export function readForm(body: string): ReadonlyMap<string, string> {
  try {
    return parseForm(body);
  } catch (error) {
    const repeated = isCodedError(error, 'form_repeated') ? error.facts?.['parameter'] : undefined;
    // RFC 8707 section 2 allows several; one token, one audience does not.
    if (repeated === 'resource' || repeated === 'audience')
      throw refuse('target_ambiguous', 'A token is for exactly one target: one resource or one audience.');
    throw asOAuthError(error) ?? error;
  }
}
