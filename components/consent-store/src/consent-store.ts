import {
  type Actor,
  type AuditAppender,
  type ConsentStore,
  consentErrors,
  type Directory,
  type Mandate,
  type MandateAnswer,
  type MandateProposal,
  type MandateQuestion,
  type RecordDraft,
} from '@countersign/contracts';
import {
  type Clock,
  type CodedError,
  digestOf,
  type Json,
  type MandateId,
  newId,
  type Random,
} from '@countersign/kernel';
import { narrowConstraints } from '@countersign/market';
import type { ComponentAccess, Logger } from '@countersign/runtime';
import type pg from 'pg';
import { answerFrom } from './chain.ts';
import { createGrantRegister } from './grants/grant-register.ts';
import { type StepName, steps } from './life-cycle.ts';
import { openLiveView } from './live-view.ts';
import { firstVersion, nextVersion } from './mandate-document.ts';
import { parseProposal, type Terms } from './proposal.ts';
import { parseReason } from './reason.ts';
import { institutionFault, signatoryFault, signatoryOfOneFault } from './signatory.ts';
import { createStore, type Unit } from './store.ts';

export interface ConsentStoreDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: AuditAppender;
  readonly logger: Logger;
  readonly directory: Pick<Directory, 'snapshot'>;
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  /** How often to look for changes that nobody announced; 1 s by default. */
  readonly pollEveryMs?: number;
  /** How old what this node knows may be while it answers from memory; 5 s by default. */
  readonly staleAfterMs?: number;
}

/** A page of mandates. */
const maxListed = 1000;

export interface RunningConsentStore extends ConsentStore {
  stop(): Promise<void>;
}

/**
 * Mandates, written through the audit log, kept in every version, and answered from memory; and what people have
 * allowed clients, see `grants/grant-register.ts`.
 */
