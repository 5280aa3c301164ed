import type { Actor, Mandate, OpenedTransaction, Person, TransactionEvent } from '@countersign/contracts';
import type { TransactionId } from '@countersign/kernel';
import { type Lei, parseAuthorizationDetail, type SettlementInstruction } from '@countersign/market';
import { examples } from '../../../../protocols/market/src/testing/example-details.ts';
import {
  actor,
  broker,
  brokerSignatory,
  clearer,
  constraints,
  custodian,
  fundSignatory,
  personOf,
  rootProposal,
  termsHash,
  venue,
} from '../../../consent-store/src/testing/firms.ts';
import { approvalClaims } from './approver.ts';
import { followsTrade, ofTrade } from './of-trade.ts';
import type { PermittedToken } from './permit.ts';
import { createTradingWorld, supervisor, trader } from './trading-world.ts';

export const firstOperator = { ...personOf(broker, 'olga', 'operations'), desk: 'operations' };
export const secondOperator = { ...personOf(broker, 'omar', 'operations'), desk: 'operations' };
export const thirdOperator = { ...personOf(broker, 'oona', 'operations'), desk: 'operations' };
/** Neither initiates nor approves: releases and activates. */
export const releaser = personOf(broker, 'rita', 'operator');
export const complianceOfficer = { ...personOf(broker, 'cora', 'compliance'), desk: 'compliance' };
export const riskOfficer = personOf(broker, 'rolf', 'risk');

export const token = 'X9J9K872S';
const actions = [
  'order:create',
  'order:cancel',
  'rfq:create',
  'rfq:accept',
  'allocation:propose',
  'trade:affirm',
  'settlement:instruct',
  'collateral:transfer',
  'withdrawal:request',
  'withdrawal-address:propose',
  'report:submit',
  'report:correct',
];
export const everything = {
  ...constraints,
  actions,
  productClasses: ['E', 'D', 'S'],
  jurisdictions: ['DE'],
  notionalPerOrder: { amount: '500000', ccy: 'EUR' },
  assets: [{ asset: { dti: token }, perOrder: '100', perDay: '150' }],
};

/** The members that an account in the address book leaves out. */
export const noAddress = { asset: undefined, chain_id: undefined, address: undefined, memo: undefined };

const noTrade = 'txn_00000000000000000000000000' as TransactionId;

export type Kind = keyof typeof examples;

/** How this world's intents differ from the examples: known firms, and amounts in the currency of its mandates. */
const own: Readonly<Record<Kind, Readonly<Record<string, unknown>>>> = {
  trade_order: {},
  rfq: {
    algo: undefined,
    venue_mic: 'XETR',
    quote_id: undefined,
    quote_expiry: undefined,
    limit_price: { amount: '120', ccy: 'EUR' },
    max_notional: { amount: '120000', ccy: 'EUR' },
    parties: [],
    counterparties_lei: [clearer, custodian],
  },
  allocation: {},
  clearing_submission: {},
  settlement_instruction: {},
  collateral_transfer: {},
  address_book_change: { cooling_off_until: '2026-06-16T10:00:00Z' },
  withdrawal: {},
  regulatory_report: { tr_lei: venue },
  privileged_admin: {},
};

