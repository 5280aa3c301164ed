import type {
  CertificateName,
  Client,
  ClientRequest,
  DirectorySnapshot,
  PresentedCertificate,
} from '@countersign/contracts';
import { isCodedError, unreachable } from '@countersign/kernel';
import {
  type Certificate,
  clientAssertionType,
  isInDate,
  matchesName,
  type RegisteredKey,
  readCertificate,
  type VerifiedClientAssertion,
  verifyClientAssertion,
} from '@countersign/oauth';
import type { ClientKeys } from '../client-keys/index.ts';
import { refuse } from '../refusal.ts';

export interface AuthenticationRules {
  readonly clientKeys: ClientKeys;
  readonly issuer: string;
  /** Audiences accepted besides the issuer, where the endpoint's specification requires it. */
  readonly furtherAudiences?: readonly string[];
}

/** The input of the checks: the request's credentials and the certificate of its connection. */
export interface Presented {
  readonly credentials: Credentials;
  readonly certificate: Certificate | undefined;
  readonly presented: PresentedCertificate | undefined;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export interface AuthenticatedClient {
  readonly client: Client;
  /** Not yet claimed. Absent if the client authenticated by its certificate. */
  readonly assertion?: VerifiedClientAssertion;
}

/** The credentials of a request, not yet verified. */
export type Credentials =
  | { readonly kind: 'assertion'; readonly assertion: string; readonly clientId?: string }
  | { readonly kind: 'certificate'; readonly clientId: string };

/**
 * Reads one set of credentials: a client assertion or the certificate of the connection. A certificate beside an assertion
 * is not a credential: tokens are bound to it (RFC 8705 section 3), however the client authenticates.
 *
 * @throws CodedError `invalid_client`; `invalid_request` for two sets
 */
export function readCredentials(parameters: ReadonlyMap<string, string>, request: ClientRequest): Credentials {
  const assertion = parameters.get('client_assertion');
  const clientId = parameters.get('client_id');
  // RFC 6749 section 2.3: at most one method; this server does not support shared secrets.
  if (request.authorization.length > 0 || parameters.has('client_secret'))
    throw assertion === undefined ? missing() : several();
  if (assertion !== undefined) {
    if (parameters.get('client_assertion_type') !== clientAssertionType)
      throw refuse('client_authentication_missing', `The client_assertion_type must be ${clientAssertionType}.`);
    return clientId === undefined ? { kind: 'assertion', assertion } : { kind: 'assertion', assertion, clientId };
  }
  if (request.certificate === undefined || parameters.has('client_assertion_type')) throw missing();
  // RFC 8705 section 2: a certificate may belong to several clients, so the request must name its client.
  if (clientId === undefined)
    throw refuse('client_id_missing', 'A client that authenticates by its certificate must send its client_id.');
  return { kind: 'certificate', clientId };
}

function missing() {
  return refuse(
    'client_authentication_missing',
    'The client must authenticate with a client_assertion (private_key_jwt) or with its certificate (mutual TLS), and with nothing else.',
  );
}

function several() {
  return refuse(
    'client_authentication_several',
    'The client must authenticate once: beside a client_assertion there must be no client_secret and no Authorization header.',
  );
}

/**
 * Authenticates the client. Each method accepts only clients that are registered for it; otherwise an attacker could choose
 * the weaker method, or the one whose key they hold.
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

/** The certificate of the connection, parsed once for all rules. @throws CodedError of `certificateErrors` */
export function certificateOf(request: ClientRequest): Certificate | undefined {
  return request.certificate === undefined ? undefined : readCertificate(request.certificate.der);
}

/**
 * RFC 7523 section 3 under FAPI 2.0: a signature by a key of the client. If no cached key fits, remote keys are fetched
 * again once: this is how a client rotates its keys.
 */
export async function privateKeyJwt(
  { assertion, clientId }: { readonly assertion: string; readonly clientId?: string },
  presented: Presented,
  rules: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const { directory, now } = presented;
  const { clientKeys, issuer, furtherAudiences = [] } = rules;
  let fetches: Client | undefined;

  function keysOf(id: string): readonly RegisteredKey[] | undefined {
    const client = directory.client(id);
    if (client === undefined) return undefined;
    if (client.authentication.method !== 'private_key_jwt')
      throw refuse(
        'client_authentication_method',
        'The client is not registered to authenticate by a client_assertion.',
      );
    if (client.jwksUri !== undefined) fetches = client;
    return clientKeys.held(client, now);
  }
  const verify = () =>
    verifyClientAssertion(assertion, {
      issuer,
      now,
      keysOf,
      acceptedAudiences: (id) =>
        directory.client(id)?.profile === 'oidc' ? [`${issuer}/token`, ...furtherAudiences] : furtherAudiences,
    });

  let verified: Awaited<ReturnType<typeof verify>>;
  try {
    verified = await verify();
  } catch (error) {
    if (fetches === undefined || !isCodedError(error, 'client_assertion_key')) throw error;
    await clientKeys.fetch(fetches, now);
    verified = await verify();
  }
  const client = directory.client(verified.clientId);
  if (client === undefined) throw new Error('an assertion was verified for a client that the directory does not have');
  // RFC 7521 section 4.2: the parameter is optional, but if present it must name the same client.
  if (clientId !== undefined && clientId !== client.id)
    throw refuse('client_id_differs', 'The client_id is not that of the client assertion.');
  clientKeys.checkAge(client, verified.keyThumbprint, now);
  return { client, assertion: verified };
}

/** RFC 8705 section 2: the TLS connection proved possession of the certificate; this checks that it belongs to the client. */
export async function mutualTls(
  clientId: string,
  { certificate, presented, directory, now }: Presented,
  { clientKeys }: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const client = directory.client(clientId);
  // One answer for an unknown client and for one with another method, so that the server does not confirm client names.
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

/** Needed even after chain verification, which happened when the connection was opened, possibly long ago. */
export function checkCertificateDates(certificate: Certificate, now: number): void {
  if (!isInDate(certificate, now))
    throw refuse('client_certificate_expired', 'The client certificate is not valid at this time.');
}

/** RFC 8705 section 2.1: issued by a trusted authority to the registered name. */
function checkName(certificate: Certificate, name: CertificateName, chainVerified: boolean): void {
  if (!chainVerified)
    throw refuse('client_certificate_untrusted', 'The client certificate is not of an authority that is trusted here.');
  if (!matchesName(certificate, name))
    throw refuse('client_certificate_name', `The client certificate does not hold the registered ${name.kind}.`);
}

/** RFC 8705 section 2.2: one of the client's own certificates. */
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

/**
 * Two clients that share a key or certificate are one piece of software in two roles, which defeats separation of duties
 * between them. Neither is served until the registration assigns the credential to one of them.
 *
 * @param note keeps the other holder for the record; the client does not see it
 * @throws CodedError `invalid_client` (`client_credential_shared`)
 */
export async function requireSoleHolder(
  { client, assertion }: AuthenticatedClient,
  { certificate, presented, directory }: Pick<Presented, 'certificate' | 'presented' | 'directory'>,
  note: (other: string) => void,
  { clientKeys }: Pick<AuthenticationRules, 'clientKeys'>,
): Promise<void> {
  const shown =
    assertion === undefined
      ? certificate && { certificate, chainVerified: presented?.chainVerified === true }
      : { keyThumbprint: assertion.keyThumbprint };
  if (shown === undefined) throw new Error('a client was authenticated by neither an assertion nor a certificate');
  const other = await clientKeys.otherHolder(client, shown, directory);
  if (other === undefined) return;
  note(other);
  throw refuse(
    'client_credential_shared',
    'This key or certificate would authenticate another client too. Give each client its own, and register those.',
  );
}
