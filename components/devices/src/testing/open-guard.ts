import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';

/**
 * A guard that believes what the request says of its caller and checks the scope. For tests of what happens behind
 * the guard: token and proof are the authorization server's to test.
 */
export function createOpenGuard(): ResourceGuard {
  return {
    async check({ authorization: [header] }, need) {
      if (header === undefined) throw accessErrors.error('token_missing', 'There is no access token.');
      const caller = JSON.parse(Buffer.from(header.replace(/^DPoP /, ''), 'base64url').toString()) as Caller;
      if (!caller.scope.includes(need.scope))
        throw accessErrors.error('insufficient_scope', `This needs an access token with the scope ${need.scope}.`);
      return caller;
    },
  };
}

/** The header by which the guard knows a caller. */
export function asCaller(institution: string, ...scope: readonly string[]): { readonly authorization: string } {
  const caller: Caller = {
    ...{ subject: 'service:mdm', client: 'mdm', institution, scope, tokenId: 'tok' },
    ...{ actors: [], authorizationDetails: [] },
  };
  return { authorization: `DPoP ${Buffer.from(JSON.stringify(caller)).toString('base64url')}` };
}
