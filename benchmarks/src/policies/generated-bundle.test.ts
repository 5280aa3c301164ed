import { loadBundle, readBundleFolder, shippedPolicies } from '@countersign/policy-engine';
import { describe, expect, it } from 'vitest';
import { generatedBundle, permittingPolicy, relevantOf } from './generated-bundle.ts';

describe('the policies of the benchmark', () => {
  it.each([10, 200])('are %i valid policies, with a fixed share for orders', async (policies) => {
    const { parsed } = loadBundle(generatedBundle(await readBundleFolder(shippedPolicies), policies));
    expect(parsed.policies).toHaveLength(policies);
    expect(new Set(parsed.policies.map(({ text }) => text.replace(/@\w+\("[^"]*"\)/g, ''))).size).toBeGreaterThan(
      policies / 3,
    );
    const forOrders = parsed.policies.filter(({ text }) => text.includes('Action::"order:create"'));
    expect(forOrders).toHaveLength(relevantOf(policies));
    expect(forOrders.filter(({ effect }) => effect === 'permit').map(({ id }) => id)).toEqual([permittingPolicy]);
  });
});
