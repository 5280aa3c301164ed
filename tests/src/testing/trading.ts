import { randomUUID } from 'node:crypto';
import { type MandateId, parseId } from '@countersign/kernel';
import { parseAuthorizationDetails, type TradeOrder } from '@countersign/market';
import { type Client, type ClientOptions, signApproval, stepOf, type Token } from '@countersign/sdk';
import type { Operator } from './control-plane.ts';
import { type ClientName, certifiedModel, createFirms, doors, type Firms, leis, type PersonName } from './firms.ts';
import { type AssertionChange, type IdentityProvider, startIdentityProvider } from './identity-provider.ts';
import { orderMembers } from './order-members.ts';

const day = 86_400_000;
const today = Date.now();
const hours = { timeZone: 'UTC', days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '24:00' };
export const termsHash = 'rbvSPEDLm1YcR4KpGjGgGxCLwnPeU5Yj2mq3nY3tq9w';

/** Terms from the asset manager to the arranger, or, under `parent`, from the arranger to the clearing firm. */
export function mandateTerms(constraints: Readonly<Record<string, unknown>> = {}, parent?: MandateId) {
  const [grantor, grantee] =
    parent === undefined
      ? [
          { lei: leis.assetManager, role: 'Client' },
          { lei: leis.arranger, role: 'ArrangingBroker' },
        ]
      : [
          { lei: leis.arranger, role: 'ArrangingBroker' },
          { lei: leis.clearing, role: 'ClearingFirm' },
        ];
  return {
    grantor,
    grantee,
    ...(parent === undefined ? {} : { parent }),
    constraints: {
      actions: parent === undefined ? ['order:create', 'order:cancel', 'settlement:instruct'] : ['settlement:instruct'],
      venues: ['XEUR'],
      jurisdictions: ['DE'],
      productClasses: ['DB'],
      accounts: ['NLAM-0042', 'NLAM-0043'],
      hours,
      notionalPerOrder: { amount: '5000000', ccy: 'EUR' },
      notionalPerDay: { amount: '100000000', ccy: 'EUR' },
      delegationDepth: parent === undefined ? 1 : 0,
      ...constraints,
    },
    legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17, annex B' },
    termsHash,
    effectiveFrom: new Date(today - day).toISOString(),
    effectiveUntil: new Date(today + 300 * day).toISOString(),
  };
}

/** The firms' actions, each through the control plane's public interface. */
export interface Trading {
  readonly firms: Firms;
  readonly identityProvider: IdentityProvider;
  /** Calls one of the control plane's interfaces as a client. @throws the refusal */
  call(client: ClientName, door: string, scope: string, request: Parameters<Operator['call']>[2]): Promise<unknown>;
  propose(client: ClientName, terms: unknown, key?: string): Promise<MandateId>;
  accept(client: ClientName, mandate: MandateId, hash?: string): Promise<void>;
  revoke(mandate: MandateId): Promise<void>;
  /** A mandate and the clearing firm's sub-mandate, both accepted. */
  grantMandates(): Promise<{ readonly mandate: MandateId; readonly subMandate: MandateId }>;
  /** A fresh order under the mandate; a member that is changed to undefined is left out. */
  order(mandate: MandateId, change?: Readonly<Record<string, unknown>>): TradeOrder;
  assertion(change?: AssertionChange, subject?: string): Promise<string>;
  /** A token for the broker, for the trader of the assertion. */
  traderToken(order: TradeOrder, assertion?: string, client?: Client): Promise<Token>;
  agentToken(order: TradeOrder): Promise<Token>;
  approve(approval: {
    readonly transaction: string;
    readonly digest: string;
    readonly by: PersonName;
    readonly signedAgoSeconds?: number;
  }): Promise<unknown>;
  /** The decision point's answer to the broker (AuthZEN). */
  evaluate(transaction: string, subject?: string): Promise<Decision>;
  transition(
    client: ClientName,
    event: keyof typeof scopeOf,
    transaction: string,
    key: string,
    body?: object,
  ): Promise<Receipt>;
  /** Takes an order to the named state. */
  carry(order: TradeOrder, transaction: string, until: 'submitted' | 'executed' | 'cleared' | 'settled'): Promise<void>;
  stop(): Promise<void>;
}

export interface Decision {
  readonly decision: boolean;
  readonly context: {
    readonly evidence: string;
    readonly policy: { readonly version: number };
    readonly reasons: readonly { readonly code: string; readonly detail: string }[];
    readonly obligations: readonly Readonly<Record<string, unknown>>[];
  };
}

export interface Receipt {
  readonly state: string;
  readonly version: number;
  readonly recordId: string;
  readonly replayed: boolean;
}

const scopeOf = {
  submit: 'order:create',
  acknowledge: 'trade:affirm',
  reject: 'trade:affirm',
  execute: 'trade:affirm',
  clear: 'settlement:instruct',
  settle: 'settlement:release',
} as const;

