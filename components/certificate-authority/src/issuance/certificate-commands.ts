import { acmeErrors } from '@countersign/acme';
import { type Command, createCommands, createRecordedThings } from '@countersign/commands';
import {
  type CertificateOrder,
  certificateAuthorityErrors,
  certificateThing,
  createStandingCheck,
  type Decision,
  ended,
  openDecision,
  protectedDecision,
  type RecordDraft,
  type Requester,
  type RevocationReason,
  recordedRequester,
  revokedCertificateThing,
  standing,
} from '@countersign/contracts';
import { type CodedError, newId, sha256Base64Url, toInstant } from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type pg from 'pg';
import { type CertificateState, type StoredCertificate, statusOf } from '../certificate-state.ts';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { shardOf } from '../shards.ts';
import { certificatesAsRows } from '../store.ts';
import { type Asking, certifiedKeyThing, type GrantedOrder, type Judgement } from './judge-order.ts';

/** An order with the result of its checks. */
interface Issuing {
  readonly serial: string;
  readonly order: Pick<CertificateOrder, 'holder' | 'profile'>;
  readonly by: Asking;
  readonly judgement: Judgement;
  /** Refuses when another certificate has already replaced the predecessor (RFC 9773 section 5). */
  readonly onlyReplacement?: boolean;
}
/** A certificate that the authority issues to its own OCSP responder, without an order or a decision. */
interface SelfIssuing {
  readonly serial: string;
  readonly state: CertificateState;
  readonly by: Requester;
}
interface Revoking {
  readonly serial: string;
  readonly reason: RevocationReason;
  readonly by: Requester;
}

const { error } = certificateAuthorityErrors;
const source = 'certificate-authority';

/** Expired certificates are kept for this long, so that OCSP can answer for signatures made earlier. */
const keptAfterEndMs = 90 * 86_400_000;

/** Prefix of log entries: the certificates of a holder that have not ended. */
export const holderCertificates = (holder: string): string => `certificate-of:${holder}/`;
/** Prefix of log entries: the revoked certificates of one list. */
export const listedCertificates = (authority: string, shard: number): string =>
  `listed-certificate:${authority}/${shard}/`;

/** Log entry: the certificate has been replaced by another one. */
export const replacedCertificateThing = (serial: string): string => `replaced-certificate:${serial}`;

export type CertificateCommands = ReturnType<typeof createCertificateCommands>;

