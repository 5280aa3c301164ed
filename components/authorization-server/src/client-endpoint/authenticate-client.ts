import type { ClientRequest } from '@countersign/contracts';
import { type Certificate, readCertificate } from '@countersign/oauth';
import { mutualTls } from './mutual-tls.ts';
import type { AuthenticatedClient, AuthenticationRules, Presented } from './presented.ts';
import { privateKeyJwt } from './private-key-jwt.ts';

/**
 * Who asks. Each method lets in only the clients that are registered for it: whoever could choose the method could
 * choose the weaker one, or the one whose key they hold.
 *
 * @throws CodedError of `oauthErrors` or of `clientAssertionErrors`
 */
export async function authenticateClient(
  presented: Presented,
  rules: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const { credentials } = presented;
  if (credentials.kind === 'assertion') return privateKeyJwt(credentials, presented, rules);
  return mutualTls(credentials.clientId, presented, rules);
}

/** The certificate of the connection, read once for every rule. @throws CodedError of `certificateErrors` */
export function certificateOf(request: ClientRequest): Certificate | undefined {
  return request.certificate === undefined ? undefined : readCertificate(request.certificate.der);
}