/** Applies directory and trust profile to a control plane, so that the firms can trade. */
export async function openTrading(options: {
  readonly issuer: string;
  readonly operator: Operator;
  /** For every client, e.g. another transport. */
  readonly clientOptions?: Partial<ClientOptions>;
}): Promise<Trading> {
  const { issuer, operator, clientOptions = {} } = options;
  const identityProvider = await startIdentityProvider();
  const firms = createFirms({ issuer, identityProvider: identityProvider.issuer });
  await operator.call('directory', 'directory:apply', {
    method: 'POST',
    path: '/directory/apply',
    body: firms.directoryDocument(),
  });
  await operator.trust(firms.trustProfile);

  const clientOf = (name: ClientName): Client => firms.client(name, clientOptions);
  const call: Trading['call'] = async (name, door, scope, { path, ...request }) => {
    const client = clientOf(name);
    const token = await client.clientCredentials({ resource: `${issuer}/${door}`, scope });
    return client.callOrThrow(token, { ...request, url: `${issuer}${path}` });
  };
  const trading: Trading = {
    firms,
    identityProvider,
    call,
    async propose(client, terms, key = randomUUID()) {
      const path = '/mandates';
      const answer = await call(client, 'mandates', 'mandate:grant', {
        method: 'POST',
        path,
        body: terms,
        idempotencyKey: key,
      });
      const id = parseId('mandate', (answer as { id?: unknown }).id);
      if (id === undefined) throw new Error('a mandate without an id');
      return id;
    },
    async accept(client, mandate, hash = termsHash) {
      const path = `/mandates/${mandate}/accept`;
      await call(client, 'mandates', 'mandate:grant', { method: 'POST', path, body: { termsHash: hash } });
    },
    async revoke(mandate) {
      const path = `/mandates/${mandate}/revoke`;
      await call('am-mandates', 'mandates', 'mandate:revoke', {
        method: 'POST',
        path,
        body: { reason: 'The arrangement has ended' },
      });
    },
    async grantMandates() {
      const mandate = await trading.propose('am-mandates', mandateTerms());
      await trading.accept('ha-mandates', mandate);
      const subMandate = await trading.propose('ha-mandates', mandateTerms({}, mandate));
      await trading.accept('clr-mandates', subMandate);
      return { mandate, subMandate };
    },
    order: (mandate, change = {}) => orderUnder(mandate, change),
    assertion: (change, subject = firms.people.trader.subject) => identityProvider.assertion(subject, issuer, change),
    async traderToken(order, assertion, client = clientOf('ha-oms')) {
      return client.jwtBearer(assertion ?? (await trading.assertion()), orderRequest(order));
    },
    agentToken: (order) => clientOf('ha-vwap-1').clientCredentials(orderRequest(order)),
    async approve({ transaction, digest, by, signedAgoSeconds = 0 }) {
      const { id, approvalKey } = firms.people[by];
      const clock = { now: () => Date.now() - signedAgoSeconds * 1000 };
      const jws = await signApproval(
        { approver: id, transaction, intentDigest: digest, lifeSeconds: 600 },
        approvalKey,
        { clock },
      );
      const path = `/transactions/${transaction}/approvals`;
      return call('ha-approvals', 'transactions', 'order:approve', { method: 'POST', path, body: { jws } });
    },
    async evaluate(transaction, subject = firms.people.trader.id) {
      const body = {
        subject: { type: subject.slice(0, subject.indexOf(':')), id: subject },
        action: { name: 'order:create' },
        resource: { type: 'transaction', id: transaction },
        context: { client: 'ha-oms', scope: 'order:create', record: true },
      };
      const path = '/access/v1/evaluation';
      return (await call('brk-orders', 'decisions', 'decision:evaluate', { method: 'POST', path, body })) as Decision;
    },
    async transition(client, event, transaction, idempotencyKey, body = {}) {
      const software = clientOf(client);
      const resource = `${issuer}/transactions`;
      return (await software.callOrThrow(
        await software.clientCredentials({
          resource,
          scope: scopeOf[event],
          authorizationDetails: [stepOf({ issuer, transaction, event })],
        }),
        { method: 'POST', url: `${resource}/${transaction}/transitions`, idempotencyKey, body: { event, body } },
      )) as Receipt;
    },
    async carry(order, transaction, until) {
      const steps = [
        ['submitted', 'brk-orders', 'submit', {}],
        ['executed', 'ven-matching', 'execute', { executed_qty: order.max_qty, price: order.limit_price }],
        ['cleared', 'clr-core', 'clear', { cleared_qty: order.max_qty }],
        ['settled', 'cus-core', 'settle', { settled_qty: order.max_qty }],
      ] as const;
      for (const [state, client, event, body] of steps) {
        await trading.transition(client, event, transaction, `${event}-${transaction}`, body);
        if (state === until) return;
      }
    },
    stop: () => identityProvider.stop(),
  };
  return trading;
}

const orderRequest = (order: TradeOrder) => ({
  resource: doors.broker,
  scope: 'order:create settlement:instruct',
  authorizationDetails: [order],
});

function orderUnder(mandate: MandateId, change: Readonly<Record<string, unknown>>): TradeOrder {
  const parsed = parseAuthorizationDetails([
    JSON.parse(
      JSON.stringify({
        ...orderMembers(),
        mandate_id: mandate,
        idempotency_key: `order-${randomUUID()}`,
        max_qty: '2000',
        max_notional: { amount: '202500', ccy: 'EUR' },
        ...change,
      }),
    ),
  ]);
  if (!parsed.ok) throw new Error(`the test's own order is wrong at ${parsed.path}: ${parsed.detail}`);
  const [detail] = parsed.value;
  if (detail?.type !== 'urn:countersign:rar:v1:trade_order') throw new Error('an order that is none');
  return detail;
}

/** Fields of an order above the size at which a supervisor must sign. */
export const large = { max_qty: '40000', max_notional: { amount: '4050000', ccy: 'EUR' } } as const;
/** Fields of an order of the certified agent. */
export const algorithmic = { algo: certifiedModel } as const;

/** Claims of an access token, without verification. */
export function claimsOf({ accessToken }: Pick<Token, 'accessToken'>): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<
    string,
    unknown
  >;
}
