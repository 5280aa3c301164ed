import {
  type AuditAppender,
  type ConsentStore,
  type DecidedRequest,
  type Decision,
  type DecisionInput,
  type FederatedIdentity,
  type FederationGateway,
  federationErrors,
  type Grant,
  type GrantProposal,
  type GrantRegister,
  grantErrors,
  type Mandate,
  type MandateFault,
  type PolicyEngine,
  parsePrincipalId,
  type TransactionFacts,
  type TransactionRegistry,
  transactionErrors,
} from '@countersign/contracts';
import {
  type Clock,
  canonicalize,
  digestOf,
  type GrantId,
  type Json,
  newId,
  parseInstant,
  type Random,
  type RecordId,
  toInstant,
} from '@countersign/kernel';
import { digestOfIntent, type MandateRefusal, parseConstraints, permits } from '@countersign/market';
import { importVerificationKey, parseCompactJws, readGrantLimits, verifyJws } from '@countersign/oauth';
import type { SigningKey } from '@countersign/testkit';
import { broker, clearing, fund, venue } from './trading-world.ts';

interface From {
  readonly clock: Clock;
  readonly random: Random;
}

/** A register that, unless a test names a request, assumes a separate request for each decision. */
export interface MemoryGrantRegister extends GrantRegister {
  give(proposal: GrantProposal, request?: DecidedRequest): Promise<Grant>;
  deny(refused: Omit<GrantProposal, 'expiresAt'>, request?: DecidedRequest): Promise<RecordId>;
  change(id: GrantId, how: 'merge' | 'replace', proposal: GrantProposal, request?: DecidedRequest): Promise<Grant>;
}

