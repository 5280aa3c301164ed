import type { Resource } from '@countersign/contracts';
import { unreachable } from '@countersign/kernel';
import type { AccessTokenClaims } from '@countersign/oauth';
import type { OpaqueTokens } from '../opaque-tokens/index.ts';

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
