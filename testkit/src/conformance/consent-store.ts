import type { Mandate, MandateQuestion } from '@countersign/contracts';
import { newId, systemRandom } from '@countersign/kernel';
import type { Lei, MandateUse } from '@countersign/market';
import { expect, it } from 'vitest';
import type { FixedClock } from '../fixed-clock.ts';
import { suiteOf, type UnderTest } from './suite.ts';

export interface ConsentStoreUnderTest extends UnderTest<'consent-store'> {
  readonly clock: FixedClock;
  /** Active, and not a sub-mandate. */
  readonly mandate: Mandate;
  /** Ids of its sub-mandates. */
  readonly below: readonly Mandate['id'][];
  /** A use that it permits its grantee now. */
  readonly permitted: MandateUse;
  /** An institution that is no party to it. */
  readonly stranger: Lei;
  end(): Promise<unknown>;
}

/** Mandates, for components that rely on them. */
export const describeConsentStore = suiteOf<'consent-store', ConsentStoreUnderTest>('consent-store', {
  check(made) {
    const question = (change: Partial<MandateQuestion> = {}): MandateQuestion => {
      const { mandate, permitted, clock } = made();
      return { mandate: mandate.id, actingFor: mandate.grantee.lei, use: permitted, at: clock.now(), ...change };
    };

    it('permits the grantee a use, and names the mandates that the answer depends on', async () => {
      const { contract, mandate } = made();
      const answer = await contract.check(question());
      expect(answer).toMatchObject({ valid: true, mandate: { id: mandate.id, version: mandate.version } });
      expect(answer.valid && answer.chain.map(({ id }) => id)).toEqual([mandate.id]);
    });

    it('says why it does not', async () => {
      const { contract, mandate, permitted, stranger, clock } = made();
      const reasonOf = async (change: Partial<MandateQuestion>) => {
        const answer = await contract.check(question(change));
        return answer.valid ? 'it stands' : answer.reason;
      };
      const unknown = newId('mandate', { clock, random: systemRandom });
      expect(await reasonOf({ mandate: unknown })).toBe('mandate_not_found');
      expect(await reasonOf({ actingFor: stranger })).toBe('mandate_grantee');
      expect(await reasonOf({ use: { ...permitted, action: 'order:amend' } })).toBe('mandate_action');
      expect(await reasonOf({ at: Date.parse(mandate.effectiveFrom) - 1 })).toBe('mandate_not_effective');
      expect(await reasonOf({ at: Date.parse(mandate.effectiveUntil) })).toBe('mandate_expired');
    });
  },

  find(made) {
    it('returns the newest version, and nothing for an unknown id', async () => {
      const { contract, mandate, clock } = made();
      expect(await contract.find(mandate.id)).toMatchObject({
        ...{ id: mandate.id, version: mandate.version, status: 'active', digest: mandate.digest },
      });
      expect(await contract.find(newId('mandate', { clock, random: systemRandom }))).toBeUndefined();
    });
  },

  withDescendants(made) {
    it('returns the mandate with all sub-mandates below it, and nothing for an unknown id', async () => {
      const { contract, mandate, below, clock } = made();
      expect([...(await contract.withDescendants(mandate.id))].sort()).toEqual([mandate.id, ...below].sort());
      expect(await contract.withDescendants(newId('mandate', { clock, random: systemRandom }))).toEqual([]);
    });
  },

  list(made) {
    it('lists those of an institution in any role, by status and end, a page at a time', async () => {
      const { contract, mandate, below, stranger } = made();
      const idsOf = async (of: Parameters<typeof contract.list>[0]) => (await contract.list(of)).map(({ id }) => id);
      for (const { lei } of [mandate.grantor, mandate.grantee])
        expect(await idsOf({ institution: lei })).toEqual(expect.arrayContaining([mandate.id]));
      const institution = mandate.grantee.lei;
      expect(await idsOf({ institution })).toEqual(expect.arrayContaining([...below]));
      expect(await idsOf({ institution: stranger })).toEqual([]);
      expect(await idsOf({ institution, status: 'proposed' })).not.toContain(mandate.id);
      expect(await idsOf({ institution, kind: 'instruction' })).not.toContain(mandate.id);
      const ends = Date.parse(mandate.effectiveUntil);
      expect(await idsOf({ institution, endingBefore: ends })).not.toContain(mandate.id);
      expect(await idsOf({ institution, endingBefore: ends + 1 })).toContain(mandate.id);
      const whole = await idsOf({ institution });
      const [first] = whole;
      if (first === undefined) throw new Error('there is none');
      expect(await idsOf({ institution, limit: 1 })).toEqual([first]);
      expect(await idsOf({ institution, after: first })).toEqual(whole.slice(1));
    });

    it('shows a mandate as ended at once after its revocation, like every other method', async () => {
      const { contract, mandate, permitted, clock, end } = made();
      await end();
      const institution = mandate.grantee.lei;
      expect((await contract.list({ institution, status: 'revoked' })).map(({ id }) => id)).toContain(mandate.id);
      expect(await contract.find(mandate.id)).toMatchObject({ status: 'revoked' });
      expect(
        await contract.check({ mandate: mandate.id, actingFor: institution, use: permitted, at: clock.now() }),
      ).toMatchObject({ valid: false, reason: 'mandate_revoked' });
    });
  },
});
