import type { CheckedRequest } from '../authorization-endpoint/check-request.ts';
import type { Established } from '../established.ts';

/** What was asked for, as records name it: no state, no nonce, nothing of the person. */
export function describePush({ terms }: CheckedRequest): Established {
  return {
    scope: terms.scopes,
    ...(terms.resources.length === 0 ? {} : { audience: terms.resources }),
  };
}
