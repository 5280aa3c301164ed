import { createLoggedCommands } from '@countersign/commands';
import { createCarryingOut } from './carrying-out.ts';
import { type Changes, createChanges } from './changes.ts';
import { createDeciding, createEnding, type Ending } from './deciding.ts';
import type { RetentionDependencies } from './dependencies.ts';
import { createErasures, type Erasures } from './erasures.ts';
import { createHolds, type Holds } from './holds.ts';
import type { RetentionState } from './ledger/fold.ts';
import { createLedger } from './ledger/ledger.ts';
import { createRetentionKinds } from './retention-command.ts';
import { createSimulations, type Simulations } from './simulations.ts';
import { createStore } from './store.ts';

export interface RunningRetention {
  state(): Promise<RetentionState>;
  readonly simulate: Simulations['simulate'];
  readonly changes: Changes;
  readonly holds: Holds;
  readonly erasures: Erasures;
  readonly endProposalsOf: Ending['endProposalsOf'];
  progressOf(id: string): { readonly done: number; readonly of: number } | undefined;
  /** Carries out approved work now; also runs periodically. */
  carryOut(): Promise<void>;
  /** Stops after the current slice. Another node, or the next start, continues. */
  stop(): Promise<void>;
  readonly now: () => number;
}

/** All state is derived from the log. */
export function createRetention(dependencies: RetentionDependencies): RunningRetention {
  const { pool, clock, everyMs = 30_000 } = dependencies;
  const store = createStore(pool);
  const ledger = createLedger(dependencies);
  const kinds = createRetentionKinds(store, () => ledger.current());
  const commands = createLoggedCommands({ pool, log: dependencies.audit, source: 'retention', clock });
  const common = { ...dependencies, kinds, commands, ledger };
  const carryingOut = createCarryingOut({ ...common, everyMs });
  const simulations = createSimulations({ ...dependencies, store, ledger });
  const ending = createEnding(common);
  const deciding = createDeciding({ ...dependencies, ending });
  const shared = { ...common, deciding, begin: () => carryingOut.begin() };
  carryingOut.begin();
  return {
    state: () => ledger.current(),
    simulate: (wanted, by) => simulations.simulate(wanted, by),
    changes: createChanges({ ...shared, simulations }),
    holds: createHolds(common),
    erasures: createErasures(shared),
    endProposalsOf: ending.endProposalsOf,
    progressOf: (id) => carryingOut.progressOf(id),
    carryOut: () => carryingOut.work(),
    stop: () => carryingOut.stop(),
    now: () => clock.now(),
  };
}
