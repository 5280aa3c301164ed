import { type AccountKey, acmeErrors } from '@countersign/acme';
import { type Command, createCommands, createRecordedThings } from '@countersign/commands';
import {
  createStandingCheck,
  type Decision,
  ended,
  enrolmentErrors,
  openDecision,
  protectedDecision,
  type RecordDraft,
  type Requester,
  recordedRequester,
  standing,
} from '@countersign/contracts';
import { type CodedError, type EnrolmentId, newId, toInstant } from '@countersign/kernel';
import { takeNamedLock } from '@countersign/runtime';
import type { CertificateAuthorityDependencies } from '../dependencies.ts';
import { enrolmentsAsRows } from './acme-store.ts';
import { type EnrolmentState, enrolmentStatusOf, type StoredEnrolment } from './enrolment-state.ts';

/** The result of the checks of a new enrolment. A refusal is recorded with the decision, if one was made. */
export type EnrolmentJudgement =
  | { readonly is: 'granted'; readonly state: EnrolmentState; readonly decision: Decision }
  | { readonly is: 'refused'; readonly error: CodedError; readonly decision?: Decision };

export type RefusedOperation =
  | 'make'
  | 'open-account'
  | 'change-key'
  | 'order'
  | 'finalize'
  | 'revoke'
  | 'read'
  | 'end';

interface Making {
  readonly id: EnrolmentId;
  readonly holder: string;
  readonly profile: string;
  readonly by: Requester;
  readonly judgement: EnrolmentJudgement;
}
interface Binding {
  readonly id: EnrolmentId;
  readonly key: AccountKey;
}
interface Ending {
  readonly id: EnrolmentId;
  readonly reason: string;
  readonly by: Requester;
}

const source = 'certificate-authority';
const { error } = acmeErrors;

/** Prefix of log entries: the enrolments of a holder that have not ended. */
export const holderEnrolments = (holder: string): string => `enrolment-of:${holder}/`;
/** Log entry that binds an account key to one enrolment for good. */
const accountKeyThing = (thumbprint: string): string => `acme-key:${thumbprint}`;

/** The principal acts with its own credential. */
export const holderOf = ({ holder: id, institution }: Pick<EnrolmentState, 'holder' | 'institution'>) => ({
  ...{ id, institution },
});

export type EnrolmentCommands = ReturnType<typeof createEnrolmentCommands>;

