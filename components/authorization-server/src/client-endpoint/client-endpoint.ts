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

/** A client that has shown who it is, what it sent, and what it showed possession of. */
export interface ClientContext {
  readonly client: Client;
  readonly method: ClientAuthentication['method'];
  /** The DPoP proof of this request, verified and claimed, where there is one. */
  readonly proof?: VerifiedProof;
  /** The certificate of the connection, where there is one, however the client authenticates. */
  readonly certificate?: Certificate;
  readonly parameters: ReadonlyMap<string, string>;
  readonly request: ClientRequest;
  readonly directory: DirectorySnapshot;
  /** Milliseconds since the epoch, the same for every rule of this request. */
  readonly now: number;
  /** What is known of the request so far: it belongs into its record, whichever way it ends, and decides nothing. */
  readonly established: Readonly<Established>;
  /** Adds to {@link established}. */
  note(facts: Established): void;
}

/** One endpoint at which clients authenticate. */
export interface ClientEndpoint<Answer> {
  /** For records: `token`, `pushed-authorization`. */
  readonly name: string;
  /**
   * `required`: from every client whose tokens are bound by DPoP, and refused from the others; `optional`: verified
   * when it is there; `ignored`: not looked at.
   */
  readonly proof: 'required' | 'optional' | 'ignored';
  /** The record of a refusal of a client that is known; of one that is not, it is `client.refused`. */
  readonly refusalType: RecordType;
  /**
   * What the endpoint does for a client in good standing. Appends its own record before it returns; what it throws
   * is recorded by the endpoint.
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
 * What every endpoint does that clients authenticate at: rules in the order in which they are applied, and one
 * record for each request that says who it is from, durable before anything is answered. A body that cannot be read,
 * a request that presents no credentials at all, and one beyond its budget of refusals establish nobody and leave none.
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
    // A name that belongs to no client is refused at once. Whoever bears the name of one is let in by their key, however often
    // others behind the same address have used that name in vain.
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
      // The log has just said that it cannot write: asking it again would only take longer to say the same. And a poll
      // for a decision that has not been made is no refusal: the decision will have its record.
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
 * What a token of this client is bound to, by its registration: the key of its proof (RFC 9449 section 6), its
 * certificate (RFC 8705 section 3), or nothing, which only clients of the profile `oidc` may have.
 *
 * @throws CodedError `invalid_dpop_proof`, `invalid_request` when the client has not shown what it is to be bound to
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

/** Whether anything is done for this client at all: where it runs, whose software it is, and for whom it acts. */
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

/** An institution must be in good standing before anyone acts for it; see `isInBusiness`. */
export function checkStanding(lei: string, directory: DirectorySnapshot): void {
  const institution = directory.institution(lei);
  if (!isInBusiness(institution))
    throw refuse(
      'institution_not_in_good_standing',
      `The LEI registration of ${lei} must be ISSUED or, for what ends or settles business, LAPSED; it is ${institution?.leiStatus ?? 'not known here'}.`,
    );
}

/**
 * The parameters of a form body, each there at most once.
 *
 * @throws CodedError `invalid_request`; `invalid_target` for a doubled `resource` or `audience`
 */
export function readForm(body: string): ReadonlyMap<string, string> {
  try {
    return parseForm(body);
  } catch (error) {
    const repeated = isCodedError(error, 'form_repeated') ? error.facts?.['parameter'] : undefined;
    // RFC 8707 section 2 allows several; one token, one audience does not.
    if (repeated === 'resource' || repeated === 'audience')
      throw refuse('target_ambiguous', 'A token is for exactly one target: one resource or one audience.');
    throw asOAuthError(error) ?? error;
  }
}
