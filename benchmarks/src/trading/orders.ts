import { randomUUID } from 'node:crypto';
import {
  type AuditAppender,
  type ConsentStore,
  type Mandate,
  type MandateProposal,
  permittedAt,
  permittedIntent,
  standing,
  type TransactionEvent,
  type TransactionRegistry,
  type TransitionReceipt,
} from '@countersign/contracts';
import { digestOf, newId, systemClock, systemRandom, type TransactionId } from '@countersign/kernel';
import { parseAuthorizationDetails, type TradeOrder } from '@countersign/market';
import { performed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import { type House, houses, reporter, signatory, venueNames } from './firms.ts';
import type { TradingSite } from './trading-site.ts';

/** The life of an order, up to its good end. */
export const orderSteps = ['submit', 'execute', 'clear', 'settle'] as const satisfies readonly TransactionEvent[];
export type OrderStep = (typeof orderSteps)[number];

/** An order that has its transaction. */
export interface OpenOrder {
  readonly id: TransactionId;
  readonly house: House;
}

/** Small, so that a day of measuring uses up nobody's limits. */
const quantity = '100';
const price = { amount: '1', ccy: 'EUR' };

/** An order of a house under its mandate, as an authorization detail; each of them another intent. */
export function tradeOrder(house: Omit<House, 'client' | 'traders'>, mandate: string, index: number): TradeOrder {
  const number = randomUUID();
  const parsed = parseAuthorizationDetails([
    {
      type: 'urn:countersign:rar:v1:trade_order',
      actions: ['create', 'execute', 'clear', 'settle'],
      locations: ['https://venue.example/orders'],
      entity_lei: house.arranger,
      mandate_id: mandate,
      idempotency_key: `order-${number}`,
      client_order_id: `C-${number.slice(0, 8)}`,
      not_after: '2099-12-31T17:30:00Z',
      jurisdiction: 'DE',
      account: house.account,
      instrument: { isin: 'DE000EXMPL17', cfi: 'DBFTFB' },
      venue_mic: pick(venueNames, index),
      side: 'BUY',
      max_qty: quantity,
      limit_price: price,
      max_notional: { amount: quantity, ccy: 'EUR' },
      tif: 'DAY',
      capacity: 'AOTC',
      parties: [
        { role: 'ExecutingBroker', lei: house.broker },
        { role: 'ExecutionFacility', lei: house.venue },
        { role: 'ClearingFirm', lei: house.clearing },
        { role: 'Custodian', lei: house.custodian },
      ],
    },
  ]);
  const detail = parsed.ok ? parsed.value[0] : undefined;
  if (detail?.type !== 'urn:countersign:rar:v1:trade_order')
    throw new Error(parsed.ok ? 'an order that is none' : `${parsed.path}: ${parsed.detail}`);
  return detail;
}

/** The order numbered so, with its token for the broker: houses take turns, and in each house its traders. */
export async function openOrder(
  { registry, auditLog }: { readonly registry: TransactionRegistry; readonly auditLog: AuditAppender },
  mandates: ReadonlyMap<House, Mandate>,
  index: number,
): Promise<OpenOrder> {
  const [house, mandate] = pick([...mandates], index);
  const { id, version, recordId } = mandate;
  const initiator = { id: pick(house.traders, Math.floor(index / mandates.size)), institution: house.arranger };
  const { client } = reporter(house.arranger);
  const opened = await registry.open({
    detail: tradeOrder(house, id, index),
    mandate: { id, version, recordId },
    initiator,
    client,
  });
  // What the authorization server records of the token: the first step rests on it.
  const token = newId('record', { clock: systemClock, random: systemRandom });
  await auditLog.append({
    id: token,
    type: 'token.issued',
    source: 'authorization-server',
    outcome: 'permit',
    subject: initiator,
    client,
    transaction: opened.id,
    intent: opened.intentDigest,
    references: [opened.recordId],
    authentication: { method: 'jwt-bearer', acr: 'phr', authTime: Math.floor(systemClock.now() / 1000) },
    standing: [permittedIntent(opened.id), permittedAt(opened.id, house.broker)].map((name) =>
      standing(name, { record: token }),
    ),
    data: {},
  });
  return { id: opened.id, house };
}

/** Carries an order on by one step, reported by whose step it is. */
export function takeStep(
  registry: TransactionRegistry,
  { id, house }: OpenOrder,
  step: OrderStep,
): Promise<TransitionReceipt> {
  const { by, body } = reports[step];
  return registry.transition({
    transaction: id,
    event: step,
    idempotencyKey: `${step}-${id}`,
    body,
    by: reporter(house[by]),
  });
}

const reports = {
  submit: { by: 'broker', body: {} },
  execute: { by: 'venue', body: { executed_qty: quantity, price } },
  clear: { by: 'clearing', body: { cleared_qty: quantity } },
  settle: { by: 'custodian', body: { settled_qty: quantity } },
} as const;

/** Callers at once where nothing is measured. */
const besides = 32;

/** Orders of a site: opened as they are wanted, each numbered on from the last. */
export interface OrderBook {
  open(count: number): Promise<readonly OpenOrder[]>;
  /** Opens orders and carries them on, up to this step or to their end. */
  carried(count: number, until?: OrderStep): Promise<readonly OpenOrder[]>;
}

/** Begins with the mandates that the orders are placed under. */
export async function createOrderBook(site: TradingSite): Promise<OrderBook> {
  const { consentStore, registry } = site;
  const mandates: ReadonlyMap<House, Mandate> = await giveMandates(consentStore);
  let opened = 0;
  const open = async (count: number): Promise<readonly OpenOrder[]> => {
    const orders: OpenOrder[] = [];
    const numbers = Array.from({ length: count }, () => opened++);
    await performed(besides, numbers, async (number) => orders.push(await openOrder(site, mandates, number)));
    return orders;
  };
  return {
    open,
    async carried(count, until = 'settle') {
      const orders = await open(count);
      for (const step of orderSteps.slice(0, orderSteps.indexOf(until) + 1))
        await performed(besides, orders, (order) => takeStep(registry, order, step));
      return orders;
    },
  };
}

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
