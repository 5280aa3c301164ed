import {
  auditLogErrors,
  type Caller,
  openDecision,
  outboundErrors,
  type RecordDraft,
  recordedRequester,
  recordIdOfCommand,
  secretsErrors,
  standing,
  venueHeaderNames,
  venueOrderThing,
} from '@countersign/contracts';
import {
  type CodedError,
  membersOf,
  newId,
  parseId,
  parseJson,
  sha256Digest,
  type TransactionId,
} from '@countersign/kernel';
import { digestOfIntent, instrumentId, parseAuthorizationDetail, type TradeOrder } from '@countersign/market';
import type { Definition } from '../definitions.ts';
import type { SecretsDependencies, TokenHolder } from '../dependencies.ts';
import { decided, type Judge, type Permitted, recordingRefusals, unknownSecret } from '../judge.ts';
import { nextNonce } from '../store/index.ts';
import { requirePermitted } from './permitted-requests.ts';
import {
  type SignedVenueRequest,
  type VenueOperation,
  type VenueOrder,
  type VenueRequest,
  type VenueSigner,
  venueForms,
} from './venues/index.ts';

/** A caller of the broker, with the claims of its token about the order. */
export interface VenueCaller extends TokenHolder, Pick<Caller, 'transaction' | 'intentDigest'> {}

/** The response of a venue to a request that the broker has sent. */
export interface VenueAnswer {
  readonly status: number;
  /** At most 64 KiB of text. */
  readonly body: string;
}

export interface VenueResult {
  /** The client order id: the transaction id. */
  readonly order?: string;
  /** To be sent unchanged; absent when the broker has sent it. */
  readonly request?: SignedVenueRequest;
  readonly answer?: VenueAnswer;
}

/**
 * Signs requests to venues without giving the key away. It builds every request itself, from the order of a submitted
 * transaction; callers cannot have octets of their own signed.
 */
export interface VenueBroker {
  /**
   * Signs the order of a transaction, once.
   * @param detail the trade order of the token, complete: its digest is compared with the token's and the transaction's
   * @throws CodedError `venue_order_mismatch`, `venue_order_not_submitted`, `venue_order_signed` and others
   */
  place(key: string, detail: unknown, by: VenueCaller, how: { readonly send: boolean }): Promise<VenueResult>;
  /**
   * Signs the cancellation of a signed order.
   * @param of the transaction
   */
  cancel(key: string, of: string, by: VenueCaller, how: { readonly send: boolean }): Promise<VenueResult>;
  /**
   * Asks the venue for the permissions of a key.
   * @throws CodedError `venue_key_too_powerful`, `venue_unavailable`
   */
  probe(definition: Pick<Definition, 'name' | 'venueKey' | 'material'>): Promise<'trade-only' | 'waived' | undefined>;
  /**
   * Signs a query on the venue's list.
   * @throws CodedError `venue_request_refused`
   */
  read(
    key: string,
    query: { readonly path: string; readonly parameters: Readonly<Record<string, string>> },
    by: VenueCaller,
    how: { readonly send: boolean },
  ): Promise<VenueResult>;
}

const { error } = secretsErrors;
const mismatch = (detail: string): CodedError => error('venue_order_mismatch', detail);
/** States in which the order of a transaction may be sent to the venue. */
const sendable: ReadonlySet<string> = new Set(['submitted']);
const cancellable: ReadonlySet<string> = new Set(['submitted', 'acknowledged', 'cancelled']);
const longestAnswer = 65_536;