export function createEnrolmentCommands(
  dependencies: Pick<CertificateAuthorityDependencies, 'pool' | 'audit' | 'clock' | 'random'>,
) {
  const { pool, audit, clock, random } = dependencies;
  const kind = enrolmentsAsRows;
  const check = createStandingCheck({ log: audit, source, clock, random });
  const recording = { pool, log: audit, check, source, clock } as const;
  const things = createRecordedThings(kind, recording);
  const commands = createCommands(recording);
  const nothing = async (): Promise<void> => undefined;

  /** The record of a refusal to an authenticated caller. */
  const refusedRecord = (
    { code }: CodedError,
    by: Requester,
    about: {
      readonly operation: RefusedOperation;
      readonly enrolment?: string;
      readonly holder?: string;
      readonly profile?: string;
    },
    decision?: Decision,
  ): RecordDraft => ({
    id: newId('record', { clock, random }),
    source,
    ...recordedRequester(by),
    type: 'enrolment.refused',
    outcome: 'deny',
    reason: code,
    ...(decision === undefined ? {} : decided(decision, by)),
    data: { ...about, ...(decision === undefined ? {} : { decision: openDecision(decision) }) },
  });

  const refusedOf = (operation: RefusedOperation) => (refusal: CodedError, row: StoredEnrolment | undefined) =>
    row === undefined || refusal.category === 'not-found' || refusal.category === 'rate-limited'
      ? undefined
      : refusedRecord(refusal, holderOf(row), {
          operation,
          enrolment: row.id,
          holder: row.holder,
          profile: row.profile,
        });

  const make: Command<Making, EnrolmentId, EnrolmentState, StoredEnrolment, Decision, EnrolmentId> = {
    kind,
    about: ({ id }) => id,
    async facts(_session, { ask: { judgement } }) {
      if (judgement.is === 'refused') throw judgement.error;
      return judgement.decision;
    },
    done: ({ row }) => row?.id,
    check: nothing,
    next({ ask: { judgement } }) {
      if (judgement.is === 'refused') throw judgement.error;
      return judgement.state;
    },
    before: nothing,
    record: ({ ask: { by }, facts: decision }, state) => ({
      type: 'enrolment.made',
      outcome: 'permit',
      ...recordedRequester(by),
      ...decided(decision, by),
      standing: [standing(`${holderEnrolments(state.holder)}${state.id}`, { id: state.id })],
      data: {
        holder: state.holder,
        profile: state.profile,
        dns_names: [...state.dnsNames],
        expires_at: toInstant(state.expiresAt),
        decision: openDecision(decision),
      },
    }),
    ends: () => false,
    refused: (refusal, { ask: { by, holder, profile, judgement } }) =>
      refusal.category === 'forbidden' || refusal.category === 'conflict'
        ? refusedRecord(
            refusal,
            by,
            { operation: 'make', holder, profile },
            judgement.is === 'refused' ? judgement.decision : undefined,
          )
        : undefined,
    after: nothing,
    release: ({ id }) => id,
  };

  type Keying = Command<Binding, EnrolmentId, EnrolmentState, StoredEnrolment, StoredEnrolment, EnrolmentState>;

  const keying = (
    type: 'enrolment.used' | 'enrolment.key-changed',
    operation: RefusedOperation,
    { done, check: mayHave }: Pick<Keying, 'done' | 'check'>,
  ): Keying => ({
    kind,
    about: ({ id }) => id,
    async facts(session, { ask: { id, key }, row }) {
      if (row === undefined) throw enrolmentErrors.error('enrolment_unknown', 'There is no such enrolment.');
      // One key has one account: enrolments that bind the same key wait for each other here.
      const of = accountKeyThing(key.thumbprint);
      await takeNamedLock(session, `account key ${key.thumbprint.charAt(0)}`);
      const bound = (await audit.standings([of])).get(of);
      if (bound !== undefined && bound.digest !== standing(of, { id }).digest)
        throw error('acme_key_in_use', 'This key belongs to another account. Make a new key.');
      return row;
    },
    done,
    check: mayHave,
    next: ({ ask: { key }, facts }) => ({ ...facts, account: { thumbprint: key.thumbprint, jwk: key.jwk } }),
    before: nothing,
    record: ({ ask: { id, key }, facts }) => ({
      type,
      outcome: 'done',
      ...recordedRequester(holderOf(facts)),
      standing: [standing(accountKeyThing(key.thumbprint), { id })],
      data: { holder: facts.holder, profile: facts.profile, account_key: key.thumbprint },
    }),
    ends: () => false,
    refused: (refusal, { row }) => refusedOf(operation)(refusal, row),
    after: nothing,
    release: (next) => next,
  });

  const use = keying('enrolment.used', 'open-account', {
    done: ({ ask, row }) =>
      row !== undefined && row.ended === undefined && row.account?.thumbprint === ask.key.thumbprint ? row : undefined,
    async check({ facts, now }) {
      const status = enrolmentStatusOf(facts, now);
      if (status === 'open') return;
      const why = { used: 'was used already', expired: 'has expired', ended: 'was ended' }[status];
      throw error('acme_unauthorized', `The enrolment ${why}. Ask for a new one.`);
    },
  });

  const changeKey = keying('enrolment.key-changed', 'change-key', {
    done: ({ ask, row }) => (row?.account?.thumbprint === ask.key.thumbprint ? row : undefined),
    async check({ facts, now }) {
      if (enrolmentStatusOf(facts, now) !== 'used') throw accountOver();
    },
  });

  const end: Command<Ending, EnrolmentId, EnrolmentState, StoredEnrolment, StoredEnrolment, EnrolmentState> = {
    kind,
    about: ({ id }) => id,
    async facts(_session, { row }) {
      if (row === undefined) throw enrolmentErrors.error('enrolment_unknown', 'There is no such enrolment.');
      return row;
    },
    done: ({ row }) => (row?.ended === undefined ? undefined : row),
    check: nothing,
    next: ({ ask: { reason }, facts, now }) => ({ ...facts, ended: { at: now, reason } }),
    before: nothing,
    record: ({ ask: { by, reason }, facts: { id, holder, profile } }) => ({
      type: 'enrolment.ended',
      outcome: 'done',
      ...recordedRequester(by),
      standing: [ended(`${holderEnrolments(holder)}${id}`)],
      data: { holder, profile, reason },
    }),
    ends: () => false,
    refused: () => undefined,
    after: nothing,
    release: (next) => next,
  };

  return {
    things,
    /** @throws CodedError the refusal in `judgement`, recorded */
    make: (making: Making) => commands.run(make, making),
    /**
     * Opens the account, once.
     * @throws CodedError `acme_unauthorized`, `acme_key_in_use`
     */
    use: (binding: Binding) => commands.run(use, binding),
    changeKey: (binding: Binding) => commands.run(changeKey, binding),
    /** Idempotent. */
    end: (ending: Ending) => commands.run(end, ending),
    /** Records the refusal of an account's request. */
    async refuse(operation: RefusedOperation, refusal: CodedError, enrolment: StoredEnrolment): Promise<void> {
      const draft = refusedOf(operation)(refusal, enrolment);
      if (draft !== undefined) await audit.append(draft);
    },
  };
}

export const accountOver = () => error('acme_unauthorized', 'This account has ended. Ask for a new enrolment.');

function decided(decision: Decision, by: Requester): Pick<RecordDraft, 'policy' | 'protectedValues' | 'references'> {
  return {
    policy: { version: decision.policyVersion, hash: decision.policyHash },
    references: [decision.policyRecord],
    ...(by.institution === undefined ? {} : { protectedValues: protectedDecision(decision, by.institution) }),
  };
}