/** Versioned consents, recorded before they count, as the contract says. */
export function memoryGrantRegister(from: From & { readonly audit: AuditAppender }): MemoryGrantRegister {
  const grants = new Map<GrantId, Grant>();
  const byRequest = new Map<string, GrantId>();
  /** By decision: the version that it made, or its record where nothing was allowed. */
  const decided = new Map<string, Grant>();
  const denied = new Map<string, RecordId>();
  const byAge = (): Grant[] => [...grants.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  let unnamed = 0;
  const ownRequest = (): DecidedRequest => ({ id: `unnamed/${++unnamed}`, askedAt: from.clock.now() });

  async function recorded(type: 'consent.given' | 'consent.denied' | 'grant.changed' | 'grant.revoked', id?: GrantId) {
    const recordId = newId('record', from);
    const outcome = type === 'consent.denied' ? 'deny' : 'done';
    await from.audit.append({ id: recordId, type, source: 'consent-store', outcome, data: { grant: id ?? null } });
    return recordId;
  }
  function present(id: GrantId): Grant {
    const grant = grants.get(id);
    if (grant === undefined) throw grantErrors.error('grant_not_found', 'There is no such grant.');
    return grant;
  }
  /** The new terms of a grant, unless this request was decided before. */
  async function keep(before: Grant, proposal: GrantProposal, request: DecidedRequest, isNew = false): Promise<Grant> {
    const decision = canonicalize({ of: before.id, proposal, request });
    const same = decided.get(decision);
    if (same !== undefined && grants.get(before.id) === same && same.status === 'active') return same;
    if (!isNew) {
      const { client, subject, institution } = before;
      if (client !== proposal.client || subject !== proposal.subject || institution !== proposal.institution)
        throw grantErrors.error('grant_foreign', 'The grant is of another client, person or institution.');
      if (before.status === 'revoked') throw grantErrors.error('grant_revoked', 'The grant has ended.');
    }
    const recordId = await recorded(isNew ? 'consent.given' : 'grant.changed', before.id);
    const { id, givenAt } = before;
    const version = isNew ? 1 : before.version + 1;
    const kept: Grant = { ...proposal, id, version, status: 'active', givenAt, recordId };
    grants.set(id, kept);
    decided.set(decision, kept);
    return kept;
  }
  function mergedWith(before: Grant, proposal: GrantProposal): GrantProposal {
    const isElsewhere =
      before.resources.length > 0 && proposal.resources.some((uri) => !before.resources.includes(uri));
    if (isElsewhere || before.applicationDetails !== undefined || proposal.applicationDetails !== undefined)
      throw grantErrors.error('grant_not_mergeable', 'It is a consent of its own.');
    return {
      ...proposal,
      scopes: [...new Set([...before.scopes, ...proposal.scopes])],
      details: [...before.details, ...proposal.details],
      resources: [...new Set([...before.resources, ...proposal.resources])],
      expiresAt: before.expiresAt < proposal.expiresAt ? before.expiresAt : proposal.expiresAt,
    };
  }
  async function revoke(id: GrantId): Promise<Grant> {
    const grant = present(id);
    if (grant.status === 'revoked') return grant;
    const recordId = await recorded('grant.revoked', id);
    const revoked: Grant = { ...grant, status: 'revoked', version: grant.version + 1, recordId };
    grants.set(id, revoked);
    return revoked;
  }
  return {
    async give(proposal, request = ownRequest()) {
      const before = byRequest.get(request.id);
      if (before !== undefined) return keep(present(before), proposal, request);
      const id = newId('grant', from);
      byRequest.set(request.id, id);
      const givenAt = toInstant(from.clock.now());
      const first: Grant = {
        ...{ ...proposal, id, version: 0, status: 'active', givenAt },
        recordId: newId('record', from),
      };
      grants.set(id, first);
      return keep(first, proposal, request, true);
    },
    async deny(refused, request = ownRequest()) {
      const decision = canonicalize({ refused, request });
      const record = denied.get(decision) ?? (await recorded('consent.denied'));
      denied.set(decision, record);
      return record;
    },
    async change(id, how, proposal, request = ownRequest()) {
      const before = present(id);
      const same = decided.get(canonicalize({ of: id, proposal, request }));
      if (same !== undefined && same === before) return same;
      const isOver = parseInstant(before.expiresAt);
      if (before.status === 'active' && (isOver === undefined || isOver <= from.clock.now()))
        throw grantErrors.error('grant_expired', `The grant was good until ${before.expiresAt}.`);
      const isOwn = before.client === proposal.client && before.subject === proposal.subject;
      const wanted = how === 'merge' && isOwn && before.status === 'active' ? mergedWith(before, proposal) : proposal;
      const changed = await keep(before, wanted, request);
      decided.set(canonicalize({ of: id, proposal, request }), changed);
      return changed;
    },
    find: async (id) => grants.get(id),
    revoke,
    async revokeAll(of) {
      const ended = byAge().filter(
        (grant) =>
          grant.status === 'active' &&
          ('client' in of
            ? grant.client === of.client
            : 'subject' in of
              ? grant.subject === of.subject
              : grant.institution === of.institution),
      );
      for (const { id } of ended) await revoke(id);
      return ended.length;
    },
    list: async ({ client, subject, institution, status, endingAfter, after, limit = 1_000 }) =>
      byAge()
        .filter(
          (grant) =>
            (client === undefined || grant.client === client) &&
            (subject === undefined || grant.subject === subject) &&
            (institution === undefined || grant.institution === institution) &&
            (status === undefined || grant.status === status) &&
            (endingAfter === undefined || Date.parse(grant.expiresAt) > endingAfter) &&
            (after === undefined || grant.id > after),
        )
        .slice(0, limit),
  };
}

/** One mandate, from the fund to the broker, judged by its real constraints; and the consents of people. */
export function memoryConsentStore(from: From & { readonly audit: AuditAppender }): Pick<
  ConsentStore,
  'check' | 'find' | 'withDescendants'
> & {
  readonly grants: MemoryGrantRegister;
  readonly mandate: Mandate;
  change(change: Partial<Mandate>): void;
} {
  const constraints = parseConstraints({
    actions: ['order:create', 'settlement:instruct'],
    productClasses: ['ES'],
    venues: ['XETR'],
    jurisdictions: ['DE'],
    notionalPerOrder: { amount: '100000', ccy: 'EUR' },
    notionalPerDay: { amount: '1000000', ccy: 'EUR' },
    delegationDepth: 0,
  });
  if (!constraints.ok) throw new Error(`a fixture that its own parser refuses: ${constraints.detail}`);
  let mandate: Mandate = {
    id: newId('mandate', from),
    version: 2,
    kind: 'mandate',
    status: 'active',
    grantor: { lei: fund, role: 'Client' },
    grantee: { lei: broker, role: 'ExecutingBroker' },
    constraints: constraints.value,
    legalBasis: { type: 'agreement', reference: 'IMA-1' },
    termsHash: digestOf('terms'),
    effectiveFrom: '2026-01-01T00:00:00Z',
    effectiveUntil: '2027-12-31T00:00:00Z',
    consents: [],
    recordedAt: '2026-01-01T00:00:00Z',
    recordId: newId('record', from),
    digest: digestOf('mandate'),
  };
  return {
    grants: memoryGrantRegister(from),
    withDescendants: async (id) => (id === mandate.id ? [id] : []),
    find: async (id) => (id === mandate.id ? mandate : undefined),
    get mandate() {
      return mandate;
    },
    change(change) {
      mandate = { ...mandate, ...change };
    },
    async check({ mandate: id, actingFor, use, at }) {
      const refuse = (reason: MandateFault | MandateRefusal, detail: string) =>
        ({ valid: false, reason, detail }) as const;
      if (id !== mandate.id) return refuse('mandate_not_found', 'There is no such mandate.');
      if (actingFor !== mandate.grantee.lei)
        return refuse('mandate_grantee', 'The mandate was given to another institution.');
      if (mandate.status !== 'active')
        return refuse(
          mandate.status === 'proposed' ? 'mandate_not_accepted' : `mandate_${mandate.status}`,
          `The mandate is ${mandate.status}.`,
        );
      if (at < (parseInstant(mandate.effectiveFrom) ?? Number.POSITIVE_INFINITY))
        return refuse('mandate_not_effective', 'The mandate has not begun.');
      if ((parseInstant(mandate.effectiveUntil) ?? 0) <= at) return refuse('mandate_expired', 'The mandate has ended.');
      const permission = permits(mandate.constraints, use);
      return permission.ok ? { valid: true, mandate, chain: [mandate] } : refuse(permission.code, permission.detail);
    },
  };
}

/** Decides by a rule of the test and stores the requests. */
export function memoryPolicyEngine(from: From): Pick<PolicyEngine, 'decide' | 'detailTypes'> & {
  readonly asked: readonly DecisionInput[];
  readonly policyRecord: RecordId;
  /** @param obligations what would make the request permissible; none when left out */
  denyWith(
    reason: { readonly code: string; readonly detail: string } | undefined,
    obligations?: Decision['obligations'],
  ): void;
  /** Limits the lifetime of later tokens. */
  limitLifeTo(seconds: number): void;
} {
  const asked: DecisionInput[] = [];
  const policyRecord = newId('record', from);
  let denial: { readonly code: string; readonly detail: string } | undefined;
  let wanted: Decision['obligations'] = [];
  let tokenLifetimeSeconds: number | undefined;
  return {
    asked,
    policyRecord,
    denyWith(reason, obligations = []) {
      denial = reason;
      wanted = obligations;
    },
    detailTypes: () => new Map(),
    limitLifeTo(seconds) {
      tokenLifetimeSeconds = seconds;
    },
    async decide(input): Promise<Decision> {
      asked.push(input);
      return {
        id: newId('decision', from),
        decision: denial === undefined,
        policyVersion: 7,
        policyHash: digestOf('policies'),
        determining: denial === undefined ? ['token-for-a-trade'] : [denial.code],
        errors: [],
        reasons: denial === undefined ? [] : [denial],
        obligations: wanted,
        ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }),
        entityVersion: 1,
        inputDigest: digestOf({ principal: input.principal, action: input.action }),
        inputText: canonicalize({ principal: input.principal, action: input.action }),
        policyRecord,
      };
    },
  };
}

