import type { Client, ClientRequest, TokenResponse } from '@countersign/contracts';
import { defined, epochSeconds, type Random, sha256Base64Url } from '@countersign/kernel';
import { bindingOf, type ClientEndpoint } from '../client-endpoint/index.ts';
import { refuse } from '../refusal.ts';
import { newTokenText, type ProvisioningTokenRegister } from './register.ts';

const daySeconds = 86_400;

/**
 * Issues the token that a client's SCIM software sends with every request. It is bound to the certificate presented here and
 * lives for the registered number of days, but not longer than that certificate. The client's previous token ends.
 *
 * The token endpoint is asked for an access token first, under the usual rules; what it refuses is refused here.
 */
export function provisioningTokenEndpoint({
  issuer,
  register,
  ask,
  random,
}: {
  readonly issuer: string;
  readonly register: Pick<ProvisioningTokenRegister, 'put'>;
  readonly ask: AskAccessToken;
  readonly random: Random;
}): ClientEndpoint<TokenResponse> {
  return {
    name: 'provisioning-token',
    proof: 'required',
    refusalType: 'token.refused',
    async answer(context) {
      const { client, method, now, certificate, request, established, note } = context;
      const scope = context.parameters.get('scope') ?? client.scopes.toSorted().join(' ');
      note({ audience: [provisioningInterface(issuer)] });
      const days = client.provisioningTokenDays;
      const confirmation = bindingOf(context);
      if (days === undefined || confirmation === undefined || !('x5t#S256' in confirmation))
        throw refuse('provisioning_token_not_allowed', 'The client is not registered for a provisioning token.');
      const { certificate: presented } = request;
      if (certificate === undefined || presented === undefined)
        throw refuse('certificate_needed', 'Ask over a connection that shows the certificate of the client.');
      const granted = (await ask(client.id, scope, { ...request, certificate: presented })).scope;
      const token = newTokenText(client.id, random);
      const nowSeconds = epochSeconds(now);
      const expiresAt = Math.min(nowSeconds + days * daySeconds, epochSeconds(certificate.notAfter));
      await register.put(
        {
          client: client.id,
          sha256: sha256Base64Url(token),
          certificate: confirmation['x5t#S256'],
          scope: granted,
          expiresAt,
        },
        {
          ...established,
          subject: { id: client.principal, institution: client.institution },
          scope: granted.split(' '),
          authentication: { method },
        },
      );
      return { access_token: token, token_type: 'Bearer', expires_in: expiresAt - nowSeconds, scope: granted };
    },
  };
}

/** The client's source address, as records name it, and its certificate. */
export type AskedFrom = Required<Pick<ClientRequest, 'certificate'>> & Pick<ClientRequest, 'address' | 'zone'>;

/** Calls the token endpoint as the client itself would, with its source address and certificate. */
export type AskAccessToken = (client: Client['id'], scope: string, from: AskedFrom) => Promise<TokenResponse>;

/** The interface whose clients may have provisioning tokens. */
export function provisioningInterface(issuer: string): string {
  return `${issuer}/scim`;
}

export function createAskAccessToken({
  issuer,
  token,
}: {
  readonly issuer: string;
  readonly token: (request: ClientRequest) => Promise<TokenResponse>;
}): AskAccessToken {
  return (client, scope, { certificate: { der, chainVerified }, address, zone }) =>
    token({
      method: 'POST',
      url: `${issuer}/token`,
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: client,
        scope,
        resource: provisioningInterface(issuer),
      }).toString(),
      authorization: [],
      dpop: [],
      certificate: { der, chainVerified },
      ...defined({ address, zone }),
    });
}
