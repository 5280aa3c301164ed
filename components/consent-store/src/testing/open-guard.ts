import { accessErrors, type Caller, type Person, type ResourceGuard } from '@countersign/contracts';

/**
 * A guard that believes what the request says of its caller and checks the scope. For tests of what happens behind
 * the guard: token and proof are the authorization server's to test.
 */
export const openGuard: ResourceGuard = {
  async check(request, need) {
    const [header] = request.authorization;
    if (header === undefined) throw accessErrors.error('token_missing', 'There is no access token.');
    const claims = header.replace(/^DPoP /, '').split('.')[1] ?? '';
    const { caller } = JSON.parse(Buffer.from(claims, 'base64url').toString()) as { readonly caller: Caller };
    if (!caller.scope.includes(need.scope))
      throw accessErrors.error('insufficient_scope', `This needs an access token with the scope ${need.scope}.`);
    return caller;
  },
};

/** The header by which {@link openGuard} knows a caller. */
export function asCaller(
  { id, institution }: Person,
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
