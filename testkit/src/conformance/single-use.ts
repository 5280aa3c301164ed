import type { SingleUse, SingleUseClaim } from '@countersign/contracts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { codeOf } from '../code-of.ts';
import type { FixedClock } from '../fixed-clock.ts';

export interface SingleUseUnderTest {
  readonly nodes: readonly [SingleUse, ...SingleUse[]];
  readonly clock: FixedClock;
  /** Makes the storage of claims unreachable from now on. */
  breakDown(): Promise<unknown>;
  repair(): Promise<unknown>;
  close(): Promise<unknown>;
}

/** The contract of single use, for every implementation. */
export function describeSingleUse(name: string, make: () => Promise<SingleUseUnderTest>): void {
  describe(`the contract of single use, implemented by ${name}`, () => {
    let made: SingleUseUnderTest;
    beforeAll(async () => {
      made = await make();
    });
    afterAll(() => made.close());

    const claim = (id: string, change: Partial<SingleUseClaim> = {}): SingleUseClaim => ({
      ...{ purpose: 'client-assertion', issuer: 'oms', id, expiresAt: made.clock.now() + 60_000 },
      ...change,
    });

    it('gives one of many concurrent claims the id, and later ones nothing', async () => {
      const { nodes } = made;
      const outcomes = await Promise.all(
        Array.from({ length: 60 }, (_, number) => nodes[number % nodes.length]?.claim(claim('same'))),
      );
      expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(1);
      expect(outcomes.filter((outcome) => outcome === 'replayed')).toHaveLength(59);
      expect(await nodes[0].claim(claim('same'))).toBe('replayed');
    });

    it('separates purposes and issuers, also when their concatenated texts are equal', async () => {
      const [only] = made.nodes;
      for (const [id, change] of [
        ['jti', {}],
        ['jti', { purpose: 'dpop-proof' }],
        ['jti', { issuer: 'oms2' }],
        ['2jti', {}],
        ['', { issuer: 'omsjti' }],
      ] as const)
        expect([id, await only.claim(claim(id, change))]).toEqual([id, 'claimed']);
      expect(await only.claim(claim('jti'))).toBe('replayed');
    });

    it('accepts an id of any length and any characters', async () => {
      const [only] = made.nodes;
      for (const id of ['x'.repeat(10_000), 'ключ', '"],["', '\u0000']) {
        expect(await only.claim(claim(id))).toBe('claimed');
        expect(await only.claim(claim(id))).toBe('replayed');
      }
    });

    it('keeps a claim to its end', async () => {
      const [only] = made.nodes;
      const used = claim('to its end');
      expect(await only.claim(used)).toBe('claimed');
      made.clock.advance(59_999);
      expect(await only.claim(used)).toBe('replayed');
    });

    it('refuses a claim that ends later than any correct clock allows: the clock was set back', async () => {
      const [only] = made.nodes;
      const checked = claim('checked before the step', { expiresAt: made.clock.now() + 300_000 });
      made.clock.advance(-3_600_000);
      expect(await codeOf(only.claim(checked))).toBe('clock_stepped_back');
      made.clock.advance(3_600_000);
      expect(await only.claim(checked)).toBe('claimed');
    });

    it('answers neither claimed nor replayed while claims cannot be stored', async () => {
      const [only] = made.nodes;
      expect(await only.claim(claim('before the fault'))).toBe('claimed');
      await made.breakDown();
      expect(await codeOf(only.claim(claim('during the fault')))).toBe('database_unavailable');
      expect(await codeOf(only.claim(claim('before the fault')))).toBe('database_unavailable');
      await made.repair();
      expect(await only.claim(claim('before the fault'))).toBe('replayed');
      expect(await only.claim(claim('after the fault'))).toBe('claimed');
    });
  });
}
