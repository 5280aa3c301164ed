import type { Client, Resource } from '@countersign/contracts';
import { unreachable } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { OpaqueTokens } from '../opaque-tokens/index.ts';
import type { RequestedToken } from './requested-token.ts';

/** Puts claims into the form in which their interface takes tokens, by its registration. */
export type TokenForms = (claims: AccessTokenClaims, resource: Resource) => Promise<string>;

/** `jwt`: the signed token. `opaque`: a reference that says nothing, to a signed token that is kept in its region. */
export function createTokenForms(forms: {
  readonly signToken: (claims: AccessTokenClaims) => Promise<string>;
  readonly opaqueTokens: Pick<OpaqueTokens, 'keep'>;
}): TokenForms {
  return (claims, { tokenFormat }) => {
    switch (tokenFormat) {
      case 'jwt':
        return forms.signToken(claims);
      case 'opaque':
        return forms.opaqueTokens.keep(claims);
      default:
        return unreachable(tokenFormat);
    }
  };
}

/** Writes what was granted: in the form of its interface, or as the class that is asked for is written. */
export function writeToken(
  granted: {
    readonly claims: AccessTokenClaims;
    readonly resource: Resource;
    readonly client: Client;
    readonly requested: RequestedToken | undefined;
  },
  tokenForms: TokenForms,
): Promise<string> {
  const { claims, resource, client, requested } = granted;
  if (requested !== undefined) return requested.sign(claims, client);
  return tokenForms(claims, resource);
}
