import type { TransactionRegistry } from '@countersign/contracts';
import { createKeyCache } from '@countersign/oauth';
import type pg from 'pg';
import { type ApproveDependencies, approveTransaction } from './approve.ts';
import { factsOf, partiesOf, standingApprovals } from './facts.ts';
import { type OpenDependencies, openTransaction } from './open.ts';
import { createStore } from './store.ts';
import { type TransitionDependencies, transition } from './transition.ts';

type UseCases = OpenDependencies & ApproveDependencies & TransitionDependencies;
export type TransactionRegistryDependencies = Omit<UseCases, 'store' | 'keys'> & { readonly pool: pg.Pool };

/** A page of exceptions. */
const maxListed = 1000;

/** Intents, who approved them, and what became of them: each step once, in order, on authority that stands then. */
export function createTransactionRegistry({
  pool,
  ...collaborators
}: TransactionRegistryDependencies): TransactionRegistry {
  const dependencies: UseCases = {
    ...collaborators,
    store: createStore(pool),
    keys: createKeyCache({ maxKeys: 1024 }),
  };
  const { store, directory, clock } = dependencies;
  return {
    open: (request) => openTransaction(request, dependencies),
    async facts(id) {
      const transaction = await store.find(id);
      if (transaction === undefined) return undefined;
      return factsOf(
        transaction,
        standingApprovals(transaction, await store.approvals(id), directory.snapshot(), clock.now()),
      );
    },
    countsAgainstLimits: (id) => store.counts(id),
    async parties(id) {
      const transaction = await store.find(id);
      return transaction === undefined ? [] : partiesOf(transaction);
    },
    approve: (id, jws) => approveTransaction(id, jws, dependencies),
    transition: (request) => transition(request, dependencies),
    exceptions: (filter) => store.exceptions({ ...filter, limit: maxListed }),
  };
}
