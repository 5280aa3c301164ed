import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';

/** The header by which {@link openGuard} knows an enforcement point. */
export function asCaller(scope: readonly string[] = ['decision:evaluate'], institution = '5493000ARRANGERDEM94') {
  return { authorization: Buffer.from(JSON.stringify({ scope, institution })).toString('base64url') };
}

/** Believes what a request says of its caller, and checks the scope: token and proof are tested where they are checked. */
export const openGuard: ResourceGuard = {
  async check({ authorization: [header] }, { scope: needed }) {
    if (header === undefined) throw accessErrors.error('token_missing', 'There is no access token.');
    const said = JSON.parse(Buffer.from(header, 'base64url').toString()) as Pick<Caller, 'scope' | 'institution'>;
    if (!said.scope.includes(needed)) throw accessErrors.error('insufficient_scope', `This needs the scope ${needed}.`);
    return {
      subject: 'service:enforcement',
      client: 'pep',
      actors: [],
      tokenId: 'tok',
      authorizationDetails: [],
      ...said,
    };
  },
};
