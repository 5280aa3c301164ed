import type {
  AuditAppender,
  Client,
  DecidedRequest,
  Directory,
  DirectorySnapshot,
  Grant,
  GrantProposal,
  GrantRegister,
  GrantTerms,
  Person,
  PolicyEngine,
  RecordDraft,
  SignedStatement,
  SignIn,
} from '@countersign/contracts';
import { grantErrors } from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  digestOf,
  epochSeconds,
  isCodedError,
  type Json,
  newId,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { digestOfIntent } from '@countersign/market';
import {
  type ConsentLifetimes,
  checkPerson,
  defaultConsentLifetimes,
  grantExpiry,
  type RequestRules,
  refuse as refuseAuthorization,
} from '../authorization-request/index.ts';
import { type ClientRules, checkClient } from '../client-endpoint/index.ts';
import { reasonOf } from '../refusal.ts';
import { checkTerms } from './check-request.ts';
import { methodsOf, requireSigned, type SigningDependencies } from './consent-statement.ts';
import { approvalErrors, refuse } from './refusals.ts';
import type { BackchannelStore, KeptRequest } from './store.ts';

export interface ApprovalRules extends ClientRules {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly policyEngine: Pick<PolicyEngine, 'detailTypes'>;
  readonly issuer: string;
  readonly clock: Clock;
  readonly lifetimes?: ConsentLifetimes;
}

export interface DecisionDependencies extends ApprovalRules, SigningDependencies {
  readonly store: Pick<BackchannelStore, 'underLock'>;
  readonly grants: Pick<GrantRegister, 'give' | 'deny'>;
  readonly audit: AuditAppender;
  readonly random: Random;
}

/** The terms that would be allowed, according to the current directory. */
export interface CheckedApproval {
  readonly client: Client;
  readonly person: Person;
  readonly terms: GrantTerms;
  readonly directory: DirectorySnapshot;
  readonly detailTypes: RequestRules['detailTypes'];
  /** Milliseconds since the epoch at which the permission ends. */
  readonly until: number;
}

/** Applies the rules of a request again when it is shown and when it is decided. @throws CodedError of `oauthErrors` */
export function checkApproval(request: KeptRequest, signIn: SignIn, rules: ApprovalRules): CheckedApproval {
  const directory = rules.directory.snapshot();
  const now = rules.clock.now();
  const client = directory.client(request.client);
  if (client === undefined)
    throw refuseAuthorization('client_unknown', 'The software that asks is no longer registered.');
  checkClient(client, directory, rules);
  const person = checkPerson(signIn, { client, directory, request: { subject: request.person } });
  const detailTypes = rules.policyEngine.detailTypes();
  const terms = checkTerms(request.asked, { client, directory, now, detailTypes, issuer: rules.issuer });
  const lifetimes = rules.lifetimes ?? defaultConsentLifetimes;
  return { client, person, terms, directory, detailTypes, until: grantExpiry(terms, { client, now, lifetimes }) };
}

/** A person deciding a request that is addressed to them. */
export interface ApprovalDecision {
  readonly hash: Buffer;
  readonly decision: 'allow' | 'refuse';
  /** Digest of the terms that the page showed. */
  readonly seen: string | undefined;
  readonly signIn: SignIn;
  /** The verified assertion of their authenticator; this file checks which request and terms it covers. */
  readonly signed?: SignedStatement | undefined;
  readonly address: string;
}

/**
 * Decides once, under the lock of the request: a second click or another tab gets the existing decision. Consent and record
 * are durable before the decision takes effect.
 *
 * @throws CodedError of `approvalErrors`; of `oauthErrors`, recorded, if the request can no longer be allowed
 */
export function decideApproval(
  { hash, decision, seen, signIn: signedIn, signed, address }: ApprovalDecision,
  dependencies: DecisionDependencies,
): Promise<'allowed' | 'denied'> {
  const { clock, store, grants, audit } = dependencies;
  const newRecordId = () => newId('record', dependencies);
  // The assertion was made just now for this request, so it replaces the authentication of the older sign-in.
  const signIn = signed === undefined ? signedIn : assertedBy(signed, signedIn, clock.now());

  async function checkOnRecord(facts: ApprovalFacts): Promise<CheckedApproval> {
    try {
      return checkApproval(facts.request, signIn, dependencies);
    } catch (error) {
      // The person is known, so the refusal must be recorded.
      if (isCodedError(error)) await audit.append(refusedApprovalRecord(newRecordId(), error, facts));
      throw error;
    }
  }

  async function requireSignedOnRecord(facts: ApprovalFacts, terms: GrantTerms): Promise<void> {
    try {
      await requireSigned(facts.signed, facts.request, terms, dependencies);
    } catch (error) {
      if (isCodedError(error)) await audit.append(refusedApprovalRecord(newRecordId(), error, facts));
      throw error;
    }
  }

  return store.underLock(hash, async (request, keep) => {
    if (request === undefined)
      throw approvalErrors.error('approval_unknown', 'No request at this address awaits your decision.');
    if (request.decided !== undefined) return request.decided.outcome;
    if (request.expiresAt <= clock.now())
      throw approvalErrors.error(
        'approval_expired',
        'The request has expired. It can be made again where it came from.',
      );
    const facts: ApprovalFacts = { request, signIn, signed, address };
    const checked = await checkOnRecord(facts);
    if (seen !== digestOf(checked.terms))
      throw approvalErrors.error('approval_changed', 'The request has changed since you saw it. Review it again.');
    // The statement names exactly the intents that would be allowed (`requireSigned`).
    const bound = signed === undefined ? {} : { boundTo: checked.terms.details.map(digestOfIntent) };
    const proposal = proposalOf(request, checked, { ...signIn, ...bound });
    if (decision === 'allow') {
      await requireSignedOnRecord(facts, checked.terms);
      const grant = await grants.give(proposal, decidedRequest(request)).catch(refuseRevoked);
      await audit.append(approvalRecord(newRecordId(), { ...facts, grant }));
      await keep({ at: clock.now(), grant: grant.id });
      return 'allowed';
    }
    const { expiresAt: _expiresAt, ...refused } = proposal;
    const denial = await grants.deny(refused, decidedRequest(request));
    const error = refuse('consent_denied', 'The person refused.');
    await audit.append(refusedApprovalRecord(newRecordId(), error, { ...facts, terms: checked.terms }, [denial]));
    await keep({ at: clock.now() });
    return 'denied';
  });
}

