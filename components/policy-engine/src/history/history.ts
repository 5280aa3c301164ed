import {
  type AuditAppender,
  type AuditLog,
  type DecisionHistory,
  type PolicyVersions,
  policyErrors,
} from '@countersign/contracts';
import type { Clock, Random, RecordId } from '@countersign/kernel';
import type { Logger } from '@countersign/runtime';
import type pg from 'pg';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { explain } from './explain.ts';
import { createPastBundles, type EntityFacts } from './recall.ts';
import { type DecisionRecord, decisionIn } from './recorded.ts';
import { replay } from './replay.ts';
import { createSimulations } from './simulate.ts';
import { createSimulationStore } from './store.ts';

interface DecisionHistoryDependencies {
  readonly audit: AuditAppender & Pick<AuditLog, 'find' | 'stream' | 'count'>;
  readonly versions: Pick<PolicyVersions, 'bundle'> & {
    current(): { readonly version: { readonly version: number }; readonly loaded: LoadedBundle };
  };
  readonly entityFacts: EntityFacts;
  readonly pool: pg.Pool;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

export function createDecisionHistory(
  dependencies: DecisionHistoryDependencies,
): DecisionHistory & { stop(): Promise<void> } {
  const { audit, versions, entityFacts, pool } = dependencies;
  const simulations = createSimulations({
    ...dependencies,
    store: createSimulationStore(pool),
    active: () => versions.current(),
  });
  const from = { bundles: createPastBundles(versions), entityFacts };

  async function recordOf(id: RecordId): Promise<DecisionRecord> {
    const entry = await audit.find(id);
    if (entry === undefined) throw policyErrors.error('decision_not_found', 'The log has no record with this id.');
    const record = decisionIn(entry.record);
    if (record === undefined)
      throw policyErrors.error(
        'record_without_decision',
        `This record of type ${entry.record.type} holds no decision that can be replayed.`,
      );
    return record;
  }

  return {
    replay: async (id) => replay(await recordOf(id), from),
    explain: async (id) => explain(await recordOf(id), from),
    simulate: (bundle, range, by) => simulations.start(bundle, range, by),
    simulation: (id) => simulations.find(id),
    stop: () => simulations.stop(),
  };
}
