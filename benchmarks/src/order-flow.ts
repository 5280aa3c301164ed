import { randomUUID } from 'node:crypto';
import { type Client, stepOf, type Token } from '@countersign/sdk';
import { clientOf, type MachineClient, makeClients, pick, publicJwk } from './machine-clients.ts';
import { mandateConstraints, mandateTerms, orderTerms } from './order-terms.ts';

/** The parties to orders over HTTP. */
export interface OrderingClients {
  /** The signatories of the mandate: for the fund, which owns the account, and for the trading firm. */
  readonly fund: MachineClient;
  readonly house: MachineClient;
  /** Agents of the trading firm, which place the orders. */
  readonly agents: readonly MachineClient[];
  /** Brokers, which report the submission of an order. */
  readonly brokers: readonly MachineClient[];
}

/** An order with its transaction, and the token with which its broker submits it. */
export interface SubmittableOrder {
  readonly transaction: string;
  readonly broker: Client;
  readonly token: Token;
}

export type OrderFlow = Awaited<ReturnType<typeof startOrderFlow>>;

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

/** The entries of these parties in the directory. */
export function orderingDirectory(
  { fund: ofFund, house: ofHouse, agents, brokers }: OrderingClients,
  { issuer, house }: { readonly issuer: string; readonly house: string },
) {
  const client = (
    of: MachineClient,
    institution: string,
    kind: 'service' | 'agent',
    scope: string,
    audience: string,
  ) => ({
    ...{ id: of.id, institution, principal: `${kind}:${of.id}`, scopes: [scope], audiences: [audience] },
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
      client(ofFund, fund, 'service', 'mandate:grant', `${issuer}/mandates`),
      client(ofHouse, house, 'service', 'mandate:grant', `${issuer}/mandates`),
      ...agents.map((of) => client(of, house, 'agent', 'order:create', brokerOrders)),
      ...brokers.map((of) => client(of, broker, 'service', 'order:create', `${issuer}/transactions`)),
    ],
    accounts: [{ id: account, institution: fund, type: 'Client', custodian }],
    resources: [
      { uri: brokerOrders, institution: broker, scopes: ['order:create'] },
      { uri: custodianSettlements, institution: custodian, scopes: ['settlement:instruct'] },
    ],
  };
}

interface Firms {
  readonly issuer: string;
  readonly house: string;
  readonly venue: string;
  readonly clearing: string;
  readonly locations: readonly string[];
}

/** Orders over HTTP under one mandate, which its two signatories grant first. */
export async function startOrderFlow(clients: OrderingClients, firms: Firms) {
  const { issuer, house, venue, clearing } = firms;
  const [ordering, reporting] = [clients.agents, clients.brokers].map((all) => all.map((one) => clientOf(one, issuer)));
  const mandate = await granted(clientOf(clients.fund, issuer), clientOf(clients.house, issuer), firms);
  const order = () => ({
    ...orderTerms({
      ...{ entity: house, mandate, account, venueMic: 'XEUR', parties: { broker, venue, clearing, custodian } },
      locations: [brokerOrders, ...firms.locations, custodianSettlements],
    }),
    algo: model,
  });

  async function opened(index: number): Promise<SubmittableOrder> {
    const { accessToken } = await pick(ordering ?? [], index).clientCredentials({
      resource: brokerOrders,
      scope: 'order:create',
      authorizationDetails: [order()],
    });
    const transaction = transactionOf(accessToken);
    const software = pick(reporting ?? [], index);
    const token = await software.clientCredentials({
      resource: `${issuer}/transactions`,
      scope: 'order:create',
      authorizationDetails: [stepOf({ issuer, transaction, event: 'submit' })],
    });
    return { transaction, broker: software, token };
  }

  return {
    async prepare(count: number): Promise<readonly SubmittableOrder[]> {
      const orders: SubmittableOrder[] = [];
      const together = 16;
      while (orders.length < count) {
        const places = Array.from({ length: Math.min(together, count - orders.length) }, (_, place) => place);
        orders.push(...(await Promise.all(places.map((place) => opened(orders.length + place)))));
      }
      return orders;
    },
    /** @throws if this request did not submit the order */
    async submit({ transaction, broker: software, token }: SubmittableOrder): Promise<void> {
      const receipt = await software.callOrThrow(token, {
        method: 'POST',
        url: `${issuer}/transactions/${transaction}/transitions`,
        idempotencyKey: `submit-${transaction}`,
        body: { event: 'submit', body: {} },
      });
      const { state, replayed } = receipt as { readonly state?: unknown; readonly replayed?: unknown };
      if (state !== 'submitted' || replayed !== false) throw new Error('an order was not submitted by this request');
    },
  };
}

async function granted(ofFund: Client, ofHouse: Client, { issuer, house }: Firms): Promise<string> {
  const asked = { resource: `${issuer}/mandates`, scope: 'mandate:grant' };
  const url = `${issuer}/mandates`;
  const proposed = await ofFund.callOrThrow(await ofFund.clientCredentials(asked), {
    method: 'POST',
    url,
    idempotencyKey: randomUUID(),
    body: {
      grantor: { lei: fund, role: 'Client' },
      grantee: { lei: house, role: 'ArrangingBroker' },
      constraints: { ...mandateConstraints, venues: ['XEUR'], accounts: [account], delegationDepth: 0 },
      ...mandateTerms,
    },
  });
  const { id } = proposed as { readonly id?: unknown };
  if (typeof id !== 'string') throw new Error('a mandate was granted without an id');
  await ofHouse.callOrThrow(await ofHouse.clientCredentials(asked), {
    method: 'POST',
    url: `${url}/${id}/accept`,
    body: { termsHash: mandateTerms.termsHash },
  });
  return id;
}

function transactionOf(accessToken: string): string {
  const claims = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
    readonly txn?: unknown;
  };
  if (typeof claims.txn !== 'string') throw new Error('the token of an order names no transaction');
  return claims.txn;
}