export function createVenueBroker(
  dependencies: SecretsDependencies & {
    readonly judge: Judge;
    /** @throws CodedError `secret_unavailable` */
    readonly signerOf: (definition: Pick<Definition, 'name' | 'venueKey' | 'material'>) => Promise<VenueSigner>;
  },
): VenueBroker {
  const { pool, audit, transactions, exchange, clock, random, judge, signerOf } = dependencies;

  async function venueKeyFor(
    name: string,
    by: VenueCaller,
  ): Promise<Permitted & Required<Pick<Definition, 'venueKey'>>> {
    const permitted = await judge.permit('venue-key', name, by, { scope: 'secret:use' });
    const { venueKey } = permitted.definition;
    if (venueKey === undefined || venueKey.institution !== by.institution) throw unknownSecret();
    if (venueKey.apiKey === '')
      throw error(
        'secret_unavailable',
        'The API key is missing. The operator enters it once the venue has assigned it.',
      );
    return { ...permitted, venueKey };
  }

  /** The order of the intent, if token, transaction and key all match it. */
  async function orderOf(
    detail: unknown,
    by: VenueCaller,
    { venueKey }: Required<Pick<Definition, 'venueKey'>>,
  ): Promise<{
    readonly order: VenueOrder;
    readonly transaction: TransactionId;
    readonly trade: TradeOrder;
    readonly mandate: NonNullable<RecordDraft['mandate']>;
  }> {
    const { transaction: txn, intentDigest } = by;
    if (txn === undefined || intentDigest === undefined)
      throw mismatch(
        'The access token names no transaction. Ask for a token with the order as its authorization detail.',
      );
    const parsed = parseAuthorizationDetail(detail);
    if (!parsed.ok) throw error('venue_order_invalid', `The order cannot be read: ${parsed.detail}`);
    const trade = parsed.value;
    if (trade.type !== 'urn:countersign:rar:v1:trade_order')
      throw error('venue_order_invalid', 'Only orders can be signed for a venue.');
    if (digestOfIntent(trade) !== intentDigest)
      throw mismatch('The order differs from the intent of the access token.');
    const facts = await transactions.facts(txn);
    if (facts === undefined || facts.intentDigest !== intentDigest)
      throw mismatch('The order differs from the intent of the transaction.');
    if (facts.initiatorInstitution !== by.institution)
      throw mismatch('The transaction was started by another institution.');
    if (!sendable.has(facts.state))
      throw error(
        'venue_order_not_submitted',
        `The transaction is ${facts.state}. Submit it first: limits and approvals are checked then.`,
      );
    if (Date.parse(trade.not_after) <= clock.now())
      throw error('venue_order_not_submitted', 'The deadline for sending the order has passed.');
    if (trade.venue_mic !== venueKey.venueMic) throw mismatch('The order and the key are for different venues.');
    if (!venueKey.accounts.includes(trade.account)) throw mismatch('The key is not for the account of the order.');
    const currency = trade.limit_price?.ccy ?? trade.max_notional.ccy;
    const instrument = instrumentId(trade.instrument);
    const symbol = venueKey.symbols.find((one) => one.instrument === instrument && one.currency === currency)?.symbol;
    if (symbol === undefined) throw mismatch('The key is not for the instrument and currency of the order.');
    return {
      order: {
        symbol,
        side: trade.side,
        quantity: trade.max_qty,
        price: trade.limit_price?.amount,
        timeInForce: trade.tif,
        clientOrderId: txn,
      },
      transaction: txn,
      trade,
      mandate: facts.mandate,
    };
  }

  /** Signs. Also sends, if asked to or if the signature does not bind the order. Called after the record is durable. */
  async function release(
    request: VenueRequest,
    { definition, venueKey }: Pick<Permitted, 'definition'> & Required<Pick<Definition, 'venueKey'>>,
    {
      now,
      nonce,
      send,
      order,
    }: { readonly now: number; readonly nonce: bigint; readonly send: boolean; readonly order?: string },
  ): Promise<VenueResult> {
    const form = venueForms[venueKey.venue];
    const signer = await signerOf(definition);
    const signed = form.sign(request, signer, { baseUrl: venueKey.baseUrl, apiKey: venueKey.apiKey, now, nonce });
    const named = order === undefined ? {} : { order };
    if (form.bindsOrder && !send) return { ...named, request: signed };
    return { ...named, answer: await deliver(signed) };
  }

  async function deliver(signed: SignedVenueRequest): Promise<VenueAnswer> {
    const { 'content-type': contentType = 'application/json', authorization } = signed.headers;
    const venueHeaders = Object.fromEntries(
      venueHeaderNames.flatMap((header) => {
        const value = signed.headers[header];
        return value === undefined ? [] : [[header, value]];
      }),
    );
    try {
      const { status, body } = await exchange.exchange(signed.url, {
        contentType,
        body: signed.body,
        method: signed.method,
        ...(authorization === undefined ? {} : { authorization }),
        venueHeaders,
        maxBytes: longestAnswer,
        timeoutMs: 10_000,
      });
      return { status, body: body.toString('utf8') };
    } catch (failure) {
      if (!outboundErrors.is(failure, 'outbound_failed')) throw failure;
      throw error(
        'venue_unavailable',
        'The venue did not answer. The order may have arrived: ask the venue for its status first.',
        { cause: failure },
      );
    }
  }

  async function recordOnce(draft: RecordDraft): Promise<void> {
    try {
      await audit.append(draft);
    } catch (failure) {
      if (!auditLogErrors.is(failure, 'record_identity_taken')) throw failure;
      throw error(
        'venue_order_signed',
        'The order of this transaction has already been signed. Ask the venue for its status; a new order needs a new transaction.',
        { cause: failure },
      );
    }
  }

  /** The record of a checked request. The parameters are a trading intention, so the record has only their digest. */
  const describe = (
    operation: VenueOperation,
    name: string,
    { definition: { venueKey }, decision }: Permitted,
    request: VenueRequest,
    nonce: bigint,
  ) => ({
    payload: sha256Digest(JSON.stringify([request.method, request.path, request.parameters])),
    data: {
      key: name,
      venue: venueKey?.venue ?? '',
      operation,
      method: request.method,
      path: request.path,
      nonce: nonce.toString(),
      decision: openDecision(decision),
    },
  });

  /** Microseconds since the epoch. */
  const firstNonce = (now: number): bigint => BigInt(now) * 1_000n;

  async function signRecorded(
    name: string,
    operation: 'cancel' | 'read',
    request: VenueRequest,
    permitted: Permitted & Required<Pick<Definition, 'venueKey'>>,
    by: VenueCaller,
    { send, order }: { readonly send: boolean; readonly order?: string },
  ): Promise<VenueResult> {
    requirePermitted(permitted.venueKey.venue, operation, request);
    const now = clock.now();
    const nonce = await nextNonce(pool, name, firstNonce(now));
    const { payload, data } = describe(operation, name, permitted, request, nonce);
    await audit.append({
      id: newId('record', { clock, random }),
      source: 'secrets',
      type: 'venue.request-signed',
      outcome: 'permit',
      ...recordedRequester(by),
      client: by.client,
      ...decided(permitted.decision, by),
      payload,
      data: { ...data, ...(order === undefined ? {} : { order }) },
    });
    return release(request, permitted, { now, nonce, send, ...(order === undefined ? {} : { order }) });
  }

  return {
    async probe(definition) {
      const { venueKey } = definition;
      if (venueKey === undefined) return undefined;
      if (venueKey.probe === 'waived') return 'waived';
      const { probe } = venueForms[venueKey.venue];
      // A key that the venue does not know yet cannot be used. It is probed when its API key is entered.
      if (venueKey.apiKey === '' || probe === undefined) return undefined;
      const now = clock.now();
      const nonce = await nextNonce(pool, definition.name, firstNonce(now));
      const { baseUrl, apiKey } = venueKey;
      const signer = await signerOf(definition);
      const { status, body } = await deliver(probe.request(signer, { baseUrl, apiKey, now, nonce }));
      const answer = parseJson(body);
      if (status !== 200 || !answer.ok)
        throw error('venue_unavailable', `The venue did not report the permissions of the key (status ${status}).`);
      if (!probe.isTradeOnly(answer.value))
        throw error(
          'venue_key_too_powerful',
          'The venue reports that this key can do more than trade. Remove its other permissions at the venue, or make another key.',
        );
      return 'trade-only';
    },
    place: (name, detail, by, { send }) =>
      recordingRefusals(dependencies, by, refusal(name, 'place', by), async () => {
        const permitted = await venueKeyFor(name, by);
        const { order, transaction: txn, trade, mandate } = await orderOf(detail, by, permitted);
        const form = venueForms[permitted.venueKey.venue];
        const request = form.place(order);
        requirePermitted(permitted.venueKey.venue, 'place', request);
        const now = clock.now();
        const nonce = await nextNonce(pool, name, firstNonce(now));
        const { payload, data } = describe('place', name, permitted, request, nonce);
        const of = venueOrderThing(txn);
        const about = decided(permitted.decision, by);
        await recordOnce({
          // The id is derived from the transaction, and the nonce differs each time: the log accepts one record, from
          // any node.
          id: recordIdOfCommand({ venueOrder: txn }),
          source: 'secrets',
          type: 'venue.order-signed',
          outcome: 'permit',
          ...recordedRequester(by),
          client: by.client,
          transaction: txn,
          mandate,
          ...about,
          intent: digestOfIntent(trade),
          payload,
          standing: [standing(of, { key: name, payload })],
          data: { ...data, order: order.clientOrderId },
        });
        return release(request, permitted, { now, nonce, send, order: order.clientOrderId });
      }),
    cancel: (name, of, by, { send }) =>
      recordingRefusals(dependencies, by, refusal(name, 'cancel', by), async () => {
        const permitted = await venueKeyFor(name, by);
        const txn = parseId('transaction', of);
        const facts = txn === undefined ? undefined : await transactions.facts(txn);
        if (txn === undefined || facts === undefined || facts.initiatorInstitution !== by.institution)
          throw mismatch('Your institution has no such transaction.');
        const signed = (await audit.standings([venueOrderThing(txn)])).get(venueOrderThing(txn));
        if (signed === undefined || !cancellable.has(facts.state))
          throw error('venue_order_not_submitted', 'No order of this transaction has been signed.');
        const placed = await audit.find(signed.record);
        if (membersOf(placed?.record.data)?.['key'] !== name)
          throw mismatch('The order was signed with another key. Cancel it with that key.');
        const { intent } = facts;
        const symbol = symbolOf(intent, permitted.venueKey.symbols);
        if (intent['venue_mic'] !== permitted.venueKey.venueMic || symbol === undefined)
          throw mismatch('The order and the key are for different venues or instruments.');
        const request = venueForms[permitted.venueKey.venue].cancel({ symbol, clientOrderId: txn });
        return signRecorded(name, 'cancel', request, permitted, by, { send, order: txn });
      }),
    read: (name, { path, parameters }, by, { send }) =>
      recordingRefusals(
        dependencies,
        by,
        { ...refusal(name, 'read', by), data: { key: name, operation: 'read', path: path.slice(0, 200) } },
        async () => {
          const permitted = await venueKeyFor(name, by);
          const { venue } = permitted.venueKey;
          const endpoint = venueForms[venue].endpoints.find(
            (known) => known.operation === 'read' && known.path === path,
          );
          const request: VenueRequest = {
            method: endpoint?.method ?? 'GET',
            path,
            parameters: Object.entries(parameters),
            carriedAs: endpoint?.method === 'POST' ? 'form' : 'query',
          };
          return signRecorded(name, 'read', request, permitted, by, { send });
        },
      ),
  };
}

const refusal = (key: string, operation: VenueOperation, { transaction: txn, intentDigest }: VenueCaller) => ({
  type: 'venue.refused' as const,
  ...(txn === undefined ? {} : { transaction: txn }),
  ...(intentDigest === undefined ? {} : { intent: intentDigest }),
  data: { key, operation },
});

function symbolOf(
  intent: Readonly<Record<string, unknown>>,
  symbols: NonNullable<Definition['venueKey']>['symbols'],
): string | undefined {
  const parsed = parseAuthorizationDetail({ ...intent, locations: ['urn:countersign:venue'], actions: ['cancel'] });
  if (!parsed.ok || parsed.value.type !== 'urn:countersign:rar:v1:trade_order') return undefined;
  const { instrument, limit_price: price, max_notional: notional } = parsed.value;
  const currency = price?.ccy ?? notional.ccy;
  return symbols.find((one) => one.instrument === instrumentId(instrument) && one.currency === currency)?.symbol;
}
