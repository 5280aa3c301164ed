import { statusAt } from '@countersign/commands';
import {
  type DepartureEffect,
  type DirectorySnapshot,
  type IssuedJwtSvid,
  type IssuedSvid,
  isAtLeast,
  isInBusiness,
  type ProposalEnder,
  type PublicKey,
  peopleOf,
  type RecordDraft,
  type Requester,
  recordedRequester,
  refusedWorkloadThing,
  revocationDetail,
  type SvidRequest,
  standing,
  standingRevocation,
  type WorkloadBinding,
  type WorkloadEntry,
  type WorkloadFact,
  type WorkloadIdentity,
  type WorkloadProposal,
  type WorkloadStanding,
  workloadErrors,
} from '@countersign/contracts';
import {
  type CodedError,
  defined,
  digestOf,
  isCodedError,
  membersOf,
  newId,
  parseId,
  parseInstant,
  sha256Base64Url,
  toInstant,
} from '@countersign/kernel';
import { jwtSvidLifetimeSeconds, signJwtSvid, spiffeIdOf } from '@countersign/spiffe';
import { readCertificationRequest } from '@countersign/x509';
import { compare, type Mismatch } from './attestation/compare.ts';
import { establish, readEvidence } from './attestation/evidence.ts';
import type { WorkloadIdentityDependencies } from './dependencies.ts';
import type { EntryState, ProposalState } from './ledger/fold.ts';
import { createLedger } from './ledger/ledger.ts';
import { createRegister, entryOf, proposalOf } from './register.ts';
import { readTerms } from './terms.ts';

/** An attester with the client of its token. */
export interface Attester extends Requester {
  readonly client?: string;
}

export interface RunningWorkloadIdentity extends WorkloadIdentity, ProposalEnder {
  entries(): Promise<readonly WorkloadEntry[]>;
  /** @throws CodedError `workload_unknown` */
  entry(name: string): Promise<WorkloadEntry>;
  /**
   * @param terms as a document
   * @throws CodedError `workload_terms_invalid`
   */
  propose(entry: string, terms: unknown, reason: string, by: Requester): Promise<WorkloadProposal>;
  proposals(status: WorkloadProposal['status'] | undefined): Promise<readonly WorkloadProposal[]>;
  approve(id: string, digest: string, by: Requester): Promise<WorkloadProposal>;
  reject(id: string, reason: string, by: Requester): Promise<WorkloadProposal>;
  suspend(entry: string, reason: string, by: Requester): Promise<WorkloadEntry>;
  /**
   * Whether the workload of an entry may still have certificates. Attesters stop serving one that has ended, and attest one anew that must
   * renew.
   * @param attestation record of the attestation behind the current certificate
   * @throws CodedError `workload_unknown`, `workload_attester_unknown`
   */
  standing(entry: string, by: Attester, attestation?: string): Promise<WorkloadStanding>;
  /** Public keys that verify JWT-SVIDs of this trust domain. */
  tokenKeys(): Promise<readonly PublicKey[]>;
  /** DER of the roots that verify X.509-SVIDs of this trust domain. */
  roots(): Promise<readonly Uint8Array[]>;
  readonly departureEffect: DepartureEffect;
}

const noVerifiers = { clusters: [], ciIssuers: [], resultVerifiers: [] };
const mostListed = 1_000;
const source = 'workload-identity';
const { error } = workloadErrors;

