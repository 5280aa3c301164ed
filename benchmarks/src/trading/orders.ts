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
import { newId, systemClock, systemRandom, type TransactionId } from '@countersign/kernel';
import { parseAuthorizationDetails, type TradeOrder } from '@countersign/market';
import { performed } from '../in-process-work.ts';
import { pick } from '../machine-clients.ts';
import { mandateConstraints, mandateTerms, orderPrice, orderQuantity, orderTerms } from '../order-terms.ts';
import { type House, houses, reporter, signatory, venueNames } from './firms.ts';
import type { TradingSite } from './trading-site.ts';

/** The steps of an order from submission to settlement. */
export const orderSteps = ['submit', 'execute', 'clear', 'settle'] as const satisfies readonly TransactionEvent[];
export type OrderStep = (typeof orderSteps)[number];

/** An order with an open transaction. */
export interface OpenOrder {
  readonly id: TransactionId;
  readonly house: House;
}

/** An order of a house under its mandate, as an authorization detail. */
export function tradeOrder(house: Omit<House, 'client' | 'traders'>, mandate: string, index: number): TradeOrder {
  const parsed = parseAuthorizationDetails([
    orderTerms({
      ...{ entity: house.arranger, mandate, account: house.account, parties: house },
      ...{ venueMic: pick(venueNames, index), locations: ['https://venue.example/orders'] },
    }),
  ]);
  const detail = parsed.ok ? parsed.value[0] : undefined;
  if (detail?.type !== 'urn:countersign:rar:v1:trade_order')
    throw new Error(parsed.ok ? 'not a trade order' : `${parsed.path}: ${parsed.detail}`);
  return detail;
}

/** Opens the order with this number and records its token for the broker. Houses take turns, and the traders of each. */
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
  // The record of the authorization server on which the first step depends.
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

/** Takes one step of an order, reported by the party responsible for it. */
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
  execute: { by: 'venue', body: { executed_qty: orderQuantity, price: orderPrice } },
  clear: { by: 'clearing', body: { cleared_qty: orderQuantity } },
  settle: { by: 'custodian', body: { settled_qty: orderQuantity } },
} as const;

const callers = 32;

export type OrderBook = Awaited<ReturnType<typeof createOrderBook>>;

/** The orders of a site, numbered in sequence. Grants the mandates of the orders first. */
export async function createOrderBook(site: TradingSite) {
  const { consentStore, registry } = site;
  const mandates = await giveMandates(consentStore);
  let opened = 0;
  const open = async (count: number): Promise<readonly OpenOrder[]> => {
    const orders: OpenOrder[] = [];
    const numbers = Array.from({ length: count }, () => opened++);
    await performed(callers, numbers, async (number) => orders.push(await openOrder(site, mandates, number)));
    return orders;
  };
  return {
    open,
    /** Opens orders and takes their steps up to this one. */
    async completed(count: number, until: OrderStep = 'settle'): Promise<readonly OpenOrder[]> {
      const orders = await open(count);
      for (const step of orderSteps.slice(0, orderSteps.indexOf(until) + 1))
        await performed(callers, orders, (order) => takeStep(registry, order, step));
      return orders;
    },
  };
}

/** Proposes a mandate by the signatory of its grantor and accepts it by that of its grantee. */
export async function given(
  consentStore: ConsentStore,
  parties: Pick<MandateProposal, 'grantor' | 'grantee'>,
  terms: Pick<MandateProposal, 'constraints' | 'parent'>,
): Promise<Mandate> {
  const { grantor, grantee } = parties;
  const proposal = { ...parties, ...terms, ...mandateTerms };
  const { id } = await consentStore.propose(proposal, signatory(grantor.lei), randomUUID());
  return consentStore.accept(id, { termsHash: mandateTerms.termsHash }, signatory(grantee.lei));
}

/** The mandate of each client to its house, and a sub-mandate for its clearing firm. */
async function giveMandates(consentStore: ConsentStore): Promise<ReadonlyMap<House, Mandate>> {
  const mandates = new Map<House, Mandate>();
  for (const house of houses) {
    const { client, arranger, clearing, account } = house;
    const own = { ...mandateConstraints, venues: venueNames, accounts: [account], delegationDepth: 1 };
    const broker = { lei: arranger, role: 'ArrangingBroker' };
    const parties = { grantor: { lei: client, role: 'Client' }, grantee: broker };
    const root = await given(consentStore, parties, { constraints: own });
    const subParties = { grantor: broker, grantee: { lei: clearing, role: 'ClearingFirm' } };
    await given(consentStore, subParties, { constraints: { ...own, delegationDepth: 0 }, parent: root.id });
    mandates.set(house, root);
  }
  return mandates;
}
