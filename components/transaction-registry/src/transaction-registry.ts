import {
  type CertificateSignatureSettings,
  createStandingCheck,
  hardwareAcr,
  phishingResistantAcr,
  type TransactionRegistry,
} from '@countersign/contracts';
import { createKeyCache } from '@countersign/oauth';
import { createRounds } from '@countersign/runtime';
import type pg from 'pg';
import { transitionAndNotify } from './approval-view.ts';
import { standingApprovals } from './approvals/standing.ts';
import { endApprovalsOf } from './approvals/withdraw-approval.ts';
import { type ApproverDesk, type ApprovingDependencies, createApproving } from './approving.ts';
import { endTransactionsOf } from './departure.ts';
import { resolveException } from './exceptions/resolve.ts';
import { markOverdue, raiseTimeouts } from './exceptions/sweeps.ts';
import { factsOf, knownFacts } from './facts.ts';
import { stepsTakenBy } from './life-cycles/index.ts';
import { type OpenDependencies, openTransaction } from './open.ts';
import { createProvenStore, type Store } from './proof/proven-store.ts';
import { publicException } from './store/exceptions.ts';
import { createRowStore } from './store/store.ts';
import { receiptOf } from './take-step.ts';
import type { TransitionDependencies } from './transition.ts';

type UseCases = OpenDependencies & ApprovingDependencies & TransitionDependencies;
export type TransactionRegistryDependencies = Omit<
  UseCases,
  'store' | 'keys' | 'acrValues' | 'directoryKeys' | 'certificates'
> & {
  /** Authenticator classes that may sign approvals; by default only keys that cannot leave their hardware. */
  readonly acrValues?: readonly string[];
  /**
   * Whether approval keys of the directory count; true by default. Recovery does not replace such a key: remove it
   * there.
   */
  readonly directoryKeys?: boolean;
  /** For approvals signed with certificates; by default those of our own authority, with software keys. */
  readonly certificates?: CertificateSignatureSettings;
  /** Preferably a pool with `byIndexAlone`, so that each connection plans the statements of a step once. */
  readonly pool: pg.Pool;
  readonly sweepEveryMs?: number;
};

export interface TransactionRegistryComponent extends TransactionRegistry {
  readonly desk: ApproverDesk;
  /** Sweeps now. @returns how many exceptions were raised, and how many became overdue */
  sweep(): Promise<{ readonly timeouts: number; readonly overdue: number }>;
  stop(): Promise<void>;
}

type Authority = NonNullable<Awaited<ReturnType<Store['withAuthority']>>>;

const maxListed = 1000;
const sweepSize = 500;

/** Transactions: intents, their approvals and their steps, each taken once, in order and under current authority. */
export function createTransactionRegistry({
  pool,
  sweepEveryMs,
  acrValues = [hardwareAcr],
  directoryKeys = true,
  certificates = { acr: phishingResistantAcr, maxStatusAgeMs: 600_000, partners: [] },
  ...collaborators
}: TransactionRegistryDependencies): TransactionRegistryComponent {
  const dependencies: UseCases = {
    ...collaborators,
    store: createProvenStore({
      rows: createRowStore(pool),
      log: collaborators.audit,
      check: createStandingCheck({
        log: collaborators.audit,
        source: 'transaction-registry',
        clock: collaborators.clock,
        random: collaborators.random,
      }),
    }),
    keys: createKeyCache({ maxKeys: 1024 }),
    acrValues,
    directoryKeys,
    certificates,
  };
  const { store, clock, logger } = dependencies;
  const factsFor = async ({ transaction, approvals, permitted }: Authority) => {
    const [now, directory] = [clock.now(), dependencies.directory.snapshot()];
    const known = await knownFacts(transaction, { ...store, permitted: async () => permitted }, { directory, now });
    return factsOf(transaction, await standingApprovals(transaction, approvals, now, dependencies), known);
  };
  const sweep = async () => {
    await store.forgetAwaited(clock.now(), sweepSize);
    return {
      timeouts: await raiseTimeouts(sweepSize, dependencies),
      overdue: await markOverdue(sweepSize, dependencies),
    };
  };
  const sweeping =
    sweepEveryMs === undefined
      ? undefined
      : createRounds({ what: 'checking time-outs of partners', work: sweep, logger, everyMs: sweepEveryMs });
  return {
    async open(request) {
      const { transaction, isNew } = await openTransaction(request, dependencies);
      const { id, intentDigest, state, openedRecordId: recordId } = transaction;
      const found = isNew ? { transaction, approvals: [], permitted: undefined } : await store.withAuthority(id);
      if (found === undefined) throw new Error('an opened transaction does not exist');
      return { id, intentDigest, state, recordId, facts: await factsFor(found) };
    },
    async facts(id) {
      const found = await store.withAuthority(id);
      return found === undefined ? undefined : factsFor(found);
    },
    async history(id) {
      return (await store.transitions(id)).map((step) => receiptOf(step, false));
    },
    countsAgainstLimits: (id) => store.counts(id),
    async parties(id) {
      return (await store.find(id))?.parties ?? [];
    },
    async stepsOf(id, institution) {
      const transaction = await store.find(id);
      return transaction?.parties.includes(institution) === true ? stepsTakenBy(transaction, institution) : undefined;
    },
    ...createApproving(dependencies),
    transition: (request) => transitionAndNotify(request, dependencies),
    async exceptions(filter) {
      return (await store.exceptions({ ...filter, limit: maxListed })).map(publicException);
    },
    resolveException: (id, resolution, by) => resolveException(id, resolution, by, dependencies),
    async endAuthorityOf(principal, kind, by, reason) {
      const approvals = await endApprovalsOf(principal, by, reason, dependencies);
      const running = kind === 'leave' ? await endTransactionsOf(principal, by, reason, dependencies) : 0;
      return { ended: approvals + running };
    },
    sweep,
    async stop() {
      await sweeping?.stop();
    },
  };
}
