import { readFileSync } from 'node:fs';
import { isCodedError, type MandateId, parseId } from '@countersign/kernel';
import {
  orderToAuthorizationDetail,
  parseMic,
  parseOrderFile,
  type TradeOrder,
  type Venue,
  venueRegistry,
} from '@countersign/market';
import { type Client, refusalOf, signApproval, type Token } from '@countersign/sdk';
import type { Addresses, Cast } from './cast.ts';
import type { Installation } from './installation.ts';
import { type SignedIn, signIn } from './sign-in.ts';
import type { Timeline } from './timeline.ts';

export interface Stage {
  readonly cast: Cast;
  readonly addresses: Addresses;
  readonly timeline: Timeline;
  readonly installation: Installation;
  /** Different in each run, so that a kept folder can be used again. */
  readonly run: string;
}

/** An unexpected result. The demo ends with an error. */
export class PlayFailed extends Error {
  override readonly name = 'PlayFailed';
}

/** Runs attempts that must be refused with one of these codes. @throws PlayFailed if one succeeds or fails with another code */
export const refusals =
  (timeline: Timeline) =>
  async (what: string, expected: string | readonly string[], attempt: () => Promise<unknown>): Promise<unknown> => {
    const codes = [expected].flat();
    try {
      await attempt();
    } catch (error) {
      if (isCodedError(error) && codes.includes(error.code)) {
        timeline.refused(what, error.code, error.detail);
        return error.facts;
      }
      const found = error instanceof Error ? error.message : String(error);
      throw new PlayFailed(`${what}: expected a refusal with ${codes.join(' or ')}, got: ${found}`, { cause: error });
    }
    throw new PlayFailed(`${what}: expected a refusal, but it succeeded`);
  };

const hours = { timeZone: 'UTC', days: [1, 2, 3, 4, 5, 6, 7], from: '00:00', until: '24:00' };
const day = 86_400_000;

function mandateTerms(
  grantor: string,
  grantee: string,
  roles: readonly [string, string],
  constraints: Readonly<Record<string, unknown>>,
) {
  return {
    grantor: { lei: grantor, role: roles[0] },
    grantee: { lei: grantee, role: roles[1] },
    constraints: { venues: ['XEUR'], jurisdictions: ['DE'], productClasses: ['DB'], hours, ...constraints },
    legalBasis: { type: 'contract', reference: 'Framework agreement 2026/17, annex B' },
    termsHash: 'rbvSPEDLm1YcR4KpGjGgGxCLwnPeU5Yj2mq3nY3tq9w',
    effectiveFrom: new Date(Date.now() - day).toISOString(),
    effectiveUntil: new Date(Date.now() + 365 * day).toISOString(),
  };
}

export async function grantMandates({
  cast,
  addresses,
  timeline,
  run,
}: Stage): Promise<{ readonly mandate: MandateId; readonly subMandate: MandateId }> {
  const refused = refusals(timeline);
  const { lei } = cast;
  const url = `${addresses.issuer}/mandates`;
  const resource = url;
  const assetManager = cast.client('am-mandates');
  const arranger = cast.client('ha-mandates');
  const clearing = cast.client('clr-mandates');
  const grant = async (client: Client, body: unknown, key: string): Promise<MandateId> => {
    const token = await client.clientCredentials({ resource, scope: 'mandate:grant' });
    return idOf(await client.callOrThrow(token, { method: 'POST', url, body, idempotencyKey: `${key}-${run}` }));
  };
  const accept = async (client: Client, id: MandateId, termsHash: string): Promise<void> => {
    const token = await client.clientCredentials({ resource, scope: 'mandate:grant' });
    await client.callOrThrow(token, { method: 'POST', url: `${url}/${id}/accept`, body: { termsHash } });
  };

  const terms = mandateTerms(lei.assetManager, lei.arranger, ['Client', 'ArrangingBroker'], {
    actions: ['order:create', 'order:cancel', 'settlement:instruct'],
    accounts: ['NLAM-0042'],
    notionalPerOrder: { amount: '5000000', ccy: 'EUR' },
    notionalPerDay: { amount: '20000000', ccy: 'EUR' },
    delegationDepth: 1,
  });
  const mandate = await grant(assetManager, terms, 'mandate');
  timeline.done(
    'asset manager grants the arranger a mandate: bonds on XEUR, 5 million an order, 20 million a day',
    mandate,
  );
  await refused('acceptance by the one who granted it', 'not_a_signatory', () =>
    accept(assetManager, mandate, terms.termsHash),
  );
  await refused('acceptance of other terms than were shown', 'terms_hash_mismatch', () =>
    accept(arranger, mandate, `A${terms.termsHash.slice(1)}`),
  );
  await accept(arranger, mandate, terms.termsHash);
  timeline.done('arranger accepts, naming the terms document by its hash');

  const narrower = mandateTerms(lei.arranger, lei.clearing, ['ArrangingBroker', 'ClearingFirm'], {
    actions: ['settlement:instruct'],
    accounts: ['NLAM-0042'],
    notionalPerOrder: { amount: '5000000', ccy: 'EUR' },
    notionalPerDay: { amount: '10000000', ccy: 'EUR' },
    delegationDepth: 0,
  });
  const inside = {
    ...narrower,
    parent: mandate,
    effectiveFrom: terms.effectiveFrom,
    effectiveUntil: terms.effectiveUntil,
  };
  const wider = { ...inside, constraints: { ...inside.constraints, venues: ['XEUR', 'XEEE'] } };
  const facts = await refused('a sub-mandate that adds a venue', 'mandate_wider', () =>
    grant(arranger, wider, 'wider'),
  );
  timeline.note(`counterexample: ${sentenceOf(facts)}`);
  const subMandate = await grant(arranger, inside, 'sub-mandate');
  await accept(clearing, subMandate, inside.termsHash);
  timeline.done('arranger grants the clearing firm a narrower sub-mandate, accepted', subMandate);
  return { mandate, subMandate };
}