/** Registered workloads, attested before each certificate. All state is in the log. */
export function createWorkloadIdentity(dependencies: WorkloadIdentityDependencies): RunningWorkloadIdentity {
  const {
    audit,
    clock,
    random,
    logger,
    directory,
    certificateAuthority,
    signer,
    issuer,
    operator,
    verifiers = noVerifiers,
  } = dependencies;
  const trustDomain = new URL(issuer).hostname;
  const ledger = createLedger({ log: audit, logger });
  const register = createRegister({ ...dependencies, ledger });

  const shown = ({ name, terms, version, status, record }: EntryState): WorkloadEntry => ({
    ...terms,
    ...{ name, version, status, recordId: record, spiffeId: spiffeIdOf(trustDomain, terms.holder) },
  });

  const draft = (by: Requester): Pick<RecordDraft, 'id' | 'source' | 'subject' | 'actors'> => ({
    id: newId('record', { clock, random }),
    source,
    ...recordedRequester(by),
  });

  /**
   * Records the refusal of a workload and throws it.
   * @throws CodedError always
   */
  async function refuse(
    refusal: CodedError,
    entry: EntryState,
    by: Requester,
    mismatch?: Omit<Mismatch, 'error'>,
  ): Promise<never> {
    const { expectation, found } = mismatch ?? {};
    await audit.append({
      ...draft(by),
      type: 'workload.refused',
      outcome: 'deny',
      reason: refusal.code,
      references: [entry.record],
      // Other software runs on this machine now, so what the machine attested before no longer counts.
      ...(mismatch !== undefined && isDifference(mismatch)
        ? { standing: [standing(refusedWorkloadThing(entry.name, by.id), { entry: entry.name, attester: by.id })] }
        : {}),
      data: {
        ...{ entry: entry.name, holder: entry.terms.holder },
        ...defined({ fact: expectation?.name, found: found?.value, level: found?.level, evidence: found?.evidence }),
        ...(expectation === undefined ? { detail: refusal.detail } : { expected: [...expectation.values] }),
      },
    });
    throw refusal;
  }

  /** Why this attester may not present this workload, or why the workload is refused. */
  async function findObstacle(entry: EntryState, by: Attester): Promise<CodedError | undefined> {
    const { terms } = entry;
    const snapshot = directory.snapshot();
    if (!terms.attesters.some((each) => each === by.id))
      return error('workload_attester_unknown', `${by.id} is not an attester of the entry ${entry.name}.`);
    const holder = snapshot.principal(terms.holder);
    if (holder === undefined)
      return error('workload_ended', `${terms.holder} is not in the directory, or has left it.`);
    if (by.institution !== holder.institution && by.institution !== operator)
      return error('workload_attester_unknown', 'The attester belongs to another institution.');
    if (entry.status === 'suspended')
      return error('workload_ended', `The entry ${entry.name} is suspended. Two people must approve it again.`);
    if (!isInBusiness(snapshot.institution(holder.institution)))
      return error('workload_ended', `The institution of ${terms.holder} is no longer in business.`);
    const revoked = await standingRevocation(
      {
        principals: [terms.holder, ...peopleOf(by)],
        clients: by.client === undefined ? [] : [by.client],
        institutions: [holder.institution],
        mandates: [],
      },
      audit,
    );
    if (revoked !== undefined) return error('workload_ended', revocationDetail(revoked));
    return isProduction(snapshot, by) === (terms.environment === 'production')
      ? undefined
      : error(
          'workload_environment_differs',
          `The entry is for the environment ${terms.environment}, and the client of the attester is registered for ${isProduction(snapshot, by) ? 'production' : 'another one'}.`,
        );
  }

  async function factsIn(evidence: readonly unknown[], key: string | undefined): Promise<readonly WorkloadFact[]> {
    const facts: WorkloadFact[] = [];
    const asked = { audience: `${issuer}/workloads`, key, now: clock.now() };
    for (const item of readEvidence(evidence)) facts.push(...(await establish(item, verifiers, asked)));
    return facts;
  }

  /** Compares evidence with the entry and records the result. @throws CodedError of `workloadErrors`, recorded */
  async function attest(
    name: string,
    evidence: readonly unknown[],
    by: Attester,
    key?: string,
  ): Promise<{ readonly entry: EntryState; readonly binding: WorkloadBinding }> {
    const entry = entryOf(await ledger.current(), name);
    const obstacle = await findObstacle(entry, by);
    if (obstacle !== undefined) return refuse(obstacle, entry, by);
    const facts = await factsIn(evidence, key).catch((refusal: unknown) => {
      if (isCodedError(refusal) && refusal.code === 'workload_evidence_refused') return refuse(refusal, entry, by);
      throw refusal;
    });
    const { terms } = entry;
    const result = compare(terms, facts);
    if ('error' in result) return refuse(result.error, entry, by, result);
    const { environment, configuration } = terms;
    const said = facts.map((fact) => ({ ...fact }));
    const attested = draft(by);
    const digest = digestOf({ entry: name, facts: said });
    await audit.append({
      ...attested,
      type: 'workload.attested',
      outcome: 'permit',
      references: [entry.record],
      data: {
        ...{ entry: name, holder: terms.holder, level: result.level, facts: said, evidence: digest },
        ...defined({ key }),
      },
    });
    return {
      entry,
      binding: {
        ...{ entry: name, level: result.level, environment, image: result.image, evidence: digest },
        ...{ record: attested.id, dnsNames: terms.dnsNames },
        ...defined({ configuration }),
      },
    };
  }

  /** Whether a certificate counts that this attester obtained by an earlier attestation. */
  async function standingOf(attestation: string, entry: EntryState, by: Attester): Promise<WorkloadStanding> {
    const id = parseId('record', attestation);
    const found = id === undefined ? undefined : await audit.find(id);
    const data = found?.record.type === 'workload.attested' ? membersOf(found.record.data) : undefined;
    if (found === undefined || data?.['entry'] !== entry.name || found.record.subject?.id !== by.id)
      return renew('workload_attestation_unknown', 'There is no such attestation of this workload by this attester.');
    if (found.index < entry.index)
      return renew('workload_terms_changed', `The entry ${entry.name} was changed after the attestation.`);
    const thing = refusedWorkloadThing(entry.name, by.id);
    const refused = (await audit.standings([thing])).get(thing);
    return refused !== undefined && found.index < refused.index
      ? renew('workload_refused', 'Other software of this entry was refused on this machine after the attestation.')
      : { is: 'active' };
  }

  return {
    async issue({ entry: name, evidence, request }: SvidRequest, by: Attester): Promise<IssuedSvid> {
      const key = keyOf(request);
      const { entry, binding } = await attest(name, evidence, by, key);
      const { holder, profile } = entry.terms;
      const issued = await certificateAuthority.issue({ holder, profile, request, workload: binding }, by);
      return {
        ...binding,
        spiffeId: spiffeIdOf(trustDomain, holder),
        chain: [issued.certificate, ...issued.chain],
        notAfter: issued.notAfter,
        serial: issued.serial,
      };
    },
    async issueToken({ entry: name, evidence, audiences }, by: Attester): Promise<IssuedJwtSvid> {
      const { entry, binding } = await attest(name, evidence, by);
      const { holder, audiences: registered } = entry.terms;
      const other = audiences.find((audience) => !registered.includes(audience));
      if (other !== undefined || audiences.length === 0)
        return refuse(
          error('workload_audience_refused', `No JWT-SVID for ${other ?? 'no audience'}: it is not registered.`, {
            facts: { expected: [...registered] },
          }),
          entry,
          by,
        );
      const spiffeId = spiffeIdOf(trustDomain, holder);
      const issuedAt = Math.floor(clock.now() / 1_000);
      const jti = Buffer.from(random.bytes(16)).toString('base64url');
      const expiresAt = toInstant((issuedAt + jwtSvidLifetimeSeconds) * 1_000);
      const record = draft(by);
      await audit.append({
        ...record,
        type: 'workload.token-issued',
        outcome: 'permit',
        references: [binding.record],
        data: { entry: name, holder, audiences: [...audiences], jti, expires_at: expiresAt },
      });
      const { kid } = await signer.current('workload-token');
      const { dnsNames: _, ...statement } = binding;
      const token = await signJwtSvid(
        { spiffeId, audiences, jti, issuedAt, statement },
        kid,
        async (octets) => (await signer.sign('workload-token', kid, octets)).signature,
      );
      return { spiffeId, token, expiresAt, recordId: record.id };
    },
    tokenKeys: () => signer.publicKeys('workload-token'),
    entries: async () => [...(await ledger.current()).entries.values()].slice(0, mostListed).map(shown),
    entry: async (name) => shown(entryOf(await ledger.current(), name)),
    propose: async (entry, terms, reason, by) =>
      shownProposal(await register.propose(entry, readTerms(terms), reason, by), clock.now()),
    async proposals(status) {
      const now = clock.now();
      return [...(await ledger.current()).proposals.values()]
        .map((proposal) => shownProposal(proposal, now))
        .filter((proposal) => status === undefined || proposal.status === status)
        .toReversed()
        .slice(0, mostListed);
    },
    async approve(id, digest, by) {
      const { terms } = proposalOf(await ledger.current(), id);
      if (directory.snapshot().principal(terms.holder) === undefined)
        throw error('workload_terms_invalid', `${terms.holder} is not in the directory. Register the principal first.`);
      return shownProposal(await register.approve(id, digest, by), clock.now());
    },
    reject: async (id, reason, by) => shownProposal(await register.reject(id, reason, by), clock.now()),
    suspend: async (entry, reason, by) => shown(await register.suspend(entry, reason, by)),
    async standing(name, by, attestation) {
      const entry = entryOf(await ledger.current(), name);
      const obstacle = await findObstacle(entry, by);
      if (obstacle?.code === 'workload_attester_unknown') throw obstacle;
      if (obstacle !== undefined) return { is: 'ended', reason: obstacle.code, detail: obstacle.detail };
      return attestation === undefined ? { is: 'active' } : standingOf(attestation, entry, by);
    },
    async roots() {
      const authorities = await certificateAuthority.authorities();
      const roots = authorities.filter((one) => one.class === 'workload').map(({ root }) => root);
      return roots.filter((root, at) => roots.findIndex((other) => Buffer.from(other).equals(root)) === at);
    },
    endProposalsOf: register.endProposalsOf,
    departureEffect: {
      name: 'workloads',
      async end({ principal, kind, at, by, reason }) {
        if (kind !== 'leave') return { ended: 0 };
        const before = parseInstant(at) ?? 0;
        let ended = 0;
        for (const entry of [...(await ledger.current()).entries.values()]) {
          if (entry.terms.holder !== principal || entry.status === 'suspended' || entry.approvedAt > before) continue;
          await register.suspend(entry.name, reason, by);
          ended += 1;
        }
        return { ended };
      },
    },
  };
}

