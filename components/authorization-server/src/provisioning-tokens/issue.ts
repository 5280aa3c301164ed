import type { Client, ClientRequest, TokenResponse } from '@countersign/contracts';
import { defined, epochSeconds, type Random, sha256Base64Url } from '@countersign/kernel';
import { bindingOf, type ClientEndpoint } from '../client-endpoint/index.ts';
import { refuse } from '../refusal.ts';
import { newTokenText, type ProvisioningTokenRegister } from './register.ts';

const daySeconds = 86_400;

/**
 * Issues the token of a client's SCIM software, bound to its certificate, for the registered number of days and not beyond the
 * certificate. It replaces the previous one. The token endpoint must permit an access token first.
 */
export function provisioningTokenEndpoint(dependencies: {
  readonly issuer: string;
  readonly register: Pick<ProvisioningTokenRegister, 'put'>;
  readonly ask: AskAccessToken;
  readonly random: Random;
}): ClientEndpoint<TokenResponse> {
  const { issuer, register, ask, random } = dependencies;
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
        throw refuse('certificate_needed', 'Use a connection with the certificate of the client.');
      const granted = (await ask(client.id, scope, { ...request, certificate: presented })).scope;
      const token = newTokenText(client.id, random);
      const nowSeconds = epochSeconds(now);
      const expiresAt = Math.min(nowSeconds + days * daySeconds, epochSeconds(certificate.notAfter));
      const issued = { client: client.id, sha256: sha256Base64Url(token), scope: granted, expiresAt };
      await register.put(
        { ...issued, certificate: confirmation['x5t#S256'] },
        {
          ...established,
          authentication: { method },
          scope: granted.split(' '),
          subject: { id: client.principal, institution: client.institution },
        },
      );
      return { access_token: token, token_type: 'Bearer', expires_in: expiresAt - nowSeconds, scope: granted };
    },
  };
}

export type AskedFrom = Required<Pick<ClientRequest, 'certificate'>> & Pick<ClientRequest, 'address' | 'zone'>;

/** Calls the token endpoint in the name of the client. */
export type AskAccessToken = (client: Client['id'], scope: string, from: AskedFrom) => Promise<TokenResponse>;

/** For clients with provisioning tokens. */
export function provisioningInterface(issuer: string): string {
  return `${issuer}/scim`;
}

export function createAskAccessToken(dependencies: {
  readonly issuer: string;
  readonly token: (request: ClientRequest) => Promise<TokenResponse>;
}): AskAccessToken {
  const { issuer, token } = dependencies;
  return (client, scope, { certificate: { der, chainVerified }, address, zone }) => {
    const resource = provisioningInterface(issuer);
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: client, scope, resource });
    return token({
      method: 'POST',
      url: `${issuer}/token`,
      body: body.toString(),
      authorization: [],
      dpop: [],
      certificate: { der, chainVerified },
      ...defined({ address, zone }),
    });
  };
}
