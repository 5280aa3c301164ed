import type { Actor, AuditAppender } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import type pg from 'pg';
import { createPolicyEngine, type PolicyEngineDependencies } from './policy-engine.ts';
import { readPolicySet } from './policy-set.ts';
import { publishPolicySet } from './publish.ts';
import { createLimitStore, createPolicyStore } from './store.ts';

export { policyEngineRoutes } from './http.ts';
export { createPolicySet, type PolicySet, readPolicySet } from './policy-set.ts';

export const policyEngineMigrations = {
  name: 'policy-engine',
  schema: 'policy_engine',
  role: 'countersign_policy_engine',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'full',
} as const;

/** The policies this release ships. */
export const shippedPolicies = new URL('../policies/', import.meta.url);

/** Starts the engine on the policies of a folder, publishing them first if they differ from the active ones. */
export async function startPolicyEngine(
  dependencies: Omit<PolicyEngineDependencies, 'policySet' | 'version' | 'limitStore'> & {
    readonly pool: pg.Pool;
    readonly policiesFolder?: URL;
    readonly publisher: Actor;
    readonly audit: AuditAppender;
    readonly clock: Clock;
    readonly random: Random;
  },
) {
  const { pool, policiesFolder = shippedPolicies, publisher, ...rest } = dependencies;
  const policySet = await readPolicySet(policiesFolder);
  const version = await publishPolicySet(policySet, publisher, { store: createPolicyStore(pool), ...rest });
  return createPolicyEngine({ ...rest, policySet, version, limitStore: createLimitStore(pool) });
}
