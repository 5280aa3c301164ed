import { randomUUID } from 'node:crypto';
import { type Client, createClient, stepOf, type Token } from '@countersign/sdk';
import { type MachineClient, makeClients, pick, publicJwk } from './machine-clients.ts';

/** Who has a part in the orders that are put through the doors of a control plane. */
export interface OrderingClients {
  /** Sign the mandate: for the fund, whose account is traded for, and for the trading firm. */
  readonly fund: MachineClient;
  readonly house: MachineClient;
  /** Agents of the trading firm, which order by themselves. */
  readonly agents: readonly MachineClient[];
  /** Report that an order was submitted. */
  readonly brokers: readonly MachineClient[];
}

/** An order with its transaction, and the token by which its broker submits it. */
export interface SubmittableOrder {
  readonly transaction: string;
  readonly broker: Client;
  readonly token: Token;
}

/** Puts orders of one mandate through the doors of a control plane. */
export interface OrderFlow {
  /** So many fresh ones. */
  prepare(count: number): Promise<readonly SubmittableOrder[]>;
  /** @throws where it is not submitted by this */
  submit(order: SubmittableOrder): Promise<void>;
}

const fund = '529900ASSETMNGRDEM02';
const broker = '549300BROKEREXAMPL60';
const custodian = '635400CUSTODIANEXA09';
const brokerOrders = 'https://broker.example/orders';
const custodianSettlements = 'https://custodian.example/settlements';
const account = 'BENCH-FUND-1';
const model = {
  model_id: 'bench-agent',
  version: '1.0.0',
  artifact_sha256: '7f1d0c3f5f5f0b7c7f9b1c2d3e4f5a6b7c8d9e0f1a2b3c4d5e6f708192a3b4c5',
} as const;

export function makeOrderingClients(): OrderingClients {
  const [ofFund, ofHouse] = makeClients('bench-signatory', 2);
  if (ofFund === undefined || ofHouse === undefined) throw new Error('there are no signatories');
  return { fund: ofFund, house: ofHouse, agents: makeClients('bench-agent'), brokers: makeClients('bench-broker') };
}

/** What the directory knows of them, beside the firms of the market. */
export function orderingDirectory(
  { fund: ofFund, house: ofHouse, agents, brokers }: OrderingClients,
  { issuer, house }: { readonly issuer: string; readonly house: string },
) {
  const client = (
    of: MachineClient,
    institution: string,
    principal: string,
    scopes: string[],
    audiences: string[],
  ) => ({
    ...{ id: of.id, institution, principal, scopes, audiences },
    grant_types: ['client_credentials'],
    jwks: { keys: [publicJwk(of)] },
  });
  const signatory = (of: MachineClient, institution: string) => ({
    ...{ id: `service:${of.id}`, institution, roles: ['signatory'] },
    signing_authority: { up_to: { amount: '100000000000', ccy: 'EUR' }, alone: true },
  });
  const staff = (id: string, role: string) => ({
    ...{ id, institution: house, roles: [role] },
    ...{ federated: [], credentials: [] },
  });
  return {
    institutions: { fund, broker, custodian },
    people: [staff('person:bench-quant', 'developer'), staff('person:bench-risk', 'model-certifier')],
    services: [
      signatory(ofFund, fund),
      signatory(ofHouse, house),
      ...brokers.map(({ id }) => ({ id: `service:${id}`, institution: broker, roles: [] })),
    ],
    agents: agents.map(({ id }) => ({
      ...{ id: `agent:${id}`, institution: house, desk: 'rates', roles: [] },
      model: {
        ...model,
        certificate_id: 'BENCH-1',
        status: 'Approved',
        certified_by: 'person:bench-risk',
        developed_by: 'person:bench-quant',
      },
    })),
    clients: [
      client(ofFund, fund, `service:${ofFund.id}`, ['mandate:grant'], [`${issuer}/mandates`]),
      client(ofHouse, house, `service:${ofHouse.id}`, ['mandate:grant'], [`${issuer}/mandates`]),
      ...agents.map((of) => client(of, house, `agent:${of.id}`, ['order:create'], [brokerOrders])),
      ...brokers.map((of) => client(of, broker, `service:${of.id}`, ['order:create'], [`${issuer}/transactions`])),
    ],
    accounts: [{ id: account, institution: fund, type: 'Client', custodian }],
    resources: [
      { uri: brokerOrders, institution: broker, scopes: ['order:create'] },
      { uri: custodianSettlements, institution: custodian, scopes: ['settlement:instruct'] },
    ],
  };
}