export async function createConsentStore(dependencies: ConsentStoreDependencies): Promise<RunningConsentStore> {
  const { pool, clock, random, audit, directory } = dependencies;
  const store = createStore(pool);
  const view = await openLiveView({ ...dependencies, store });

  const recording = () => ({ recordId: newId('record', { clock, random }), at: clock.now() });

  /** A refusal is evidence too: written before it is told. */
  async function refuse(
    error: CodedError,
    by: Actor,
    about: Pick<RecordDraft, 'mandate' | 'references'> & { readonly data: Json },
  ): Promise<never> {
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
  }

  async function propose(proposal: MandateProposal, by: Actor, idempotencyKey: string): Promise<Mandate> {
    if (!/^[\x21-\x7e]{1,128}$/.test(idempotencyKey))
      throw consentErrors.error('mandate_invalid', 'The idempotency key is 1 to 128 visible ASCII characters.', {
        facts: { field: 'idempotencyKey' },
      });
    const terms = parseProposal(proposal);
    const asked = {
      step: 'propose',
      grantor: terms.grantor.lei,
      grantee: terms.grantee.lei,
      ...(terms.parent === undefined ? {} : { parent: terms.parent }),
    };
    const snapshot = directory.snapshot();
    const unfit = signatoryFault(snapshot, by, terms.grantor.lei);
    if (unfit !== undefined) return refuse(unfit, by, { data: asked });
    const unknown = institutionFault(snapshot, terms.grantor.lei) ?? institutionFault(snapshot, terms.grantee.lei);
    if (unknown !== undefined) throw unknown;

    const mandate = await store.inUnit(async (unit) => {
      const id = newId('mandate', { clock, random });
      const bodyDigest = digestOf(terms);
      const claim = await unit.claimProposal({
        grantor: terms.grantor.lei,
        key: idempotencyKey,
        bodyDigest,
        mandate: id,
      });
      if (claim !== 'claimed') return earlierResult(unit, claim, bodyDigest);
      const parent = terms.parent === undefined ? undefined : await unit.lock(terms.parent);
      const wide = terms.parent === undefined ? undefined : await parentFault(unit, parent, terms);
      if (wide !== undefined)
        return refuse(wide, by, {
          data: { ...asked, facts: (wide.facts ?? {}) as Json },
          ...(parent === undefined ? {} : { references: [parent.recordId] }),
        });
      const proposed = firstVersion(id, terms, parent, recording());
      await audit.append(recordOf(proposed, 'mandate.proposed', by, parent === undefined ? [] : [parent.recordId]));
      await unit.put(proposed);
      return proposed;
    });
    view.put(mandate);
    return mandate;
  }

  /** Whether a mandate may be cut from `parent` with these terms. All that is above must stand, or it would be born dead. */
  async function parentFault(unit: Unit, parent: Mandate | undefined, terms: Terms): Promise<CodedError | undefined> {
    if (parent === undefined)
      return consentErrors.error('mandate_not_found', 'There is no mandate with the id given as parent.');
    if (parent.grantee.lei !== terms.grantor.lei)
      return consentErrors.error(
        'mandate_grantee',
        `Only ${parent.grantee.lei}, to whom the parent was given, can cut a mandate from it.`,
      );
    const ended = await endedIn(unit, parent);
    if (ended !== undefined)
      return consentErrors.error(
        'mandate_parent_not_active',
        `${ended.id} is ${ended.status}; only from active mandates can another be cut.`,
      );
    const outside = datesOutside(parent, terms);
    if (outside !== undefined) {
      const sentence = `The proposal would be in effect at ${outside}; the mandate it is cut from is not.`;
      const counterexample = { constraint: 'validity', example: outside, parentAllows: false, sentence };
      return consentErrors.error('mandate_wider', sentence, { facts: { counterexample } });
    }
    const narrowed = narrowConstraints(parent.constraints, terms.constraints);
    return narrowed.ok
      ? undefined
      : consentErrors.error('mandate_wider', narrowed.counterexample.sentence, {
          facts: { counterexample: narrowed.counterexample },
        });
  }

  async function endedIn(unit: Unit, lowest: Mandate): Promise<Mandate | undefined> {
    for (let mandate: Mandate | undefined = lowest; mandate !== undefined; ) {
      if (mandate.status !== 'active') return mandate;
      mandate = mandate.parent === undefined ? undefined : await unit.head(mandate.parent.id);
    }
    return undefined;
  }

  async function take(
    step: StepName,
    id: MandateId,
    by: Actor,
    options: { readonly termsHash?: string; readonly reason?: string },
  ): Promise<Mandate> {
    const { from, to, by: parties, record } = steps[step];
    const reason = options.reason === undefined ? undefined : parseReason(options.reason);
    const mandate = await store.inUnit(async (unit) => {
      const head = await unit.lock(id);
      if (head === undefined) throw consentErrors.error('mandate_not_found', `There is no mandate ${id}.`);
      const about = { mandate: { id, version: head.version }, references: [head.recordId], data: { step } };
      const unfit = signatoryOfOneFault(
        directory.snapshot(),
        by,
        parties.map((party) => head[party].lei),
      );
      if (unfit !== undefined) return refuse(unfit, by, about);
      if (options.termsHash !== undefined && options.termsHash !== head.termsHash)
        return refuse(
          consentErrors.error('terms_hash_mismatch', 'The terms named are not the terms of this mandate.'),
          by,
          about,
        );
      if (head.status === to) return head;
      const misplaced = stateFault(step, head, from);
      if (misplaced !== undefined) return refuse(misplaced, by, about);
      if (step === 'accept') {
        const unacceptable = await acceptanceFault(unit, head);
        if (unacceptable !== undefined) return refuse(unacceptable, by, about);
      }
      const next = nextVersion(head, to, recording());
      await audit.append(recordOf(next, record, by, [head.recordId], reason));
      await unit.put(next);
      return next;
    });
    view.put(mandate);
    return mandate;
  }

  /** Between proposal and acceptance an institution may lose its registration, and the line above may end. */
  async function acceptanceFault(unit: Unit, head: Mandate): Promise<CodedError | undefined> {
    if (clock.now() >= Date.parse(head.effectiveUntil))
      return consentErrors.error('mandate_expired', `The proposal ran until ${head.effectiveUntil}.`);
    const snapshot = directory.snapshot();
    const unfit = institutionFault(snapshot, head.grantor.lei) ?? institutionFault(snapshot, head.grantee.lei);
    if (unfit !== undefined) return unfit;
    const parent = head.parent === undefined ? undefined : await unit.head(head.parent.id);
    const ended = parent === undefined ? undefined : await endedIn(unit, parent);
    return ended === undefined
      ? undefined
      : consentErrors.error('mandate_parent_not_active', `${ended.id}, above it, is ${ended.status}.`);
  }

  async function check(question: MandateQuestion): Promise<MandateAnswer> {
    const stale = view.fresh();
    if (stale !== undefined) await stale;
    const { atLeastVersion = 0 } = question;
    if ((view.find(question.mandate)?.mandate.version ?? 0) < atLeastVersion) {
      await view.refresh();
      if ((view.find(question.mandate)?.mandate.version ?? 0) < atLeastVersion)
        return {
          stands: false,
          reason: 'mandate_not_found',
          detail: `${question.mandate} has no version ${atLeastVersion}.`,
        };
    }
    return answerFrom(view, question);
  }

  return {
    grants: createGrantRegister({ pool, clock, random, audit }),
    withDescendants: (id) => store.withDescendants(id),
    propose,
    accept: (id, { termsHash }, by) => take('accept', id, by, { termsHash }),
    suspend: (id, by, reason) => take('suspend', id, by, { reason }),
    resume: (id, by, reason) => take('resume', id, by, { reason }),
    revoke: (id, by, reason) => take('revoke', id, by, { reason }),
    find: (id) => store.head(id),
    history: (id) => store.history(id),
    list: (institution, page = {}) =>
      store.ofInstitution(institution, page.after, Math.min(page.limit ?? maxListed, maxListed)),
    check,
    stop: () => view.stop(),
  };
}

