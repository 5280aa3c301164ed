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
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random, unreachable } from '@countersign/kernel';
import { type Certificate, type Confirmation, parseForm, type VerifiedProof } from '@countersign/oauth';
import { asOAuthError, refuse } from '../refusal.ts';
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

/** An authenticated client, its request, and the keys whose possession it proved. */
export interface ClientContext {
  readonly client: Client;
  readonly method: ClientAuthentication['method'];
  /** The verified and claimed DPoP proof of this request, if any. */
  readonly proof?: VerifiedProof;
  /** The certificate of the connection, if any, however the client authenticates. */
  readonly certificate?: Certificate;
  readonly parameters: ReadonlyMap<string, string>;
  readonly request: ClientRequest;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch, the same for every rule of this request. */
  readonly now: number;
  /** Facts established about the request so far, for its record whatever the outcome. No rule depends on them. */
  readonly established: Readonly<Established>;
  /** Adds to {@link established}. */
  note(facts: Established): void;
}

/** One endpoint where clients authenticate. */
export interface ClientEndpoint<Answer> {
  /** Name in records: `token`, `pushed-authorization`. */
  readonly name: string;
  /**
   * `required`: clients with DPoP-bound tokens must send one, and it is refused from others; `optional`: verified if
   * present; `ignored`: not examined.
   */
  readonly proof: 'required' | 'optional' | 'ignored';
  /** Type of the record of a known client's refusal; for an unknown client it is `client.refused`. */
  readonly refusalType: RecordType;
  /**
   * Serves a client in good standing. It appends its own record before it returns; the endpoint records the errors it
   * throws.
   *
   * @throws CodedError
   */
  answer(context: ClientContext): Promise<Answer>;
}

export interface ClientEndpointDependencies extends AuthenticationRules, ProofRules, ClientRules {
  readonly clock: Clock;
  readonly random: Random;
  readonly singleUse: SingleUse;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly refusals: RefusalBudget;
}

/**
 * The steps common to all endpoints where clients authenticate: rules in order of application, and one durable record before
 * the response for each request that claims an identity. There is no record for an unreadable body, a request without
 * credentials, or a request beyond its refusal budget.
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
    const authenticated = await authenticateClient(
      { credentials, certificate, presented: request.certificate, directory: snapshot, now },
      dependencies,
    );
    const { client, assertion } = authenticated;
    established.client = client.id;
    await requireSoleHolder(
      authenticated,
      { certificate, presented: request.certificate, directory: snapshot },
      (other) => {
        established.data = { shared_with: other };
      },
      dependencies,
    );
    const proof = await checkProof(endpoint.proof, { client, request, now }, dependencies);
    await claimCredentials({ assertion, proof }, singleUse);
    checkClient(client, snapshot, dependencies);
    return endpoint.answer({
      client,
      method: client.authentication.method,
      ...(proof === undefined ? {} : { proof }),
      ...(certificate === undefined ? {} : { certificate }),
      parameters,
      request,
      directory: snapshot,
      now,
      established,
      note: (facts) => void Object.assign(established, facts),
    });
  }

  return async (request) => {
    const parameters = readForm(request.body);
    const credentials = readCredentials(parameters, request);
    const claimed = claimedClient(credentials, directory);
    const requireRoom = () => requireBudget(request.address, claimed, { refusals, now: clock.now() });
    // An unknown client name is refused at once. A real client is still admitted by its key, however many failures other
    // callers at the same address have caused under its name.
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
      // The log has just reported that it cannot write, so a second attempt would only delay the response. A poll for a
      // pending decision is not a refusal: the decision gets its own record.
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

/**
 * The token binding that the client is registered for: the key of its proof (RFC 9449 section 6), its certificate (RFC 8705
 * section 3), or none, which only the profile `oidc` permits.
 *
 * @throws CodedError `invalid_dpop_proof`, `invalid_request` if the client has not proved possession of the key or
 *   certificate
 */
export function bindingOf({
  client,
  proof,
  certificate,
  now,
}: Pick<ClientContext, 'client' | 'proof' | 'certificate' | 'now'>): Confirmation | undefined {
  switch (client.binding) {
    case 'dpop':
      if (proof === undefined)
        throw refuse('proof_needed', 'The tokens of this client are bound by DPoP: the request must carry a proof.');
      return { jkt: proof.jkt };
    case 'mtls':
      if (certificate === undefined)
        throw refuse(
          'certificate_needed',
          'The tokens of this client are bound to its certificate: ask over a connection that shows it.',
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
  /** The environment of this installation: in production, sandbox clients get no tokens. */
  readonly environment: 'development' | 'production';
}

/** Checks whether this client may be served: its environment, the owner of its software, and its principal. */
export function checkClient(client: Client, directory: DirectorySnapshot, { environment }: ClientRules): void {
  if (environment === 'production' && client.environment !== 'production')
    throw refuse(
      'client_environment',
      'The client is registered for a sandbox, and this installation is in production.',
    );
  if (directory.principal(client.principal) === undefined)
    throw refuse('principal_unknown', 'The service or agent of this client is not in the directory.');
  checkStanding(client.institution, directory);
}

/** An institution must be in good standing before anybody acts for it; see `isInBusiness`. */
export function checkStanding(lei: string, directory: DirectorySnapshot): void {
  const institution = directory.institution(lei);
  if (!isInBusiness(institution))
    throw refuse(
      'institution_not_in_good_standing',
      `The LEI registration of ${lei} must be ISSUED or, for what ends or settles business, LAPSED; it is ${institution?.leiStatus ?? 'not known here'}.`,
    );
}

/**
 * The parameters of a form body, each at most once.
 *
 * @throws CodedError `invalid_request`; `invalid_target` for a duplicate `resource` or `audience`
 */
export function readForm(body: string): ReadonlyMap<string, string> {
  try {
    return parseForm(body);
  } catch (error) {
    const repeated = isCodedError(error, 'form_repeated') ? error.facts?.['parameter'] : undefined;
    // RFC 8707 section 2 permits several; this server permits one audience per token.
    if (repeated === 'resource' || repeated === 'audience')
      throw refuse('target_ambiguous', 'A token is for exactly one target: one resource or one audience.');
    throw asOAuthError(error) ?? error;
  }
}