function sentenceOf(facts: unknown): string {
  const { counterexample } = (facts ?? {}) as { counterexample?: { sentence?: string } };
  return counterexample?.sentence ?? JSON.stringify(facts);
}

function idOf(answer: unknown): MandateId {
  const id = parseId('mandate', (answer as { id?: unknown }).id);
  if (id === undefined) throw new PlayFailed('the control plane answered without a mandate id');
  return id;
}

/** Reads the order system's files: valid orders, and one file in which every row has a different invalid code. */
export function readOrders({ cast, timeline, run, addresses }: Stage, mandate: MandateId): readonly TradeOrder[] {
  const venues = venueRegistry(
    cast.firms.venues.map((venue): Venue => {
      const mic = parseMic(venue.mic);
      if (!mic.ok) throw new PlayFailed(`the example venue ${venue.mic} has no valid MIC`);
      return {
        mic: mic.value,
        operatingMic: mic.value,
        status: venue.expiry_date === undefined ? 'ACTIVE' : 'EXPIRED',
        category: 'RMKT',
        ...(venue.expiry_date === undefined ? {} : { expiryDate: venue.expiry_date }),
      } as Venue;
    }),
  );
  const read = (name: string) => {
    const text = readFileSync(new URL(`../../data/${name}`, import.meta.url), 'utf8');
    const parsed = parseOrderFile(JSON.parse(text) as unknown, { venues, at: Date.now() });
    if (!parsed.ok) throw new PlayFailed(`${name}: ${parsed.detail}`);
    return parsed.value;
  };
  const bad = read('orders-with-bad-codes.json');
  if (bad.orders.length > 0) throw new PlayFailed('an order with a bad code was taken');
  for (const { row, code, problems } of bad.refusals)
    timeline.refused(`row ${row} of the file with bad codes, at ${problems[0].field}`, code);
  const good = read('orders.json');
  if (good.refusals.length > 0) throw new PlayFailed(`orders.json: ${good.refusals[0]?.detail ?? ''}`);
  timeline.done(`${good.orders.length} orders read from the order system's file`);
  const locations = [addresses.broker, addresses.venue, addresses['clearing-firm'], addresses.custodian];
  return good.orders.map(({ order }) =>
    orderToAuthorizationDetail(
      { ...order, idempotencyKey: `${order.idempotencyKey}-${run}`, clientOrderId: `${order.clientOrderId}-${run}` },
      { mandateId: mandate, locations, actions: ['create', 'execute', 'clear', 'settle'] },
    ),
  );
}

/** Signs the trader in and returns the identity provider's assertion. */
export const signInTrader = (stage: Stage, subject = 'anna'): Promise<SignedIn> =>
  signIn({
    provider: stage.addresses['identity-provider'],
    controlPlane: stage.addresses.issuer,
    subject,
    signInKey: stage.cast.people.trader.signInKey,
    clientId: 'ha-oms',
    clientKey: stage.cast.key('ha-oms'),
  });

/** A token for the broker's order interface: for the trader if there is an assertion, otherwise for the agent. */
export function orderToken(
  { addresses }: Stage,
  client: Client,
  order: TradeOrder,
  assertion?: string,
): Promise<Token> {
  const request = {
    resource: addresses.broker,
    scope: 'order:create settlement:instruct',
    authorizationDetails: [order],
  };
  return assertion === undefined ? client.clientCredentials(request) : client.jwtBearer(assertion, request);
}

/** Sends an order to the broker. @throws the broker's refusal */
export async function sendOrder(
  { addresses }: Stage,
  client: Client,
  token: Token,
  order: TradeOrder,
): Promise<{ readonly transaction: string }> {
  const answer = await client.call(token, { method: 'POST', url: `${addresses.broker}/orders`, body: { order } });
  if (answer.status !== 201) throw refusalOf(answer);
  return answer.body as { transaction: string };
}

/** Claims of a token, for display only. The token is not verified, and no decision depends on them. */
export function claimsOf(token: Token): Readonly<Record<string, unknown>> {
  return JSON.parse(Buffer.from(token.accessToken.split('.')[1] ?? '', 'base64url').toString('utf8')) as Record<
    string,
    unknown
  >;
}

/** The supervisor signs this intent with a registered key, and the approval tool submits the signature. */
export async function approve(
  { cast, addresses }: Stage,
  approval: {
    readonly transaction: string;
    readonly intentDigest: string;
    readonly by: 'trader' | 'supervisor' | 'stranger';
    readonly signedAgo?: number;
  },
): Promise<void> {
  const { id, approvalKey } = cast.people[approval.by];
  const clock = { now: () => Date.now() - (approval.signedAgo ?? 0) * 1000 };
  const jws = await signApproval(
    { approver: id, transaction: approval.transaction, intentDigest: approval.intentDigest, lifeSeconds: 600 },
    approvalKey,
    { clock },
  );
  const client = cast.client('ha-approvals');
  const token = await client.clientCredentials({
    resource: `${addresses.issuer}/transactions`,
    scope: 'order:approve',
  });
  await client.callOrThrow(token, {
    method: 'POST',
    url: `${addresses.issuer}/transactions/${approval.transaction}/approvals`,
    body: { jws },
  });
}