export function createCertificateCommands(
  dependencies: Pick<CertificateAuthorityDependencies, 'pool' | 'audit' | 'clock' | 'random'>,
) {
  const { pool, audit, clock, random } = dependencies;
  const kind = certificatesAsRows(({ notAfter }) => notAfter + keptAfterEndMs < clock.now());
  const check = createStandingCheck({ log: audit, source, clock, random });
  const recording = { pool, log: audit, check, source, clock };
  const things = createRecordedThings(kind, recording);
  const commands = createCommands(recording);
  const nothing = async (): Promise<void> => undefined;

  /** Refusals of known callers are recorded; malformed requests are not. */
  function refusedOf(
    { category, code }: CodedError,
    by: Asking,
    about: {
      readonly operation: 'issue' | 'revoke';
      readonly holder?: string;
      readonly profile?: string;
      readonly serial?: string;
    },
    decision?: Decision,
  ): RecordDraft | undefined {
    if (category !== 'forbidden' && category !== 'conflict') return undefined;
    return {
      id: newId('record', { clock, random }),
      source,
      ...recordedRequester(by),
      type: 'certificate.denied',
      outcome: 'deny',
      reason: code,
      ...decided(decision, by),
      data: { ...about, ...(decision === undefined ? {} : { decision: openDecision(decision) }) },
    };
  }

  /** The log entries of a new certificate, beside its own. */
  const standingsOf = ({ serial, holder, key, predecessor }: CertificateState) => [
    standing(`${holderCertificates(holder)}${serial}`, { serial }),
    standing(certifiedKeyThing(key), { holder }),
    ...(predecessor === undefined ? [] : [standing(replacedCertificateThing(predecessor), { serial })]),
  ];

  /** Two orders that replace the same certificate wait for each other here. */
  async function requireFirstReplacement(session: pg.PoolClient, predecessor: string, serial: string): Promise<void> {
    await takeNamedLock(session, `replacement ${predecessor.slice(-1)}`);
    const of = replacedCertificateThing(predecessor);
    const replaced = (await audit.standings([of])).get(of);
    if (replaced !== undefined && replaced.digest !== standing(of, { serial }).digest)
      throw acmeErrors.error('acme_already_replaced', 'The certificate to replace has already been replaced.');
  }

  const issue: Command<Issuing, string, CertificateState, StoredCertificate, GrantedOrder, string> = {
    kind,
    about: ({ serial }) => serial,
    async facts(session, { ask: { judgement, serial, onlyReplacement = false }, row }) {
      if (judgement.is === 'refused') throw judgement.error;
      const { predecessor } = judgement.granted.state;
      if (onlyReplacement && row === undefined && predecessor !== undefined)
        await requireFirstReplacement(session, predecessor, serial);
      return judgement.granted;
    },
    done: ({ row }) => row?.serial,
    check: nothing,
    next: ({ facts }) => facts.state,
    before: nothing,
    record: ({ ask: { by }, facts: { state, decision, requestDigest } }) => ({
      type: 'certificate.issued',
      outcome: 'permit',
      ...recordedRequester(by),
      ...decided(decision, by),
      standing: standingsOf(state),
      data: {
        holder: state.holder,
        profile: state.profile,
        request_digest: requestDigest,
        tbs_digest: sha256Base64Url(state.tbs),
        decision: openDecision(decision),
      },
    }),
    ends: () => false,
    refused: (refusal, { ask: { by, order, judgement } }) =>
      refusedOf(
        refusal,
        by,
        { operation: 'issue', holder: order.holder, profile: order.profile },
        judgement.is === 'refused' ? judgement.decision : undefined,
      ),
    after: nothing,
    release: ({ serial }) => serial,
  };

  const issueToSelf: Command<SelfIssuing, string, CertificateState, StoredCertificate, undefined, string> = {
    kind,
    about: ({ serial }) => serial,
    facts: async () => undefined,
    done: ({ row }) => row?.serial,
    check: nothing,
    next: ({ ask }) => ask.state,
    before: nothing,
    record: ({ ask: { state, by } }) => ({
      type: 'certificate.issued',
      outcome: 'permit',
      ...recordedRequester(by),
      standing: standingsOf(state),
      data: { holder: state.holder, profile: state.profile, tbs_digest: sha256Base64Url(state.tbs) },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: ({ serial }) => serial,
  };

  const revoke: Command<Revoking, string, CertificateState, StoredCertificate, StoredCertificate, StoredCertificate> = {
    kind,
    about: ({ serial }) => serial,
    async facts(_session, { row }) {
      if (row === undefined) throw unknownCertificate();
      return row;
    },
    done: ({ row }) => (row?.revoked === undefined ? undefined : row),
    async check({ facts, now }) {
      if (statusOf(facts, now) === 'expired')
        throw error('certificate_over', 'The certificate has expired and can no longer be used.');
    },
    next: ({ ask: { reason }, facts, now }) => ({ ...facts, revoked: { at: now, reason } }),
    before: nothing,
    record: ({ ask: { by, reason, serial }, facts: { holder, profile, authority } }, next) => ({
      type: 'certificate.revoked',
      outcome: 'done',
      ...recordedRequester(by),
      standing: [
        standing(revokedCertificateThing(serial), { reason }),
        standing(`${listedCertificates(authority, shardOf(serial))}${serial}`, {
          reason,
          at: toInstant(next.revoked?.at ?? 0),
        }),
        ended(`${holderCertificates(holder)}${serial}`),
      ],
      data: { holder, profile, reason },
    }),
    ends: () => false,
    refused: (refusal, { ask: { by, serial } }) => refusedOf(refusal, by, { operation: 'revoke', serial }),
    after: nothing,
    release: (next, { record }) => ({ ...next, change: record, signature: undefined }),
  };

  return {
    things,
    /** @throws CodedError the refusal in `judgement`, recorded */
    issue: (issuing: Issuing) => commands.run(issue, issuing),
    issueToSelf: (issuing: SelfIssuing) => commands.run(issueToSelf, issuing),
    revoke: (revoking: Revoking) => commands.run(revoke, revoking),
    thingOf: certificateThing,
    keptAfterEndMs,
  };
}

export const unknownCertificate = () =>
  error('certificate_unknown', 'There is no certificate with this serial number.');

/** The members of a record for a decision. */
function decided(
  decision: Decision | undefined,
  { enrolment, ...by }: Asking,
): Pick<RecordDraft, 'policy' | 'protectedValues' | 'references'> {
  const enrolments = enrolment === undefined ? [] : [enrolment];
  if (decision === undefined) return enrolments.length === 0 ? {} : { references: enrolments };
  return {
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    references: [decision.policyRecord, ...enrolments],
    ...(by.institution === undefined ? {} : { protectedValues: protectedDecision(decision, by.institution) }),
  };
}
