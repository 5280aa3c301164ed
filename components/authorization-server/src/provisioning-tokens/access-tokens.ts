import type { Client, ClientRequest, TokenResponse } from '@countersign/contracts';

/** From where the client asks, as records say it, and what it shows. */
export type AskedFrom = Required<Pick<ClientRequest, 'certificate'>> & Pick<ClientRequest, 'address' | 'zone'>;

/** Asks the token endpoint as the client would by itself, from where it is and with the certificate that it shows. */
export type AskAccessToken = (client: Client['id'], scope: string, from: AskedFrom) => Promise<TokenResponse>;

/** Of the interface whose software may have provisioning tokens. */
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
      ...(address === undefined ? {} : { address }),
      ...(zone === undefined ? {} : { zone }),
    });
}
