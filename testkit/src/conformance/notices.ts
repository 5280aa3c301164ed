import type { Notices, PrincipalId } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { suiteOf, type UnderTest } from './suite.ts';

export interface NoticesUnderTest extends UnderTest<'notices'> {
  readonly to: PrincipalId;
  readonly institution: string;
  /** Number of accepted notices, sent or not. */
  taken(): Promise<number>;
}

export const describeNotices = suiteOf<'notices', NoticesUnderTest>('notices', {
  notify(made) {
    const notice = (): Parameters<Notices['notify']>[0] => ({
      id: newId('notice', { clock: systemClock, random: systemRandom }),
      to: made().to,
      kind: 'authenticator-added',
      text: 'A security key was added to your account.',
      facts: { name: 'Blue key' },
    });

    it('accepts a notice once for each id, also when it arrives twice at once', async () => {
      const { contract, taken } = made();
      const before = await taken();
      const told = notice();
      await contract.notify(told);
      await contract.notify(told);
      expect(await taken()).toBe(before + 1);
      const another = notice();
      await Promise.all([contract.notify(another), contract.notify(another)]);
      expect(await taken()).toBe(before + 2);
    });

    it('accepts a notice for a role of an institution, and one without facts', async () => {
      const { contract, institution, taken } = made();
      const before = await taken();
      const { facts: _, ...told } = notice();
      await contract.notify({ ...told, to: { role: 'security', institution } });
      expect(await taken()).toBe(before + 1);
    });
  },
});