/** Opens transactions by client and idempotency key, as the contract says. */
export function memoryTransactionRegistry(from: From): Pick<TransactionRegistry, 'open' | 'facts' | 'stepsOf'> {
  const byKey = new Map<string, { facts: TransactionFacts; recordId: RecordId }>();
  return {
    async open({ detail, mandate, initiator, client }) {
      const key = JSON.stringify([client, detail.idempotency_key]);
      const intentDigest = digestOfIntent(detail);
      const earlier = byKey.get(key);
      if (earlier !== undefined && earlier.facts.intentDigest !== intentDigest)
        throw transactionErrors.error('idempotency_conflict', 'This idempotency key was used for another intent.');
      const entry = earlier ?? {
        recordId: newId('record', from),
        facts: {
          id: newId('transaction', from),
          state: 'intended',
          version: 0,
          intentType: detail.type,
          intent: { ...detail } as unknown as Readonly<Record<string, Json>>,
          intentDigest,
          initiator: initiator.id,
          initiatorInstitution: initiator.institution ?? '',
          mandate: { id: mandate.id, version: mandate.version },
          approvals: [],
        },
      };
      byKey.set(key, entry);
      const { facts, recordId } = entry;
      return { id: facts.id, intentDigest, state: 'intended', recordId, facts };
    },
    facts: async (id) => [...byKey.values()].find(({ facts }) => facts.id === id)?.facts,
    // The broker submits its orders and the venue executes them; no other institution takes part.
    async stepsOf(id, institution) {
      if (![...byKey.values()].some(({ facts }) => facts.id === id)) return undefined;
      if (institution === broker) return [{ event: 'submit', scope: 'order:create' }];
      return institution === venue ? [{ event: 'execute', scope: 'trade:affirm' }] : undefined;
    },
  };
}

