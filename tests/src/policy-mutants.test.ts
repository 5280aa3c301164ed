import { describe, expect, it } from 'vitest';
import { loadBundle } from '../../components/policy-engine/src/bundle/load-bundle.ts';
import { readBundleFolder } from '../../components/policy-engine/src/bundle/read-folder.ts';
import { shippedPolicies } from '../../components/policy-engine/src/engine.ts';
import { mutate } from './testing/policies/mutation-run.ts';
import { explained } from './testing/policies/survivor-reasons.ts';

/**
 * Errors in a policy must be noticed: one element of one policy is changed at a time (a condition dropped, a comparison
 * flipped, a constant moved), and a policy test or a control rule must fail. Equivalent changes are listed in
 * `policy-mutants.survivors.txt`, which `npx vitest run tests/src/policy-mutants.test.ts -u` rewrites, each under the
 * reason why it decides like the policy (`survivor-reasons.ts`).
 */
describe('the shipped policies, with one element changed,', () => {
  it('are detected as wrong, except those that are listed', { timeout: 900_000 }, async () => {
    const { mutants, survivors } = mutate(loadBundle(await readBundleFolder(shippedPolicies)));
    const share = 1 - survivors.length / mutants;
    process.stdout.write(`${mutants} mutants of the shipped policies, ${(100 * share).toFixed(1)} % noticed\n`);
    expect(mutants).toBeGreaterThan(1_400);
    expect(share).toBeGreaterThanOrEqual(0.95);
    await expect(explained(survivors)).toMatchFileSnapshot('policy-mutants.survivors.txt');
  });
});
