import {
  type AuditAppender,
  auditLogErrors,
  type Client,
  type ClientAuthentication,
  type ClientRequest,
  type Directory,
  type DirectorySnapshot,
  isInBusiness,
  oauthErrors,
  type RecordType,
  type SingleUse,
  type StandingReader,
} from '@countersign/contracts';
import { type Clock, defined, newId, type Random, unreachable } from '@countersign/kernel';
import { type Certificate, type Confirmation, formErrors, parseForm, type VerifiedProof } from '@countersign/oauth';
import type { WorkloadStatement } from '@countersign/spiffe';
import { asOAuthError, refuse } from '../refusal.ts';
import { isRevokedCertificate } from '../revoked-certificates.ts';
import {
  type AuthenticationRules,
  authenticateClient,
  certificateOf,
  checkCertificateDates,
  readCredentials,
  requireSoleHolder,
} from './authenticate-client.ts';
import { checkProof, claimCredentials, type ProofRules } from './check-proof.ts';
import { circumstancesOf, type Established, recordRefusal } from './record-refusal.ts';
import { claimedClient, type RefusalBudget, requireBudget } from './refusal-budget.ts';

export interface ClientContext {
  readonly client: Client;
  readonly method: ClientAuthentication['method'];
  readonly proof?: VerifiedProof;
  /** Of the connection, however the client authenticates. */
  readonly certificate?: Certificate;
  /** What our own attestation says about the client's software, if it authenticated by an SVID. */
  readonly workload?: WorkloadStatement;
  readonly parameters: ReadonlyMap<string, string>;
  readonly request: ClientRequest;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Facts for the record; no rule depends on them. */
  readonly established: Readonly<Established>;
  /** Adds to {@link established}. */
  note(facts: Established): void;
}

export interface ClientEndpoint<Answer> {
  /** Name in records: `token`, `pushed-authorization`. */
  readonly name: string;
  /** `required`: from clients with DPoP-bound tokens, refused from others; `optional`: verified if present. */
  readonly proof: 'required' | 'optional' | 'ignored';
  /** For known clients; otherwise `client.refused`. */
  readonly refusalType: RecordType;
  /** Serves a client in good standing and appends its record; errors are recorded by the endpoint. @throws CodedError */
  answer(context: ClientContext): Promise<Answer>;
}

export interface ClientEndpointDependencies extends AuthenticationRules, ProofRules, ClientRules {
  readonly clock: Clock;
  readonly random: Random;
  readonly singleUse: SingleUse;
  readonly audit: AuditAppender & StandingReader;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly refusals: RefusalBudget;
}

/**
 * The steps of every client endpoint, with one durable record for each request that claims an identity, except beyond its refusal
 * budget.
 *
 * @throws CodedError of `oauthErrors`
 */
export function createClientEndpoint<Answer>(
  endpoint: ClientEndpoint<Answer>,
  dependencies: ClientEndpointDependencies,
): (request: ClientRequest) => Promise<Answer> {
  const { clock, random, audit, singleUse, directory, refusals } = dependencies;

  async function answer(
    request: ClientRequest,
    parameters: ReadonlyMap<string, string>,
    credentials: ReturnType<typeof readCredentials>,
    established: Established,
  ): Promise<Answer> {
    const now = clock.now();
    const snapshot = directory.snapshot();
    const certificate = certificateOf(request);
    Object.assign(established, circumstancesOf(request, certificate));
    const { certificate: presented } = request;
    const shown = { certificate, presented, directory: snapshot };
    const authenticated = await authenticateClient({ credentials, ...shown, now }, dependencies);
    const { client, assertion, workloadAssertion, workload } = authenticated;
    established.client = client.id;
    if (workload !== undefined) await dependencies.workloads.requireActive(workload);
    if (certificate !== undefined && presented?.chainVerified === true) await checkNotRevoked(certificate, audit);
    const noteHolder = (other: string) => {
      established.data = { shared_with: other };
    };
    await requireSoleHolder(authenticated, shown, noteHolder, dependencies);
    const proof = await checkProof(endpoint.proof, { client, request, now }, dependencies);
    await claimCredentials({ client: client.id, assertion, workloadAssertion, proof }, singleUse);
    checkClient(client, snapshot, dependencies);
    return endpoint.answer({
      client,
      method: client.authentication.method,
      parameters,
      request,
      directory: snapshot,
      now,
      established,
      ...defined({ proof, certificate, workload }),
      note: (facts) => void Object.assign(established, facts),
    });
  }

  return async (request) => {
    const parameters = readForm(request.body);
    const credentials = readCredentials(parameters, request);
    const claimed = claimedClient(credentials, directory);
    const requireRoom = () => requireBudget(request.address, claimed, { refusals, now: clock.now() });
    // An unknown client is refused at once; failures of others under a real client's name do not lock it out.
    if (claimed === undefined) requireRoom();
    const established: Established = circumstancesOf(request);
    try {
      return await answer(request, parameters, credentials, established);
    } catch (error) {
      const refusal = asOAuthError(error);
      if (oauthErrors.is(refusal, 'invalid_client')) {
        requireRoom();
        refusals.spend(request.address, claimed, clock.now());
      }
      // A log that cannot write is not tried twice. A poll for a pending decision is not a refusal.
      if (!auditLogErrors.is(error, 'log_unavailable') && !oauthErrors.is(refusal, 'authorization_pending')) {
        const recordId = newId('record', { clock, random });
        await recordRefusal({ recordId, endpoint, error: refusal }, established, audit).catch((failure: unknown) => {
          throw asOAuthError(failure) ?? failure;
        });
      }
      throw refusal ?? error;
    }
  };
}

