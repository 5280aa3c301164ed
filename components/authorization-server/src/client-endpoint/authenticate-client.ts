import type {
  CertificateName,
  Client,
  ClientRequest,
  DirectorySnapshot,
  PresentedCertificate,
} from '@countersign/contracts';
import { defined, unreachable } from '@countersign/kernel';
import {
  type Certificate,
  clientAssertionErrors,
  clientAssertionType,
  isInDate,
  matchesName,
  type RegisteredKey,
  readCertificate,
  type VerifiedClientAssertion,
  verifyClientAssertion,
} from '@countersign/oauth';
import type { WorkloadStatement } from '@countersign/spiffe';
import type { ClientKeys } from '../client-keys/index.ts';
import { refuse } from '../refusal.ts';
import { jwtSvidAssertionType, type WorkloadAssertion, type WorkloadCredentials } from './workload-credentials.ts';

export interface AuthenticationRules {
  readonly clientKeys: ClientKeys;
  readonly issuer: string;
  /** Besides the issuer. */
  readonly furtherAudiences?: readonly string[];
  readonly workloads: WorkloadCredentials;
}

/** The request's credentials and the certificate of its connection. */
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
  /** Not yet claimed. */
  readonly assertion?: VerifiedClientAssertion;
  /** Not yet claimed. */
  readonly workloadAssertion?: WorkloadAssertion;
  /** What our own attestation says about the software behind the credential. */
  readonly workload?: WorkloadStatement;
}

/** Not yet verified. */
export type Credentials =
  | { readonly kind: 'assertion'; readonly assertion: string; readonly clientId?: string }
  | { readonly kind: 'workload'; readonly token: string; readonly clientId: string }
  | { readonly kind: 'certificate'; readonly clientId: string };

/**
 * A certificate beside an assertion is no credential, but tokens are bound to it (RFC 8705 section 3).
 *
 * @throws CodedError `invalid_client`; `invalid_request` for two sets of credentials
 */
export function readCredentials(parameters: ReadonlyMap<string, string>, request: ClientRequest): Credentials {
  const assertion = parameters.get('client_assertion');
  const clientId = parameters.get('client_id');
  // RFC 6749 section 2.3: at most one method; this server does not support shared secrets.
  if (request.authorization.length > 0 || parameters.has('client_secret'))
    throw assertion === undefined ? missing() : several();
  if (assertion !== undefined) {
    const type = parameters.get('client_assertion_type');
    if (type === jwtSvidAssertionType) {
      if (clientId === undefined)
        throw refuse('client_id_missing', 'A client that authenticates by a JWT-SVID must send its client_id.');
      return { kind: 'workload', token: assertion, clientId };
    }
    if (type !== clientAssertionType)
      throw refuse('client_authentication_missing', `The client_assertion_type must be ${clientAssertionType}.`);
    return clientId === undefined ? { kind: 'assertion', assertion } : { kind: 'assertion', assertion, clientId };
  }
  if (request.certificate === undefined || parameters.has('client_assertion_type')) throw missing();
  // RFC 8705 section 2.
  if (clientId === undefined)
    throw refuse('client_id_missing', 'A client that authenticates by its certificate must send its client_id.');
  return { kind: 'certificate', clientId };
}

function missing() {
  return refuse(
    'client_authentication_missing',
    'The client must authenticate with a client_assertion (private_key_jwt) or with its certificate (mutual TLS) only.',
  );
}

function several() {
  return refuse(
    'client_authentication_several',
    'Send the client_assertion without a client_secret and without an Authorization header.',
  );
}

/** Each method accepts only clients registered for it, so that a caller cannot choose. @throws CodedError of `oauthErrors` or `clientAssertionErrors` */
export async function authenticateClient(
  presented: Presented,
  rules: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const { credentials } = presented;
  if (credentials.kind === 'assertion') return privateKeyJwt(credentials, presented, rules);
  if (credentials.kind === 'workload') return jwtSvid(credentials, presented, rules);
  const authenticated = await mutualTls(credentials.clientId, presented, rules);
  const { presented: shown } = presented;
  if (shown?.chainVerified !== true) return authenticated;
  return {
    ...authenticated,
    ...defined({ workload: await rules.workloads.ofCertificate(shown.der, authenticated.client) }),
  };
}

