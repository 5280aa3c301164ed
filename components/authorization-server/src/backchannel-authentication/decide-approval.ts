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
  defined,
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
  checkPerson,
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
}

export interface DecisionDependencies extends ApprovalRules, SigningDependencies {
  readonly store: Pick<BackchannelStore, 'underLock'>;
  readonly grants: Pick<GrantRegister, 'give' | 'deny'>;
  readonly audit: AuditAppender;
  readonly random: Random;
}

export interface CheckedApproval {
  readonly client: Client;
  readonly person: Person;
  readonly terms: GrantTerms;
  readonly directory: DirectorySnapshot;
  readonly detailTypes: RequestRules['detailTypes'];
  /** Milliseconds since the epoch. */
  readonly until: number;
}

/** Applies the rules again when a request is shown and decided. @throws CodedError of `oauthErrors` */
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
  return { client, person, terms, directory, detailTypes, until: grantExpiry(terms, { client, now }) };
}

export interface ApprovalDecision {
  readonly hash: Buffer;
  readonly decision: 'allow' | 'refuse';
  /** Digest of the terms that the page showed. */
  readonly seen: string | undefined;
  readonly signIn: SignIn;
  /** Verified, except for the request and terms that it covers. */
  readonly signed?: SignedStatement | undefined;
  readonly address: string;
}

/**
 * Decides once; a repetition gets the existing decision.
 *
 * @throws CodedError of `approvalErrors`; of `oauthErrors`, recorded, if the request can no longer be allowed
 */
export function decideApproval(
  { hash, decision, seen, signIn: signedIn, signed, address }: ApprovalDecision,
  dependencies: DecisionDependencies,
): Promise<'allowed' | 'denied'> {
  const { clock, store, grants, audit } = dependencies;
  const newRecordId = () => newId('record', dependencies);
  // The new assertion replaces the authentication of the older sign-in.
  const signIn = signed === undefined ? signedIn : assertedBy(signed, signedIn, clock.now());

  /** The person is known, so a refusal is recorded. */
  async function onRecord<Result>(facts: ApprovalFacts, check: () => Result | Promise<Result>): Promise<Result> {
    try {
      return await check();
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
      throw approvalErrors.error('approval_expired', 'The request has expired. Start it again where it came from.');
    const facts: ApprovalFacts = { request, signIn, signed, address };
    const checked = await onRecord(facts, () => checkApproval(request, signIn, dependencies));
    if (seen !== digestOf(checked.terms))
      throw approvalErrors.error('approval_changed', 'The request has changed since you saw it. Review it again.');
    // Exactly the signed intents (`requireSigned`).
    const bound = signed === undefined ? {} : { boundTo: checked.terms.details.map(digestOfIntent) };
    const proposal = proposalOf(request, checked, { ...signIn, ...bound });
    if (decision === 'allow') {
      await onRecord(facts, () => requireSigned(signed, request, checked.terms, dependencies));
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

/** Given before a crash, and revoked before the repetition. */
function refuseRevoked(error: unknown): never {
  if (!grantErrors.is(error, 'grant_revoked')) throw error;
  throw approvalErrors.error(
    'approval_expired',
    'You already allowed this, and it has been revoked since. Start it again where it came from.',
  );
}

function assertedBy(signed: SignedStatement, signIn: SignIn, now: number): SignIn {
  const { authenticator } = signed;
  const { acr, id } = authenticator;
  return { ...signIn, acr, amr: methodsOf(signed), authTime: epochSeconds(now), authenticator: id };
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
    acr,
    amr,
    authTime,
    session,
    ...defined({ boundTo }),
    expiresAt: toInstant(until),
  };
}

export interface ApprovalFacts {
  readonly request: KeptRequest;
  readonly signIn: SignIn;
  readonly signed?: SignedStatement | undefined;
  readonly terms?: Pick<GrantTerms, 'scopes' | 'resources'>;
  readonly address: string;
}

/** Links the grant to its request. */
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

/** @param grounds records that it is based on */
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

/** The record alone suffices to verify it again. */
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
