import { accessErrors, type Caller, type LastingGuard } from '@countersign/contracts';

/**
 * A guard that believes what the request says of its caller and checks the scope. For tests of what happens behind
 * the guard: token and proof are the authorization server's to test.
 */
export function createOpenGuard(): LastingGuard & { end(subject: string): void } {
  const ended = new Set<string>();
  const check: LastingGuard['check'] = async ({ authorization: [header] }, need) => {
    if (header === undefined) throw accessErrors.error('token_missing', 'There is no access token.');
    const caller = JSON.parse(Buffer.from(header.replace(/^DPoP /, ''), 'base64url').toString()) as Caller;
    if (!caller.scope.includes(need.scope))
      throw accessErrors.error('insufficient_scope', `This needs an access token with the scope ${need.scope}.`);
    return caller;
  };
  return {
    check,
    async checkLasting(request, need) {
      const caller = await check(request, need);
      return { caller, stands: () => !ended.has(caller.subject) };
    },
    /** Their tokens are good for nothing any more. */
    end: (subject) => void ended.add(subject),
  };
}

/** The header by which the guard knows a caller. */
export function asCaller(
  institution: string,
  scope: readonly string[] = ['event:read', 'event:subscribe'],
  subject = 'client:ops',
): { readonly authorization: string } {
  const caller: Caller = {
    ...{ subject, client: 'ops', institution, scope, tokenId: 'tok' },
    ...{ actors: [], authorizationDetails: [] },
  };
  return { authorization: `DPoP ${Buffer.from(JSON.stringify(caller)).toString('base64url')}` };
}
