import { createCommands } from '@countersign/commands';
import {
  type AuditLog,
  type ConsentStore,
  createStandingCheck,
  type Directory,
  type MandateAnswer,
  type MandateQuestion,
  type Signer,
} from '@countersign/contracts';
import { type Clock, newId, type Random } from '@countersign/kernel';
import type { ComponentAccess, Logger } from '@countersign/runtime';
import type pg from 'pg';
import { parseChange } from './amendment-proposal.ts';
import { answerFrom } from './chain.ts';
import { compareCopies } from './copies.ts';
import { createGrantRegister } from './grants/grant-register.ts';
import { openLiveView } from './live-view.ts';
import type { MandateSigner } from './mandate-document.ts';
import { defaultNoticeDays, nextCheckAt } from './notices.ts';
import { parseProposal } from './proposal.ts';
import { parseReason } from './reason.ts';
import { createMandateKind } from './recorded-mandate.ts';
import { createSeals } from './seals.ts';
import { createAccept } from './steps/accept.ts';
import { createAcceptAmendment } from './steps/accept-amendment.ts';
import { createAmend } from './steps/amend.ts';
import { createChangeStatus } from './steps/change-status.ts';
import { requireIdempotencyKey } from './steps/earlier-use.ts';
import { createExpire } from './steps/expire.ts';
import { createPropose } from './steps/propose.ts';
import type { ReasonedStep, Step, StepContext } from './steps/step.ts';
import { createWithdrawAmendment } from './steps/withdraw-amendment.ts';
import { createStore } from './store/store.ts';
import { unitOn } from './store/unit.ts';
import { createViewStore } from './store/view-store.ts';
import type { Seals } from './stored-version.ts';
import { type Swept, startSweep } from './sweep.ts';
import { validate } from './validate.ts';

export interface ConsentStoreDependencies {
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find' | 'search' | 'newest'>;
  readonly logger: Logger;
  readonly directory: Pick<Directory, 'snapshot'>;
  /** Signs every version, with keys of the purpose `mandate`. */
  readonly signer: MandateSigner & Pick<Signer, 'publicKeys'>;
  /** Verifies versions when they are read, by digest, signature and log. */
  readonly seals?: Seals;
  /** For the connection that listens for changes made by other nodes. */
  readonly access: ComponentAccess;
  /** How often to poll for changes, in case a notification is lost; 1 s by default. */
  readonly pollEveryMs?: number;
  /** Maximum age of memory for answering checks; 5 s by default. */
  readonly staleAfterMs?: number;
  /** Mandates kept in memory while in use; at most twice as many. 20,000 by default. */
  readonly remembered?: number;
  /** Days before its end at which a mandate's expiry is announced; 30, 7 and 1 by default. */
  readonly noticeDays?: readonly number[];
  /** How often to look for expiring mandates; 15 s by default. */
  readonly sweepEveryMs?: number;
}

const maxListed = 1000;

export interface RunningConsentStore extends ConsentStore {
  /** Expires mandates and records expiry notices now; this also runs periodically. */
  sweep(): Promise<Swept>;
  remembered(): number;
  stop(): Promise<void>;
}

/** Mandates, recorded first, kept in every version and checked from memory; and grants, see `grants/grant-register.ts`. */
export async function createConsentStore(dependencies: ConsentStoreDependencies): Promise<RunningConsentStore> {
  const { pool, clock, random, audit, logger } = dependencies;
  const { noticeDays = defaultNoticeDays, sweepEveryMs = 15_000 } = dependencies;
  const seals = dependencies.seals ?? createSeals(dependencies);
  const store = createStore(pool, seals);
  const view = await openLiveView({ ...dependencies, log: audit, store: createViewStore(pool, seals) });
  const source = 'consent-store';
  const standings = createStandingCheck({ log: audit, source, clock, random });
  const commands = createCommands({ pool, log: audit, check: standings, source, clock });
  const context: StepContext = {
    kind: createMandateKind(seals, ({ effectiveUntil, status }) =>
      nextCheckAt({ until: Date.parse(effectiveUntil), noticed: status !== 'proposed' }, clock.now(), noticeDays),
    ),
    unitOn: (session) => unitOn(session, seals),
    directory: () => dependencies.directory.snapshot(),
    signer: dependencies.signer,
    newRecordId: () => newId('record', { clock, random }),
    committed: view.committed,
  };
  const steps = {
    propose: createPropose(context),
    accept: createAccept(context),
    amend: createAmend(context),
    acceptAmendment: createAcceptAmendment(context),
    withdrawAmendment: createWithdrawAmendment(context),
    suspend: createChangeStatus(context, 'suspend'),
    resume: createChangeStatus(context, 'resume'),
    revoke: createChangeStatus(context, 'revoke'),
    expire: createExpire(context),
  };
  const sweep = startSweep({
    ...{ store, clock, audit, noticeDays, logger },
    everyMs: sweepEveryMs,
    expire: (id) => commands.run(steps.expire, { id }),
  });
  const reasoned =
    <Facts>(step: Step<ReasonedStep, Facts>): ConsentStore['revoke'] =>
    async (id, by, reason) =>
      commands.run(step, { id, by, reason: parseReason(reason) });

  async function check(question: MandateQuestion): Promise<MandateAnswer> {
    const stale = view.fresh();
    if (stale !== undefined) await stale;
    const { mandate, actingFor, atLeastVersion = 0 } = question;
    const known = view.memory.find(mandate)?.mandate.version ?? 0;
    const answer = known < atLeastVersion ? undefined : answerFrom(view.memory, question);
    if (answer !== undefined) return answer;
    const loaded = await view.load(mandate, actingFor);
    if ((loaded.find(mandate)?.mandate.version ?? 0) < atLeastVersion)
      return { valid: false, reason: 'mandate_not_found', detail: `${mandate} has no version ${atLeastVersion}.` };
    const read = answerFrom(loaded, question);
    if (read === undefined) throw new Error('a complete view gave no answer');
    return read;
  }

  return {
    grants: createGrantRegister({ pool, clock, random, audit }),
    withDescendants: (id) => store.withDescendants(id),
    async propose(proposal, by, idempotencyKey) {
      requireIdempotencyKey(idempotencyKey);
      return commands.run(steps.propose, { terms: parseProposal(proposal), by, idempotencyKey });
    },
    accept: (id, { termsHash }, by) => commands.run(steps.accept, { id, by, termsHash }),
    async amend(id, proposal, by, idempotencyKey) {
      requireIdempotencyKey(idempotencyKey);
      return commands.run(steps.amend, { id, by, change: parseChange(proposal), idempotencyKey });
    },
    acceptAmendment: (id, { termsDigest }, by) => commands.run(steps.acceptAmendment, { id, by, termsDigest }),
    withdrawAmendment: reasoned(steps.withdrawAmendment),
    suspend: reasoned(steps.suspend),
    resume: reasoned(steps.resume),
    revoke: reasoned(steps.revoke),
    find: (id) => store.head(id),
    history: (id) => store.history(id),
    list: (listing) => store.list(listing, Math.min(listing.limit ?? maxListed, maxListed)),
    check,
    validate: (question) => validate(store, question),
    compareCopies: (institution, copies, by, options) =>
      compareCopies({ store, audit, clock, random }, institution, copies, by, options),
    sweep: () => sweep.now(),
    remembered: () => view.size(),
    async stop() {
      await sweep.stop();
      await view.stop();
    },
  };
}
