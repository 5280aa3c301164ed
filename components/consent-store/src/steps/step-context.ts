import {
  type Actor,
  type AuditLog,
  consentErrors,
  type Directory,
  type DirectorySnapshot,
  type Mandate,
  type RecordDraft,
  type RecordType,
  recordIdAfter,
  recordIdOfCommand,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  type Json,
  type MandateId,
  newId,
  parseId,
  type Random,
} from '@countersign/kernel';
import { isOver } from '../life-cycle.ts';
import { type MandateSigner, type Recording, seal, type UnsealedMandate } from '../mandate-document.ts';
import { mandateStanding, mandateThing } from '../seals.ts';
import type { Store } from '../store/store.ts';
import type { Unit } from '../store/unit.ts';

/** What a refusal was about. */
export interface RefusedStep extends Pick<RecordDraft, 'mandate' | 'references'> {
  readonly data: Json;
}

/** What is recorded of a version beside the version. */
export interface StepRecord {
  readonly type: RecordType;
  /** Left out where time alone brought it about. */
  readonly by?: Actor;
  readonly references: readonly Mandate['recordId'][];
  readonly data?: { readonly [name: string]: Json };
}

/** What every step that makes a version rests on. */
export interface StepContext {
  readonly store: Store;
  readonly now: () => number;
  readonly directory: () => DirectorySnapshot;
  readonly newMandateId: () => MandateId;
  /** Of the version after this one: its record follows from that of the one before, so that there can be but one. */
  recording(after: Mandate): Recording;
  /** Of what a request begins: its repetition has the same record. */
  recordingOf(command: Json): Recording;
  /** The mandate that a record is about, where there is that record. */
  mandateOf(record: Mandate['recordId']): Promise<MandateId | undefined>;
  /** A refusal is evidence too: written before it is told. */
  refuse(error: CodedError, by: Actor, about: RefusedStep): Promise<never>;
  /** Seals the version, has its record made durable, and writes it: in this order. */
  write(unit: Unit, version: UnsealedMandate, record: StepRecord): Promise<Mandate>;
}

export function createStepContext(dependencies: {
  readonly store: Store;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Pick<AuditLog, 'append' | 'find'>;
  readonly signer: MandateSigner;
  readonly directory: Pick<Directory, 'snapshot'>;
  /** When a version has to be looked at next; see `notices.ts`. */
  readonly lookAt: (version: UnsealedMandate) => number | undefined;
}): StepContext {
  const { store, clock, random, audit, signer, directory, lookAt } = dependencies;
  return {
    store,
    now: () => clock.now(),
    directory: () => directory.snapshot(),
    newMandateId: () => newId('mandate', { clock, random }),
    recording: ({ id, recordId }) => ({ recordId: recordIdAfter(mandateThing(id), recordId), at: clock.now() }),
    recordingOf: (command) => ({ recordId: recordIdOfCommand(command), at: clock.now() }),
    mandateOf: async (record) => parseId('mandate', (await audit.find(record))?.record.mandate?.id),
    async refuse(error, by, about) {
      await audit.append({
        id: newId('record', { clock, random }),
        type: 'mandate.refused',
        source: 'consent-store',
        outcome: 'deny',
        reason: error.code,
        subject: by,
        ...about,
      });
      throw error;
    },
    async write(unit, version, { type, by, references, data = {} }) {
      const mandate = await seal(version, signer);
      await audit.append({
        id: mandate.recordId,
        type,
        source: 'consent-store',
        outcome: 'done',
        ...(references.length === 0 ? {} : { references }),
        ...(by === undefined ? {} : { subject: by }),
        mandate: { id: mandate.id, version: mandate.version },
        standing: [mandateStanding(mandate)],
        // What cannot be written as JSON has no digest, so it is not here.
        data: { mandate: mandate as unknown as Json, ...data },
      });
      await unit.put(mandate, isOver(mandate.status) ? undefined : lookAt(version));
      return mandate;
    },
  };
}

/** The newest version, locked; and what a refusal to take `step` from it would be about. */
export async function lockedHead(
  unit: Unit,
  id: MandateId,
  step: string,
): Promise<{ readonly head: Mandate; readonly about: RefusedStep }> {
  const head = await unit.lock(id);
  if (head === undefined) throw consentErrors.error('mandate_not_found', `There is no mandate ${id}.`);
  return {
    head,
    about: { mandate: { id, version: head.version }, references: [head.recordId], data: { step } },
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

/** @throws CodedError `mandate_invalid` */
export function requireIdempotencyKey(key: string): void {
  if (!/^[\x21-\x7e]{1,128}$/.test(key))
    throw consentErrors.error('mandate_invalid', 'The idempotency key is 1 to 128 visible ASCII characters.', {
      facts: { field: 'idempotencyKey' },
    });
}
