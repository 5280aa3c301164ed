import type { MandateId } from '@countersign/kernel';
import { leis } from '../../testing/firms.ts';
import type { WorkflowWorld } from './workflow-world.ts';

/** An order of the trader, executed for 810,000 EUR: small enough to need no approval. @returns its transaction */
export async function executedTrade(world: WorkflowWorld, mandate: MandateId): Promise<string> {
  const terms = { max_qty: '8000', max_notional: { amount: '810000', ccy: 'EUR' } };
  const { transaction } = await world.begin('trader', 'order:create', world.intents.order(mandate, terms));
  await world.step('brk-orders', 'submit', transaction, { scope: 'order:create' });
  await world.step('ven-matching', 'execute', transaction, {
    scope: 'trade:affirm',
    body: { executed_qty: '8000', price: { amount: '101.25', ccy: 'EUR' } },
  });
  return transaction;
}

/** Who proposes a destination at each firm, who approve it in turn, and who activates it. */
const bookkeepers = {
  arranger: { proposer: 'treasurer', approvers: ['firstOperator', 'complianceOfficer'], control: 'releaser' },
  custodian: {
    proposer: 'cus-settlements',
    approvers: ['custodiansOperator', 'custodiansCompliance'],
    control: 'cus-control',
  },
} as const;

export interface BookedAccount {
  readonly lei: string;
  readonly account: string;
}

/** Proposes an account for the address book of a firm, and has it approved and activated. @returns its entry */
export async function bookAccount(
  world: WorkflowWorld,
  firm: keyof typeof bookkeepers,
  { lei, account }: BookedAccount,
  mandate: MandateId,
): Promise<string> {
  const { proposer, approvers, control } = bookkeepers[firm];
  const detail = world.intents.address(mandate, {
    entity_lei: leis[firm],
    asset: undefined,
    chain_id: undefined,
    address: undefined,
    account,
    place_of_settlement: 'CEDELULLXXX',
    beneficiary_lei: lei,
    cooling_off_until: new Date(world.clock.now()).toISOString(),
  });
  const begun = await world.begin(proposer, 'withdrawal-address:propose', detail);
  await world.carry(begun, 'propose');
  const scope = 'withdrawal-address:approve';
  for (const approver of approvers) await world.approve(approver, begun, { scope });
  for (const event of ['approve', 'activate']) await world.step(control, event, begun.transaction, { scope });
  return begun.transaction;
}