/** A time at which the proposal would be in effect and the parent is not. */
function datesOutside(parent: Mandate, terms: Terms): string | undefined {
  if (Date.parse(terms.effectiveFrom) < Date.parse(parent.effectiveFrom)) return terms.effectiveFrom;
  return Date.parse(terms.effectiveUntil) > Date.parse(parent.effectiveUntil) ? parent.effectiveUntil : undefined;
}

async function earlierResult(
  unit: Unit,
  earlier: { readonly bodyDigest: string; readonly mandate: MandateId },
  bodyDigest: string,
): Promise<Mandate> {
  if (earlier.bodyDigest !== bodyDigest)
    throw consentErrors.error('idempotency_conflict', 'This idempotency key was used for another proposal.');
  const first = await unit.version(earlier.mandate, 1);
  if (first === undefined) throw new Error('a proposal was made without its mandate');
  return first;
}

function stateFault(step: StepName, head: Mandate, from: readonly Mandate['status'][]): CodedError | undefined {
  if (from.includes(head.status)) return undefined;
  return head.status === 'revoked'
    ? consentErrors.error('mandate_revoked', `The mandate was revoked at ${head.recordedAt}; that is final.`)
    : consentErrors.error('mandate_state', `A mandate that is ${head.status} cannot take the step ${step}.`);
}

function recordOf(
  mandate: Mandate,
  type: 'mandate.proposed' | (typeof steps)[StepName]['record'],
  by: Actor,
  references: RecordDraft['references'],
  reason?: string,
): RecordDraft {
  return {
    id: mandate.recordId,
    type,
    source: 'consent-store',
    outcome: 'done',
    ...(references === undefined || references.length === 0 ? {} : { references }),
    subject: by,
    mandate: { id: mandate.id, version: mandate.version },
    data: { mandate: mandate as unknown as Json, ...(reason === undefined ? {} : { reason }) },
  };
}