/** Also for a certificate that only binds the tokens. @throws CodedError `invalid_client`; `log_unavailable` */
async function checkNotRevoked({ serial }: Certificate, log: StandingReader): Promise<void> {
  if (await isRevokedCertificate(serial, log))
    throw refuse(
      'client_certificate_revoked',
      `The certificate ${serial} has been revoked by its authority. Obtain another one.`,
    );
}

/** RFC 9449 section 6 or RFC 8705 section 3, as registered; none only for the profile `oidc`. @throws CodedError `invalid_dpop_proof`, `invalid_request` */
export function bindingOf(
  context: Pick<ClientContext, 'client' | 'proof' | 'certificate' | 'now'>,
): Confirmation | undefined {
  const { client, proof, certificate, now } = context;
  switch (client.binding) {
    case 'dpop':
      if (proof === undefined)
        throw refuse('proof_needed', 'The tokens of this client are bound by DPoP. Send a proof.');
      return { jkt: proof.jkt };
    case 'mtls':
      if (certificate === undefined)
        throw refuse(
          'certificate_needed',
          'The tokens of this client are bound to its certificate. Use a connection with the certificate.',
        );
      checkCertificateDates(certificate, now);
      return { 'x5t#S256': certificate.thumbprint };
    case 'none':
      return undefined;
    default:
      return unreachable(client.binding);
  }
}

export interface ClientRules {
  /** In production, sandbox clients get no tokens. */
  readonly environment: 'development' | 'production';
}

export function checkClient(client: Client, directory: DirectorySnapshot, { environment }: ClientRules): void {
  if (environment === 'production' && client.environment !== 'production')
    throw refuse(
      'client_environment',
      'The client is registered for a sandbox, but this is a production installation.',
    );
  if (directory.principal(client.principal) === undefined)
    throw refuse('principal_unknown', 'The service or agent of this client is not in the directory.');
  checkStanding(client.institution, directory);
}

/** See `isInBusiness`. */
export function checkStanding(lei: string, directory: DirectorySnapshot): void {
  const institution = directory.institution(lei);
  if (!isInBusiness(institution))
    throw refuse(
      'institution_not_in_good_standing',
      `The LEI registration of ${lei} must be ISSUED, or LAPSED to settle or end business. It is ${institution?.leiStatus ?? 'unknown'}.`,
    );
}

/** Each parameter at most once. @throws CodedError `invalid_request`; `invalid_target` for a duplicate `resource` or `audience` */
export function readForm(body: string): ReadonlyMap<string, string> {
  try {
    return parseForm(body);
  } catch (error) {
    const repeated = formErrors.is(error, 'form_repeated') ? error.facts?.['parameter'] : undefined;
    // RFC 8707 section 2 permits several; this server permits one audience per token.
    if (repeated === 'resource' || repeated === 'audience')
      throw refuse('target_ambiguous', 'Name exactly one target: one resource or one audience.');
    throw asOAuthError(error) ?? error;
  }
}