/** A partner's identity provider and the gateway's check of it: signature, audience and expiry are real. */
export function memoryFederation(
  idpKey: SigningKey,
  { clock, random }: From,
): FederationGateway & { readonly profileRecord: RecordId } {
  const profileRecord = newId('record', { clock, random });
  const people = new Map([
    ['anna', { principal: parsePrincipalId('person:anna.keller'), institution: broker }],
    ['carl', { principal: parsePrincipalId('person:carl.otto'), institution: clearing }],
  ]);
  const refuse = (): Error => federationErrors.error('assertion_signature', 'The assertion does not verify.');
  return {
    profileRecord,
    async acceptAssertion(assertion, audience): Promise<FederatedIdentity> {
      const jws = parseCompactJws(assertion, (_, detail) => federationErrors.error('assertion_malformed', detail));
      const claims = verifyJws(jws, importVerificationKey(idpKey.jwk), () =>
        federationErrors.error('assertion_signature', 'It does not verify.'),
      );
      if (claims['iss'] !== 'https://idp.example')
        throw federationErrors.error('assertion_issuer_unknown', 'The issuer is not a partner.');
      if (claims['aud'] !== audience)
        throw federationErrors.error('assertion_audience', 'The assertion is for another audience.');
      const { sub, jti, exp, acr, auth_time: authTime } = claims;
      const person = typeof sub === 'string' ? people.get(sub) : undefined;
      if (person?.principal === undefined || typeof sub !== 'string')
        throw federationErrors.error('assertion_subject_unknown', 'Nobody is known by that subject.');
      if (typeof jti !== 'string' || typeof exp !== 'number' || typeof acr !== 'string' || typeof authTime !== 'number')
        throw refuse();
      if (exp * 1000 <= clock.now()) throw federationErrors.error('assertion_expired', 'The assertion has expired.');
      const limits = readGrantLimits(claims, (_, detail) => federationErrors.error('assertion_malformed', detail));
      const actors = limits.actors.map((actor) => parsePrincipalId(actor)).filter((actor) => actor !== undefined);
      return {
        principal: person.principal,
        institution: person.institution,
        issuer: 'https://idp.example',
        subject: sub,
        acr,
        amr: ['hwk', 'user'],
        authTime,
        assertionId: jti,
        expiresAt: exp,
        claims: Object.keys(claims).sort(),
        limits: { ...limits, actors },
        provenance: {
          profile: 'prf_1',
          profileVersion: 1,
          profileRecord,
          kid: idpKey.kid,
          thumbprint: importVerificationKey(idpKey.jwk).thumbprint,
          assertionDigest: digestOf(assertion),
        },
      };
    },
  };
}
