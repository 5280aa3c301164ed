import { accessErrors, type Caller, type LastingGuard, type LastingToken } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { readPresentedToken } from '@countersign/oauth';

/** A guard that believes what a token says of its caller. */
export interface OpenGuard extends LastingGuard {
  /** From now on the tokens of this subject are revoked. */
  end(subject: string): void;
}

/** Of those only the subject is looked at. */
const unusedClaims: LastingToken = {
  ...{ iat: 0, exp: 0, sub: '', client_id: '', lei: '' },
  jti: newId('token', { clock: systemClock, random: systemRandom }),
};

/**
 * For tests of what happens behind the guard: it reads the one header as the real guard does, believes the token, and checks the
 * scope. Signature and proof are the authorization server's to test.
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
    stands: async ({ sub }) => !ended.has(sub),
    end: (subject) => void ended.add(subject),
  };
}

/** The header by which an open guard knows a caller: a token in the shape of a JWT, without a signature. */
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
