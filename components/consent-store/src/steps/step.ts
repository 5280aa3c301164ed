import type { Command, ProvenKind, Saying } from '@countersign/commands';
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

/** A step of a mandate: each makes one version, or finds the one that was made before. */
export type Step<Ask, Facts, Answer = Mandate> = Command<Ask, MandateId, Mandate, Mandate, StepFacts<Facts>, Answer>;

/** What a step asks: by whom, about which mandate. */
export interface AskedStep {
  readonly id: MandateId;
  readonly by: Actor;
}

export interface ReasonedStep extends AskedStep {
  readonly reason: string;
}

/** What is known of a step that is to be taken; or the version that it made before. */
type StepFacts<Facts> = { readonly made: Mandate } | (Facts & { readonly made?: undefined });

/** What every step rests on. */
export interface StepContext {
  readonly kind: ProvenKind<MandateId, Mandate>;
  readonly unitOn: (session: pg.PoolClient) => Unit;
  readonly directory: () => DirectorySnapshot;
  readonly signer: MandateSigner;
  readonly newRecordId: () => RecordId;
  /** What was written here is seen here at once. */
  readonly committed: (mandate: Mandate) => void;
}

/** What all steps have in common, but for how they are refused. */
export function stepOf({ kind, committed }: Pick<StepContext, 'kind' | 'committed'>) {
  return {
    kind,
    about: ({ id }: { readonly id: MandateId }) => id,
    done: ({ facts }: { readonly facts: { readonly made?: Mandate | undefined } }) => facts.made,
    before: async () => undefined,
    // One that has ended keeps its last version, and that counts.
    ends: () => false,
    after: async (_given: unknown, mandate: Mandate) => committed(mandate),
    release: (mandate: Mandate) => mandate,
  };
}

/** The refusal of a step that is asked of a mandate. */
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
    data: { ...asked, ...(error.facts === undefined ? {} : { facts: error.facts as Json }) },
  };
}

/** Somebody may not have what they asked for. That a key was used before, or that nothing waits, refuses nobody anything. */
export function isRefusal({ code }: CodedError): boolean {
  return Object.hasOwn(consentErrors.codes, code) && code !== 'idempotency_conflict' && code !== 'amendment_not_found';
}

/** The facts of a step that is taken now. */
export function toTake<Facts>(facts: StepFacts<Facts>): Facts {
  if (facts.made !== undefined) throw new Error('a step that was taken before is not taken again');
  return facts;
}

/** The newest version. @throws CodedError `mandate_not_found` */
export function known({ ask: { id }, row }: { readonly ask: AskedStep; readonly row: Mandate | undefined }): Mandate {
  if (row === undefined) throw consentErrors.error('mandate_not_found', `There is no mandate ${id}.`);
  return row;
}

/** What was found. @throws the fault that was found instead */
export function sound<Found extends object>(found: Found | { readonly fault: CodedError }): Found {
  if ('fault' in found) throw found.fault;
  return found;
}

/** What is recorded of a version beside the version. */
export function saying(
  type: RecordType,
  { id, version }: Mandate,
  {
    by,
    references,
    data = {},
  }: {
    /** Left out where time alone brought it about. */
    readonly by?: Actor;
    readonly references: readonly RecordId[];
    readonly data?: Readonly<Record<string, Json>>;
  },
): Saying {
  return {
    type,
    outcome: 'done',
    ...(references.length === 0 ? {} : { references }),
    ...defined({ subject: by }),
    mandate: { id, version },
    data,
  };
}

/** Why no step leads on from this status, or undefined where `from` names it. */
export function stateFault(step: string, head: Mandate, from: readonly Mandate['status'][]): CodedError | undefined {
  if (from.includes(head.status)) return undefined;
  switch (head.status) {
    case 'revoked':
      return consentErrors.error('mandate_revoked', `The mandate was revoked at ${head.recordedAt}; that is final.`);
    case 'expired':
      return consentErrors.error('mandate_expired', `The mandate ran until ${head.effectiveUntil}; that is final.`);
    case 'proposed':
    case 'active':
    case 'suspended':
      return consentErrors.error('mandate_state', `A mandate that is ${head.status} cannot take the step ${step}.`);
    default:
      return head.status satisfies never;
  }
}
