import type { TokenResponse } from '@countersign/contracts';
import { epochSeconds, type Random, sha256Base64Url } from '@countersign/kernel';
import { bindingOf, type ClientEndpoint } from '../client-endpoint/index.ts';
import { refuse } from '../refusal.ts';
import { type AskAccessToken, provisioningInterface } from './access-tokens.ts';
import type { ProvisioningTokenRegister } from './register.ts';
import { newTokenText } from './token-text.ts';

const daySeconds = 86_400;

/**
 * Gives a client the token that its SCIM software sends with every request: bound to the certificate that it shows here, for as
 * many days as its registration says, and not beyond that certificate. The one that it had ends.
 *
 * The token endpoint is asked for an access token first, by the same rules as ever: what it refuses is refused here.
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
