import type { CertificateName, Client } from '@countersign/contracts';
import { unreachable } from '@countersign/kernel';
import { type Certificate, isInDate, matchesName } from '@countersign/oauth';
import type { ClientKeys } from '../client-keys/index.ts';
import { refuse } from '../refusal.ts';
import type { AuthenticatedClient, AuthenticationRules, Presented } from './presented.ts';

/** RFC 8705 section 2: possession of the certificate was shown on the connection; here it is found to be the client's. */
export async function mutualTls(
  clientId: string,
  { certificate, presented, directory, now }: Presented,
  { clientKeys }: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const client = directory.client(clientId);
  // One answer for a client that is not there and for one that authenticates otherwise: names are not ours to confirm.
  if (client === undefined || client.authentication.method === 'private_key_jwt')
    throw refuse(
      'client_authentication_method',
      'No client of this name is registered to authenticate by certificate.',
    );
  if (certificate === undefined || presented === undefined)
    throw refuse('client_authentication_missing', 'The connection shows no client certificate.');
  checkCertificateDates(certificate, now);
  const { authentication } = client;
  switch (authentication.method) {
    case 'tls_client_auth':
      checkName(certificate, authentication.name, presented.chainVerified);
      return { client };
    case 'self_signed_tls_client_auth':
      await checkRegistered(certificate, client, clientKeys, now);
      return { client };
    default:
      return unreachable(authentication);
  }
}

/** Also where a chain was verified: that may have been when the connection was opened, long ago. */
export function checkCertificateDates(certificate: Certificate, now: number): void {
  if (!isInDate(certificate, now))
    throw refuse('client_certificate_expired', 'The client certificate is not valid at this time.');
}

/** RFC 8705 section 2.1: issued by an authority that we trust, to the name that was registered. */
function checkName(certificate: Certificate, name: CertificateName, chainVerified: boolean): void {
  if (!chainVerified)
    throw refuse('client_certificate_untrusted', 'The client certificate is not of an authority that is trusted here.');
  if (!matchesName(certificate, name))
    throw refuse('client_certificate_name', `The client certificate does not hold the registered ${name.kind}.`);
}

/** RFC 8705 section 2.2: one of the certificates of the client itself. */
async function checkRegistered(
  { thumbprint }: Certificate,
  client: Client,
  clientKeys: ClientKeys,
  now: number,
): Promise<void> {
  if (!clientKeys.holdsCertificate(client, thumbprint, now)) {
    if (client.jwksUri !== undefined) await clientKeys.fetch(client, now);
    if (!clientKeys.holdsCertificate(client, thumbprint, now))
      throw refuse(
        'client_certificate_unknown',
        'The client certificate is not one that is registered for the client.',
      );
  }
  clientKeys.checkCertificateAge(client, thumbprint, now);
}
