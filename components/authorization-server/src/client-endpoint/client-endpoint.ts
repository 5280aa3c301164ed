import type {
  AuditAppender,
  Client,
  ClientAuthentication,
  ClientRequest,
  Directory,
  DirectorySnapshot,
  RecordType,
  SingleUse,
} from '@countersign/contracts';
import { type Clock, isCodedError, newId, type Random } from '@countersign/kernel';
import type { Certificate, VerifiedProof } from '@countersign/oauth';
import type { Established } from '../established.ts';
import { asOAuthError } from '../refusal.ts';
import { authenticateClient, certificateOf } from './authenticate-client.ts';
import { type ClientRules, checkClient } from './check-client.ts';
import { checkProof, type ProofRules } from './check-proof.ts';
import { circumstancesOf } from './circumstances.ts';
import { claimCredentials } from './claim-credentials.ts';
import type { AuthenticationRules } from './presented.ts';
import { readCredentials } from './read-credentials.ts';
import { readForm } from './read-form.ts';
import { recordRefusal } from './record-refusal.ts';
import { claimedClient, type RefusalBudget, requireBudget } from './refusal-budget.ts';
import { requireSoleHolder } from './require-sole-holder.ts';

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
      if (isCodedError(refusal, 'invalid_client')) {
        requireRoom();
        refusals.spend(request.address, claimed, clock.now());
      }
      // The log has just said that it cannot write: asking it again would only take longer to say the same. And a poll
      // for a decision that has not been made is no refusal: the decision will have its record.
      if (!isCodedError(error, 'log_unavailable') && !isCodedError(refusal, 'authorization_pending')) {
        const recordId = newId('record', { clock, random });
        await recordRefusal({ recordId, endpoint, error: refusal }, established, audit).catch((failure: unknown) => {
          throw asOAuthError(failure) ?? failure;
        });
      }
      throw refusal ?? error;
    }
  };
}
