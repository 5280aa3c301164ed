import type { Command, ProvenKind, RecordContent } from '@countersign/commands';
import {
  type Actor,
  consentErrors,
  type DirectorySnapshot,
  type Mandate,
  type RecordDraft,
  type RecordType,
} from '@countersign/contracts';
import { type CodedError, defined, type Json, type MandateId, type RecordId } from '@countersign/kernel';
import type pg from 'pg';
import type { MandateSigner } from '../mandate-document.ts';
import type { Unit } from '../store/unit.ts';

/** A step of a mandate: makes one version, or finds the version that an earlier request made. */
export type Step<Ask, Facts, Answer = Mandate> = Command<Ask, MandateId, Mandate, Mandate, StepFacts<Facts>, Answer>;

export interface AskedStep {
  readonly id: MandateId;
  readonly by: Actor;
}

export interface ReasonedStep extends AskedStep {
  readonly reason: string;
}

type StepFacts<Facts> = { readonly made: Mandate } | (Facts & { readonly made?: undefined });

export interface StepContext {
  readonly kind: ProvenKind<MandateId, Mandate>;
  readonly unitOn: (session: pg.PoolClient) => Unit;
  readonly directory: () => DirectorySnapshot;
  readonly signer: MandateSigner;
  readonly newRecordId: () => RecordId;
  /** Makes a version visible on this node at once. */
  readonly committed: (mandate: Mandate) => void;
}

export function stepOf({ kind, committed }: Pick<StepContext, 'kind' | 'committed'>) {
  return {
    kind,
    about: ({ id }: { readonly id: MandateId }) => id,
    done: ({ facts }: { readonly facts: { readonly made?: Mandate | undefined } }) => facts.made,
    before: async () => undefined,
    // The last version of a mandate stays in force as its record.
    ends: () => false,
    after: async (_given: unknown, mandate: Mandate) => committed(mandate),
    release: (mandate: Mandate) => mandate,
  };
}

export function refusalOf({ newRecordId }: Pick<StepContext, 'newRecordId'>, step: string) {
  return (
    error: CodedError,
    { ask, row }: { readonly ask: AskedStep; readonly row: Mandate | undefined },
  ): RecordDraft | undefined =>
    row === undefined || !isRefusal(error)
      ? undefined
      : {
          ...refusal(newRecordId(), error, ask.by, { step }),
          mandate: { id: row.id, version: row.version },
          references: [row.recordId],
        };
}

export function refusal(
  id: RecordId,
  error: CodedError,
  by: Actor,
  asked: Readonly<Record<string, Json>>,
): RecordDraft {
  return {
    id,
    type: 'mandate.refused',
    source: 'consent-store',
    outcome: 'deny',
    reason: error.code,
    subject: by,
    // Facts of our errors are JSON.
    data: { ...asked, ...(error.facts === undefined ? {} : { facts: error.facts as Json }) },
  };
}

/** Whether an error is a refusal to record. A reused key and a missing amendment are not. */
export function isRefusal({ code }: CodedError): boolean {
  return Object.hasOwn(consentErrors.codes, code) && code !== 'idempotency_conflict' && code !== 'amendment_not_found';
}

export function toTake<Facts>(facts: StepFacts<Facts>): Facts {
  if (facts.made !== undefined) throw new Error('a completed step was about to be repeated');
  return facts;
}

/** The newest version. @throws CodedError `mandate_not_found` */
export function known({ ask: { id }, row }: { readonly ask: AskedStep; readonly row: Mandate | undefined }): Mandate {
  if (row === undefined) throw consentErrors.error('mandate_not_found', `The mandate ${id} does not exist.`);
  return row;
}

/** The value. @throws its fault, if it is one */
export function sound<Found extends object>(found: Found | { readonly fault: CodedError }): Found {
  if ('fault' in found) throw found.fault;
  return found;
}

export function saying(
  type: RecordType,
  { id, version }: Mandate,
  {
    by,
    references,
    data = {},
  }: {
    /** Absent for expiry. */
    readonly by?: Actor;
    readonly references: readonly RecordId[];
    readonly data?: Readonly<Record<string, Json>>;
  },
): RecordContent {
  return {
    type,
    outcome: 'done',
    ...(references.length === 0 ? {} : { references }),
    ...defined({ subject: by }),
    mandate: { id, version },
    data,
  };
}

/** Why a step is not possible in this status; undefined if `from` includes it. */
export function stateFault(step: string, head: Mandate, from: readonly Mandate['status'][]): CodedError | undefined {
  if (from.includes(head.status)) return undefined;
  switch (head.status) {
    case 'revoked':
      return consentErrors.error('mandate_revoked', `The mandate was revoked at ${head.recordedAt}, which is final.`);
    case 'expired':
      return consentErrors.error('mandate_expired', `The mandate expired at ${head.effectiveUntil}, which is final.`);
    case 'proposed':
    case 'active':
    case 'suspended':
      return consentErrors.error(
        'mandate_state',
        `The step ${step} is not possible for a mandate that is ${head.status}.`,
      );
    default:
      return head.status satisfies never;
  }
}
