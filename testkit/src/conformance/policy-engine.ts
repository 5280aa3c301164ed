import type { DecisionInput } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { suiteOf, type UnderTest } from './suite.ts';

export interface PolicyEngineUnderTest extends UnderTest<'policy-engine'> {
  readonly permitted: DecisionInput;
  /** An input that is denied. */
  denied(): DecisionInput;
  recorded(): number;
}

/** Decisions, for components that act on them. */
export const describePolicyEngine = suiteOf<'policy-engine', PolicyEngineUnderTest>('policy-engine', {
  decide(made) {
    it('permits by named policies, from an input with the stated digest', async () => {
      const { contract, permitted } = made();
      const decision = await contract.decide(permitted);
      expect(decision).toMatchObject({ decision: true, errors: [], reasons: [], obligations: [] });
      expect(decision.determining.length).toBeGreaterThan(0);
      expect(decision.inputDigest).toBe(digestOf(JSON.parse(decision.inputText)));
      expect([decision.policyVersion, decision.policyRecord]).toEqual([expect.any(Number), expect.any(String)]);
    });

    it('makes a new decision each time, from the same input and by the same policies, without recording it', async () => {
      const { contract, permitted, recorded } = made();
      const before = recorded();
      const [first, second] = [await contract.decide(permitted), await contract.decide(permitted)];
      expect(second.id).not.toBe(first.id);
      for (const member of ['policyVersion', 'policyHash', 'policyRecord', 'entityVersion'] as const)
        expect(second[member]).toBe(first[member]);
      expect(recorded()).toBe(before);
    });

    it('says why it denies', async () => {
      const { contract, denied } = made();
      const decision = await contract.decide(denied());
      expect(decision.decision).toBe(false);
      expect(decision.reasons.length).toBeGreaterThan(0);
      for (const { code, detail } of decision.reasons) expect([code, detail]).not.toContain('');
    });
  },

  declaredDetailTypes(made) {
    it('returns the types with their version, and not again to a caller who has it', async () => {
      const { contract } = made();
      const { version, models } = await contract.declaredDetailTypes({});
      expect(models).toBeDefined();
      expect(await contract.declaredDetailTypes({ since: version })).toEqual({ version });
      expect(await contract.declaredDetailTypes({ since: version - 1 })).toEqual({ version, models });
    });
  },
});
