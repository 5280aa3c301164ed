import type { Actor, ConsentStore, Mandate, MandateProposal } from '@countersign/contracts';
import type { MandateUse } from '@countersign/market';
import {
  actor,
  brokerSignatory,
  childProposal,
  clearerSignatory,
  fundSignatory,
  rootProposal,
  termsHash,
} from './firms.ts';

export const byFund = actor(fundSignatory);
export const byBroker = actor(brokerSignatory);
export const byClearer = actor(clearerSignatory);

let keys = 0;
export const newKey = () => `given-${++keys}`;

/** Fund to broker, accepted. */
export async function givenRoot(store: ConsentStore, changes: Partial<MandateProposal> = {}): Promise<Mandate> {
  const { id } = await store.propose(rootProposal(changes), byFund, newKey());
  return store.accept(id, { termsHash }, byBroker);
}

/** Broker to clearing firm, a sub-mandate of `parent`, accepted; to another firm if `by` signs for it. */
export async function givenChild(
  store: ConsentStore,
  parent: string,
  changes: Partial<MandateProposal> = {},
  by: Actor = byClearer,
): Promise<Mandate> {
  const { id } = await store.propose(childProposal(parent, changes), byBroker, newKey());
  return store.accept(id, { termsHash }, by);
}

/** A use that every mandate of these tests permits. */
export function permittedUse(at: number, changes: Readonly<Record<string, unknown>> = {}): MandateUse {
  return {
    action: 'settlement:instruct',
    cfi: 'ESVUFR',
    venue: 'XETR',
    jurisdiction: 'DE',
    accounts: ['FUND-1'],
    counterparties: [],
    notional: { amount: '1000', ccy: 'EUR' },
    quantity: '10',
    at,
    ...changes,
  } as unknown as MandateUse;
}
