import { randomUUID } from 'node:crypto';
import type { ConsentStore, Mandate, MandateProposal } from '@countersign/contracts';
import { digestOf } from '@countersign/kernel';
import { type House, houses, signatory, venueNames } from './firms.ts';

/** What every mandate of the benchmarks allows, for as long as anybody measures. */
export const constraints = {
  actions: ['order:create', 'order:cancel', 'settlement:instruct'],
  productClasses: ['DB', 'ES'],
  venues: venueNames,
  jurisdictions: ['DE'],
  notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
  notionalPerDay: { amount: '100000000000', ccy: 'EUR' },
  delegationDepth: 1,
} as const;

const day = 86_400_000;
/** What is cut from a mandate ends with it. */
const began = Date.now();
const termsHash = digestOf('the terms of the benchmark');

/** Proposed by one's signatory and accepted by the other's. */
export async function given(
  consentStore: ConsentStore,
  parties: Pick<MandateProposal, 'grantor' | 'grantee'>,
  terms: Pick<MandateProposal, 'constraints' | 'parent'>,
): Promise<Mandate> {
  const { grantor, grantee } = parties;
  const proposal: MandateProposal = {
    ...parties,
    ...terms,
    legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17, annex B' },
    termsHash,
    effectiveFrom: new Date(began - day).toISOString(),
    effectiveUntil: new Date(began + 300 * day).toISOString(),
  };
  const { id } = await consentStore.propose(proposal, signatory(grantor.lei), randomUUID());
  return consentStore.accept(id, { termsHash }, signatory(grantee.lei));
}

/** Each client's mandate to its house, and the one cut from it for the firm that clears. */
export async function giveMandates(consentStore: ConsentStore): Promise<ReadonlyMap<House, Mandate>> {
  const mandates = new Map<House, Mandate>();
  for (const house of houses) {
    const { client, arranger, clearing, account } = house;
    const own = { ...constraints, accounts: [account] };
    const broker = { lei: arranger, role: 'ArrangingBroker' };
    const root = await given(
      consentStore,
      { grantor: { lei: client, role: 'Client' }, grantee: broker },
      { constraints: own },
    );
    await given(
      consentStore,
      { grantor: broker, grantee: { lei: clearing, role: 'ClearingFirm' } },
      { constraints: { ...own, delegationDepth: 0 }, parent: root.id },
    );
    mandates.set(house, root);
  }
  return mandates;
}