/** The trading world with control functions, and a mandate for every kind of intent. */
export async function createLivesWorld() {
  const world = await createTradingWorld();
  for (const person of [firstOperator, secondOperator, thirdOperator, releaser, riskOfficer, complianceOfficer])
    world.directory.principals.set(person.id, person);

  async function grant(changes: Parameters<typeof rootProposal>[0] = {}): Promise<Mandate> {
    const proposed = await world.consentStore.propose(
      rootProposal({ constraints: everything, ...changes }),
      actor(fundSignatory),
      world.next('proposal'),
    );
    return world.consentStore.accept(proposed.id, { termsHash }, actor(brokerSignatory));
  }

  /** An executed order of the broker's trader: 800 at 119.5 EUR. */
  async function executedOrder(
    changes: Readonly<Record<string, unknown>> = {},
    body?: Readonly<Record<string, unknown>>,
  ): Promise<TransactionId> {
    const { id } = await world.open(await grant(), changes);
    await world.report(id, 'submit');
    await world.report(id, 'execute', body === undefined ? {} : { body });
    return id;
  }

  const booked = new Set<string>();
  /** Adds the receiver of a settlement to the address book, as an active entry. */
  async function bookReceiver({ receiver, place_of_settlement: place, entity_lei, dti }: SettlementInstruction) {
    const key = JSON.stringify([receiver, place, entity_lei, dti]);
    if (booked.has(key)) return;
    booked.add(key);
    await activeAddress({
      ...(receiver.account === undefined
        ? { asset: { dti }, chain_id: place, address: receiver.address }
        : { ...noAddress, account: receiver.account, place_of_settlement: place }),
      memo: undefined,
      beneficiary_lei: receiver.lei,
      entity_lei,
    });
  }

  /**
   * An intent of this kind, initiated by the broker's trader for the broker. An intent that follows a trade uses a newly
   * executed order unless `changes` name a trade; in that case the receiver of a settlement is added to the address book.
   */
  async function begin(
    kind: Kind,
    changes: Readonly<Record<string, unknown>> = {},
    mandate?: Mandate,
    initiator: Actor = actor(trader),
  ): Promise<OpenedTransaction & { readonly root: Mandate }> {
    const begun = await refused(kind, changes, mandate, initiator);
    await begun.permit();
    return begun;
  }

  /** The same, before any token was permitted. */
  async function refused(
    kind: Kind,
    changes: Readonly<Record<string, unknown>> = {},
    mandate?: Mandate,
    initiator: Actor = actor(trader),
  ) {
    const root = mandate ?? (await grant());
    const stated = {
      ...examples[kind],
      ...own[kind],
      ...(await tradesFor(kind, changes)),
      mandate_id: root.id,
      entity_lei: broker,
      idempotency_key: world.next('intent'),
      not_after: '2026-06-30T18:00:00Z',
      ...changes,
    };
    // Undefined members are left out, as in JSON.
    const parsed = parseAuthorizationDetail(JSON.parse(JSON.stringify(stated)));
    if (!parsed.ok) throw new Error(`${parsed.path}: ${parsed.detail}`);
    if (parsed.value.type === 'urn:countersign:rar:v1:settlement_instruction' && changes['trade_id'] === undefined)
      await bookReceiver(parsed.value);
    const request = {
      detail: parsed.value,
      mandate: { id: root.id, version: root.version, recordId: root.recordId },
      initiator,
      client: 'broker-oms',
    };
    const opened = await world.registry.open(request);
    return {
      ...opened,
      root,
      permit: (token: Partial<PermittedToken> = {}) => world.permit({ ...request, transaction: opened, ...token }),
    };
  }

  async function tradesFor(kind: Kind, changes: Readonly<Record<string, unknown>>) {
    if (!followsTrade.includes(kind)) return {};
    const { entity_lei } = changes;
    // A trade named in `changes` replaces this one.
    const named = 'trade_id' in changes || 'trade_ids' in changes;
    const trade = named ? noTrade : await executedOrder(entity_lei === undefined ? {} : { entity_lei });
    return ofTrade(kind, trade);
  }

  function step(
    transaction: TransactionId,
    event: TransactionEvent,
    by: { readonly person?: Person; readonly institution?: Lei; readonly on?: typeof world.registry } = {},
    body: Readonly<Record<string, unknown>> = {},
    key = world.next(event),
  ) {
    const who: Actor = by.person === undefined ? { id: 'service:reporter' } : { id: by.person.id };
    return (by.on ?? world.registry).transition({
      transaction,
      event,
      idempotencyKey: key,
      body,
      by: { ...who, institution: by.institution ?? by.person?.institution ?? broker, client: 'reporter' },
    });
  }

  async function approve(transaction: Pick<OpenedTransaction, 'id' | 'intentDigest'>, ...people: readonly Person[]) {
    for (const person of people)
      await world.registry.approve(
        transaction.id,
        world.keyOf(person).sign({ ...approvalClaims(person, transaction, world.clock.now()) }),
      );
  }

  /** An active address in the book. @returns its id, as withdrawals name it */
  async function activeAddress(changes: Readonly<Record<string, unknown>> = {}, mandate?: Mandate): Promise<string> {
    const address = await begin(
      'address_book_change',
      { cooling_off_until: new Date(world.clock.now()).toISOString(), ...changes },
      mandate,
    );
    await step(address.id, 'propose');
    await approve(address, firstOperator, complianceOfficer);
    await step(address.id, 'approve', { person: releaser });
    await step(address.id, 'activate', { person: releaser });
    return address.id;
  }

  return { ...world, grant, executedOrder, begin, refused, step, approve, activeAddress };
}
export type LivesWorld = Awaited<ReturnType<typeof createLivesWorld>>;
export { supervisor, trader };