function decidedRequest({ hash, requestedAt }: KeptRequest): DecidedRequest {
  return { id: `backchannel-request/${hash.toString('base64url')}`, askedAt: requestedAt };
}

/** The consent was given before a process crashed, and revoked before the person repeated the decision. */
function refuseRevoked(error: unknown): never {
  if (!grantErrors.is(error, 'grant_revoked')) throw error;
  throw approvalErrors.error(
    'approval_expired',
    'You have allowed this already, and it was revoked since. The request can be made again where it came from.',
  );
}

function assertedBy(signed: SignedStatement, signIn: SignIn, now: number): SignIn {
  const { authenticator } = signed;
  return {
    ...signIn,
    acr: authenticator.acr,
    amr: methodsOf(signed),
    authTime: epochSeconds(now),
    authenticator: authenticator.id,
  };
}

function proposalOf(
  request: KeptRequest,
  { terms, person, until }: CheckedApproval,
  { acr, amr, authTime, boundTo, session }: SignIn,
): GrantProposal {
  return {
    ...terms,
    client: request.client,
    subject: person.id,
    institution: person.institution,
    ...{ acr, amr, authTime, session },
    ...(boundTo === undefined ? {} : { boundTo }),
    expiresAt: toInstant(until),
  };
}

/** The facts about a decision that a person makes on their own device. */
export interface ApprovalFacts {
  readonly request: KeptRequest;
  readonly signIn: SignIn;
  /** The assertion with which they signed it. */
  readonly signed?: SignedStatement | undefined;
  readonly terms?: Pick<GrantTerms, 'scopes' | 'resources'>;
  readonly address: string;
}

/** The person's consent: links the grant with the request that it answers. */
export function approvalRecord(id: RecordId, facts: ApprovalFacts & { readonly grant: Grant }): RecordDraft {
  const { grant, signed } = facts;
  const grounds = [grant.recordId, ...(signed === undefined ? [] : [signed.authenticator.recordId])];
  return {
    ...common({ ...facts, terms: grant }, grounds),
    id,
    type: 'authorization.granted',
    outcome: 'permit',
    data: {
      endpoint: 'approvals',
      grant: grant.id,
      grant_version: grant.version,
      ...identifierOf(facts),
      ...proofOf(signed),
    },
  };
}

/** @param grounds records that it is based on, besides the request */
export function refusedApprovalRecord(
  id: RecordId,
  error: CodedError,
  facts: ApprovalFacts,
  grounds: readonly RecordId[] = [],
): RecordDraft {
  return {
    ...common(facts, grounds),
    id,
    type: 'backchannel.refused',
    outcome: 'deny',
    reason: reasonOf(error),
    data: { endpoint: 'approvals', error: error.code, detail: error.detail, ...identifierOf(facts) },
  };
}

function common({ request, signIn, terms, address }: ApprovalFacts, grounds: readonly RecordId[]) {
  return {
    source: 'authorization-server',
    client: request.client,
    subject: { id: signIn.person },
    references: [...grounds, request.recordId],
    authentication: { acr: signIn.acr, amr: signIn.amr, authTime: signIn.authTime },
    ...(terms === undefined ? {} : { scope: terms.scopes }),
    ...(terms === undefined || terms.resources.length === 0 ? {} : { audience: terms.resources }),
    address,
  };
}

/** The complete assertion, so that it can be verified again from the record alone. */
function proofOf(signed: SignedStatement | undefined): Readonly<Record<string, Json>> {
  if (signed === undefined) return {};
  const { claims, signature, authenticator } = signed;
  return {
    statement: { claims: { ...claims }, signature: { ...signature } },
    key: { ...authenticator.jwk },
    authenticator: authenticator.id,
  };
}

function identifierOf({ request }: ApprovalFacts) {
  return { auth_req_id_sha256: request.hash.toString('base64url') };
}