const renew = (reason: string, detail: string): WorkloadStanding => ({ is: 'renew', reason, detail });

/** Whether a fact has another value, at the level that the entry demands. Weaker evidence says nothing about what runs. */
function isDifference({ expectation, found }: Omit<Mismatch, 'error'>): boolean {
  return found !== undefined && isAtLeast(found.level, expectation.level) && !expectation.values.includes(found.value);
}

/** Whether the client of the attester is registered for production. */
function isProduction(snapshot: Pick<DirectorySnapshot, 'client'>, { client }: Attester): boolean {
  return client !== undefined && snapshot.client(client)?.environment === 'production';
}

function shownProposal(proposal: ProposalState, now: number): WorkloadProposal {
  const { id, entry, terms, status, expiresAt, digest, decision } = proposal;
  return {
    ...{ id, entry, terms, digest },
    status: statusAt(status, expiresAt, now),
    proposedBy: proposal.proposal.by,
    proposedAt: proposal.proposal.at,
    expiresAt: toInstant(expiresAt),
    reason: proposal.proposal.reason ?? '',
    ...(decision === undefined ? {} : { decidedBy: decision.by, decidedAt: decision.at }),
  };
}

/** SHA-256 of the key in a certificate request; undefined for octets that the certificate authority will refuse. */
function keyOf(request: Uint8Array): string | undefined {
  try {
    return sha256Base64Url(readCertificationRequest(request).publicKey);
  } catch (refusal) {
    if (isCodedError(refusal)) return undefined;
    throw refusal;
  }
}
