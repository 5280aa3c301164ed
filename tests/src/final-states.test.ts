import { readBundleFolder, shippedPolicies } from '@countersign/policy-engine';
import { describe, expect, it } from 'vitest';
import { lifeCycles } from '../../components/transaction-registry/src/life-cycles/index.ts';

// The policies give no new token for an intent in a final state; the registry defines which states are final.

const reports = 'urn:countersign:rar:v1:regulatory_report';

describe('the policies and the life cycles', () => {
  it.each(Object.values(lifeCycles).map((cycle) => [cycle.name, cycle] as const))(
    'agree on which states of %s are final',
    async (_, { states, intentType }) => {
      const { entities } = await readBundleFolder(shippedPolicies);
      const classes = entities as unknown as readonly {
        readonly uid: { readonly type: string; readonly id: string };
        readonly attrs: { readonly states?: readonly string[] };
      }[];
      const over = classes.find(({ uid }) => uid.type === 'StateClass' && uid.id === 'over')?.attrs.states ?? [];
      // A report that was accepted or rejected can be corrected: `closed-intent-gets-no-token` names both.
      const correctable = intentType === reports ? ['accepted', 'rejected'] : [];
      const names = Object.keys(states);
      const final = Object.entries(states).flatMap(([name, { final }]) => (final === true ? [name] : []));
      expect(names.filter((name) => over.includes(name) && !correctable.includes(name)).sort()).toEqual(final.sort());
    },
  );
});
