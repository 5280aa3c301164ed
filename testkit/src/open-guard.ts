import { accessErrors, type Caller, type LastingGuard, type LastingToken } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { readPresentedToken } from '@countersign/oauth';

/** A guard that trusts a token's claims about its caller. */
export interface OpenGuard extends LastingGuard {
  /** From now on the tokens of this subject are revoked. */
  end(subject: string): void;
}

/** Only the subject of these is used. */
const unusedClaims: LastingToken = {
  ...{ iat: 0, exp: 0, sub: '', client_id: '', lei: '' },
  jti: newId('token', { clock: systemClock, random: systemRandom }),
};

/**
 * For tests of code behind the guard: reads the header like the real guard, trusts the token, and checks the scope. Signature and
 * proof are tested with the authorization server.
 */
export function createOpenGuard(): OpenGuard {
  const ended = new Set<string>();
  const check: LastingGuard['check'] = async ({ authorization }, need) => {
    const { scheme, accessToken } = readPresentedToken(authorization);
    if (scheme !== 'DPoP') throw accessErrors.error('token_scheme', 'The token is bound to a key.');
    const { caller } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString()) as {
      readonly caller: Caller;
    };
    if (ended.has(caller.subject)) throw accessErrors.error('token_revoked', 'The access token has been revoked.');
    if (!caller.scope.includes(need.scope))
      throw accessErrors.error('insufficient_scope', `This needs an access token with the scope ${need.scope}.`, {
        facts: { scope: need.scope },
      });
    return caller;
  };
  return {
    check,
    async checkLasting(request, need) {
      const caller = await check(request, need);
      return { caller, token: { ...unusedClaims, sub: caller.subject } };
    },
    isActive: async ({ sub }) => !ended.has(sub),
    end: (subject) => void ended.add(subject),
  };
}

/** The header that identifies a caller to an open guard: an unsigned token in the form of a JWT. */
export function asCaller(
  { id, institution }: { readonly id: string; readonly institution: string },
  scope: readonly string[],
  more: Partial<Caller> = {},
): { readonly authorization: string } {
  const caller: Caller = {
    subject: id,
    client: 'test-client',
    institution,
    actors: [],
    scope,
    tokenId: 'tok',
    authorizationDetails: [],
    ...more,
  };
  const token = [{ alg: 'ES256', typ: 'at+jwt' }, { scope: scope.join(' '), caller }, 'unsigned'];
  return {
    authorization: `DPoP ${token.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}`,
  };
}