/** A JWT-SVID of our own authority (draft-ietf-oauth-spiffe-client-auth), for a client whose certificates have its SPIFFE ID. */
async function jwtSvid(
  { token, clientId }: { readonly token: string; readonly clientId: string },
  { directory, now }: Presented,
  { workloads }: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const client = directory.client(clientId);
  if (client === undefined || client.authentication.method !== 'tls_client_auth')
    throw refuse('client_authentication_method', 'No client of this name is registered for a SPIFFE ID.');
  const workloadAssertion = await workloads.ofToken(token, client, now);
  return { client, workloadAssertion, workload: workloadAssertion.statement };
}

/** @throws CodedError of `certificateErrors` */
export function certificateOf(request: ClientRequest): Certificate | undefined {
  return request.certificate === undefined ? undefined : readCertificate(request.certificate.der);
}

/** RFC 7523 section 3 under FAPI 2.0. If no cached key fits, remote keys are fetched once, for key rotation. */
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
  const acceptedAudiences = (id: string) =>
    directory.client(id)?.profile === 'oidc' ? [`${issuer}/token`, ...furtherAudiences] : furtherAudiences;
  const verify = () => verifyClientAssertion(assertion, { issuer, now, keysOf, acceptedAudiences });

  let verified: Awaited<ReturnType<typeof verify>>;
  try {
    verified = await verify();
  } catch (error) {
    if (fetches === undefined || !clientAssertionErrors.is(error, 'client_assertion_key')) throw error;
    await clientKeys.fetch(fetches, now);
    verified = await verify();
  }
  const client = directory.client(verified.clientId);
  if (client === undefined) throw new Error('an assertion was verified for a client that the directory does not have');
  // RFC 7521 section 4.2.
  if (clientId !== undefined && clientId !== client.id)
    throw refuse('client_id_differs', 'The client_id differs from the client of the assertion.');
  clientKeys.checkAge(client, verified.keyThumbprint, now);
  return { client, assertion: verified };
}

/** RFC 8705 section 2. The TLS connection has proved possession. */
export async function mutualTls(
  clientId: string,
  { certificate, presented, directory, now }: Presented,
  { clientKeys }: AuthenticationRules,
): Promise<AuthenticatedClient> {
  const client = directory.client(clientId);
  // One answer, so that the server does not confirm client names.
  if (client === undefined || client.authentication.method === 'private_key_jwt')
    throw refuse(
      'client_authentication_method',
      'No client of this name is registered to authenticate by certificate.',
    );
  if (certificate === undefined || presented === undefined)
    throw refuse('client_authentication_missing', 'The connection has no client certificate.');
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

/** The chain may have been verified long ago, when the connection was opened. */
export function checkCertificateDates(certificate: Certificate, now: number): void {
  if (!isInDate(certificate, now))
    throw refuse('client_certificate_expired', 'The client certificate is not valid at this time.');
}

/** RFC 8705 section 2.1. */
function checkName(certificate: Certificate, name: CertificateName, chainVerified: boolean): void {
  if (!chainVerified)
    throw refuse('client_certificate_untrusted', 'The client certificate was not issued by a trusted authority.');
  if (!matchesName(certificate, name))
    throw refuse('client_certificate_name', `The client certificate does not have the registered ${name.kind}.`);
}

/** RFC 8705 section 2.2. */
async function checkRegistered({ thumbprint }: Certificate, client: Client, clientKeys: ClientKeys, now: number) {
  if (!clientKeys.holdsCertificate(client, thumbprint, now)) {
    if (client.jwksUri !== undefined) await clientKeys.fetch(client, now);
    if (!clientKeys.holdsCertificate(client, thumbprint, now))
      throw refuse('client_certificate_unknown', 'The client certificate is not registered for the client.');
  }
  clientKeys.checkCertificateAge(client, thumbprint, now);
}

/**
 * Two clients with one key or certificate are one piece of software in two roles, against separation of duties. Neither is served.
 *
 * @param note keeps the other holder for the record only
 * @throws CodedError `invalid_client` (`client_credential_shared`)
 */
export async function requireSoleHolder(
  { client, assertion, workloadAssertion }: AuthenticatedClient,
  { certificate, presented, directory }: Pick<Presented, 'certificate' | 'presented' | 'directory'>,
  note: (other: string) => void,
  { clientKeys }: Pick<AuthenticationRules, 'clientKeys'>,
): Promise<void> {
  // The directory gives a SPIFFE ID to one client, and the keys of JWT-SVIDs are ours.
  if (workloadAssertion !== undefined) return;
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
    'This key or certificate also authenticates another client. Register a separate one for each client.',
  );
}
