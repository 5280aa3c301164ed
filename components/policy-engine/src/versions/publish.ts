import type { Actor, AuditAppender, PolicyVersion } from '@countersign/contracts';
import { type Clock, newId, type Random, toInstant } from '@countersign/kernel';
import type { PolicySet } from './policy-set.ts';
import type { PolicyStore } from './store.ts';

/**
 * Makes a policy set the active version, unless it is already: the record first, with the text of every policy,
 * so that any later decision can be read beside the rules it was made by.
 */
export async function publishPolicySet(
  policySet: PolicySet,
  by: Actor,
  from: { readonly store: PolicyStore; readonly audit: AuditAppender; readonly clock: Clock; readonly random: Random },
): Promise<PolicyVersion> {
  for (;;) {
    const latest = await from.store.latest();
    if (latest?.hash === policySet.hash) return latest;
    const recordId = newId('record', from);
    const version = {
      version: (latest?.version ?? 0) + 1,
      hash: policySet.hash,
      publishedAt: toInstant(from.clock.now()),
      recordId,
      schemaText: policySet.schemaText,
      policies: policySet.policies,
    };
    await from.audit.append({
      id: recordId,
      type: 'policy.published',
      source: 'policy-engine',
      outcome: 'done',
      actors: [by],
      policy: { version: version.version, hash: version.hash },
      data: {
        version: version.version,
        hash: version.hash,
        schema: version.schemaText,
        policies: version.policies.map((policy) => ({ ...policy })),
      },
    });
    if (await from.store.insert(version)) return version;
    // Another node was first; if it published the same set, that is the version.
  }
}