/** Grants a mandate by its two signatories; orders are under it. */
export async function startOrderFlow(
  { fund: ofFund, house: ofHouse, agents, brokers }: OrderingClients,
  firms: {
    readonly issuer: string;
    readonly house: string;
    readonly venue: string;
    readonly clearing: string;
    readonly locations: readonly string[];
  },
): Promise<OrderFlow> {
  const { issuer } = firms;
  const softwareOf = ({ id: clientId, key, proofKey }: MachineClient): Client =>
    createClient({ issuer, clientId, key, proofKey });
  const [ordering, reporting] = [agents.map(softwareOf), brokers.map(softwareOf)];
  const mandate = await granted(softwareOf(ofFund), softwareOf(ofHouse), firms);

  async function opened(index: number): Promise<SubmittableOrder> {
    const { accessToken } = await pick(ordering, index).clientCredentials({
      resource: brokerOrders,
      scope: 'order:create',
      authorizationDetails: [orderUnder(mandate, firms)],
    });
    const transaction = transactionOf(accessToken);
    const software = pick(reporting, index);
    const token = await software.clientCredentials({
      resource: `${issuer}/transactions`,
      scope: 'order:create',
      authorizationDetails: [stepOf({ issuer, transaction, event: 'submit' })],
    });
    return { transaction, broker: software, token };
  }

  return {
    async prepare(count) {
      const orders: SubmittableOrder[] = [];
      const together = 16;
      while (orders.length < count) {
        const places = Array.from({ length: Math.min(together, count - orders.length) }, (_, place) => place);
        orders.push(...(await Promise.all(places.map((place) => opened(orders.length + place)))));
      }
      return orders;
    },
    async submit({ transaction, broker: software, token }) {
      const receipt = await software.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/transactions/${transaction}/transitions`,
        idempotencyKey: `submit-${transaction}`,
        body: { event: 'submit', body: {} },
      });
      const { state, replayed } = receipt as { readonly state?: unknown; readonly replayed?: unknown };
      if (state !== 'submitted' || replayed !== false) throw new Error('an order was not submitted by its step');
    },
  };
}

const day = 86_400_000;
const termsHash = 'rbvSPEDLm1YcR4KpGjGgGxCLwnPeU5Yj2mq3nY3tq9w';

async function granted(
  ofFund: Client,
  ofHouse: Client,
  { issuer, house }: { readonly issuer: string; readonly house: string },
): Promise<string> {
  const asked = { resource: `${issuer}/mandates`, scope: 'mandate:grant' };
  const url = `${issuer}/mandates`;
  const began = Date.now();
  const proposed = await ofFund.callOrThrow(await ofFund.clientCredentials(asked), {
    method: 'POST',
    url,
    idempotencyKey: randomUUID(),
    body: {
      grantor: { lei: fund, role: 'Client' },
      grantee: { lei: house, role: 'ArrangingBroker' },
      constraints: {
        actions: ['order:create', 'order:cancel'],
        venues: ['XEUR'],
        jurisdictions: ['DE'],
        productClasses: ['DB'],
        accounts: [account],
        notionalPerOrder: { amount: '1000000', ccy: 'EUR' },
        notionalPerDay: { amount: '100000000000', ccy: 'EUR' },
        delegationDepth: 0,
      },
      legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17, annex B' },
      termsHash,
      effectiveFrom: new Date(began - day).toISOString(),
      effectiveUntil: new Date(began + 300 * day).toISOString(),
    },
  });
  const { id } = proposed as { readonly id?: unknown };
  if (typeof id !== 'string') throw new Error('a mandate was granted without an id');
  await ofHouse.callOrThrow(await ofHouse.clientCredentials(asked), {
    method: 'POST',
    url: `${url}/${id}/accept`,
    body: { termsHash },
  });
  return id;
}

/** Small, so that a day of measuring uses up nobody's limits; each another intent. */
function orderUnder(
  mandate: string,
  firms: {
    readonly house: string;
    readonly venue: string;
    readonly clearing: string;
    readonly locations: readonly string[];
  },
) {
  const number = randomUUID();
  return {
    type: 'urn:countersign:rar:v1:trade_order',
    actions: ['create', 'execute', 'clear', 'settle'],
    locations: [brokerOrders, ...firms.locations, custodianSettlements],
    entity_lei: firms.house,
    mandate_id: mandate,
    idempotency_key: `order-${number}`,
    client_order_id: `C-${number.slice(0, 8)}`,
    not_after: '2099-12-31T17:30:00Z',
    jurisdiction: 'DE',
    account,
    instrument: { isin: 'DE000EXMPL17', cfi: 'DBFTFB' },
    venue_mic: 'XEUR',
    side: 'BUY',
    max_qty: '100',
    limit_price: { amount: '1', ccy: 'EUR' },
    max_notional: { amount: '100', ccy: 'EUR' },
    tif: 'DAY',
    capacity: 'AOTC',
    parties: [
      { role: 'ExecutingBroker', lei: broker },
      { role: 'ExecutionFacility', lei: firms.venue },
      { role: 'ClearingFirm', lei: firms.clearing },
      { role: 'Custodian', lei: custodian },
    ],
    algo: model,
  } as const;
}

function transactionOf(accessToken: string): string {
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
    readonly txn?: unknown;
  };
  if (typeof claims.txn !== 'string') throw new Error('the token of an order names no transaction');
  return claims.txn;
}
