import {
  type LifeCycleName,
  type TransactionEvent,
  type TransactionState,
  type TransitionRequest,
  transactionErrors,
  transactionEvents,
  transactionStates,
} from '@countersign/contracts';
import {
  compareDecimals,
  type DecimalString,
  type Digest,
  defined,
  digestOf,
  parseDecimal,
  parseDigest,
  parseInstant,
  zero,
} from '@countersign/kernel';
import { type Currency, type Lei, parseCurrency, parseLei } from '@countersign/market';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

export interface Asked extends TransitionRequest {
  readonly bodyDigest: Digest;
  readonly institution: string;
}

export function parseTransitionRequest(request: TransitionRequest): Asked {
  const { event, idempotencyKey, body, by } = request;
  if (!transactionEvents.includes(event))
    throw transactionErrors.error('transition_invalid', `The event must be one of ${transactionEvents.join(', ')}.`);
  if (idempotencyKey === '')
    throw transactionErrors.error(
      'idempotency_key_missing',
      'A transition needs an idempotency key, so that repeating it is safe.',
    );
  if (!/^[\x21-\x7e]{1,128}$/.test(idempotencyKey))
    throw transactionErrors.error('transition_invalid', 'The idempotency key is 1 to 128 visible ASCII characters.');
  if (by.institution === undefined)
    throw transactionErrors.error('transition_not_permitted', 'The caller does not act for an institution.');
  return { ...request, bodyDigest: digestOf(body), institution: by.institution };
}

const quantity = Type.String({ maxLength: 40 });
const money = Type.Object({ amount: quantity, ccy: Type.String({ maxLength: 3 }) }, { additionalProperties: false });
const identifier = Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z._:/@#+-]{0,63}$' });
const common = {
  reference: Type.Optional(Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z._:/@#+-]{0,127}$' })),
  /** The transaction as the partner knows it; compared with ours. */
  intent_digest: Type.Optional(Type.String({ maxLength: 64 })),
  state: Type.Optional(Type.String({ maxLength: 32 })),
};
const closed = { additionalProperties: false };

const plain = Compile(Type.Object(common, closed));
const execution = Compile(Type.Object({ ...common, executed_qty: quantity, price: money }, closed));
const clearing = Compile(Type.Object({ ...common, cleared_qty: quantity }, closed));
const settlement = Compile(Type.Object({ ...common, settled_qty: quantity, amount: Type.Optional(money) }, closed));
const moved = Compile(Type.Object({ ...common, amount: Type.Optional(quantity) }, closed));
const quote = Compile(
  Type.Object({ ...common, quote_id: identifier, price: money, valid_until: Type.String({ maxLength: 40 }) }, closed),
);
const deal = Compile(Type.Object({ ...common, quote_id: identifier, counterparty_lei: Type.String() }, closed));

export interface Money {
  readonly amount: DecimalString;
  readonly ccy: Currency;
}

/** The intent and state that a partner reports. */
interface Said {
  readonly intentDigest?: Digest;
  readonly state?: TransactionState;
}

export type TransitionBody = { readonly said: Said } & (
  | { readonly kind: 'plain' }
  | { readonly kind: 'execution'; readonly executedQty: DecimalString; readonly price: Money }
  | { readonly kind: 'clearing'; readonly clearedQty: DecimalString }
  | { readonly kind: 'settlement'; readonly settledQty: DecimalString; readonly amount?: Money }
  | { readonly kind: 'moved'; readonly amount: DecimalString }
  | { readonly kind: 'quote'; readonly quoteId: string; readonly price: Money; readonly validUntil: number }
  | { readonly kind: 'deal'; readonly quoteId: string; readonly counterparty: Lei }
);

/**
 * Unknown members are refused, because the evidence would show them as if they had been checked.
 *
 * @throws CodedError `transition_invalid`
 */
export function parseTransitionBody(cycle: LifeCycleName, event: TransactionEvent, body: unknown): TransitionBody {
  switch (`${cycle} ${event}`) {
    case 'order execute': {
      const { executed_qty, price, ...rest } = shaped(execution, event, body);
      return {
        ...saidIn(rest),
        kind: 'execution',
        executedQty: parseQuantity('executed_qty', executed_qty),
        price: parseMoney('price', price),
      };
    }
    case 'order clear': {
      const { cleared_qty, ...rest } = shaped(clearing, event, body);
      return { ...saidIn(rest), kind: 'clearing', clearedQty: parseQuantity('cleared_qty', cleared_qty) };
    }
    case 'order settle': {
      const { settled_qty, amount, ...rest } = shaped(settlement, event, body);
      return {
        ...saidIn(rest),
        kind: 'settlement',
        settledQty: parseQuantity('settled_qty', settled_qty),
        ...(amount === undefined ? {} : { amount: parseMoney('amount', amount) }),
      };
    }
    case 'settlement settle':
    case 'withdrawal confirm': {
      const { amount, ...rest } = shaped(moved, event, body);
      return amount === undefined
        ? { ...saidIn(rest), kind: 'plain' }
        : { ...saidIn(rest), kind: 'moved', amount: parseQuantity('amount', amount) };
    }
    case 'rfq quote': {
      const { quote_id, price, valid_until, ...rest } = shaped(quote, event, body);
      return {
        ...saidIn(rest),
        kind: 'quote',
        quoteId: quote_id,
        price: parseMoney('price', price),
        validUntil: parseTime('valid_until', valid_until),
      };
    }
    case 'rfq accept': {
      const { quote_id, counterparty_lei, ...rest } = shaped(deal, event, body);
      return { ...saidIn(rest), kind: 'deal', quoteId: quote_id, counterparty: parseFirm(counterparty_lei) };
    }
    default:
      return { ...saidIn(shaped(plain, event, body)), kind: 'plain' };
  }
}

function saidIn({
  intent_digest,
  state,
}: {
  readonly intent_digest?: string | undefined;
  readonly state?: string | undefined;
}): { readonly said: Said } {
  const intentDigest = intent_digest === undefined ? undefined : parseDigest(intent_digest);
  if (intent_digest !== undefined && intentDigest === undefined)
    throw invalid('intent_digest is a SHA-256 digest in base64url.');
  const named = transactionStates.find((known) => known === state);
  if (state !== undefined && named === undefined)
    throw invalid(`The state must be one of ${transactionStates.join(', ')}.`);
  return {
    said: {
      ...defined({ intentDigest, state: named }),
    },
  };
}

interface Validator<Body> {
  Check(value: unknown): value is Body;
  Errors(value: unknown): readonly { readonly instancePath: string; readonly message: string }[];
}

function shaped<Body>(validator: Validator<Body>, event: TransactionEvent, body: unknown): Body {
  if (validator.Check(body)) return body;
  const [error] = validator.Errors(body);
  throw invalid(
    `The body of ${event} is invalid${error === undefined ? '' : `: ${error.instancePath || 'it'} ${error.message}`}.`,
  );
}

function parseQuantity(field: string, text: string): DecimalString {
  const value = parseDecimal(text);
  if (value === undefined || compareDecimals(value, zero) <= 0)
    throw invalid(`${field} must be a canonical decimal above zero, e.g. "1500.25".`);
  return value;
}

function parseMoney(field: string, { amount, ccy }: Static<typeof money>): Money {
  const currency = parseCurrency(ccy);
  if (!currency.ok) throw invalid(`${field}.ccy: ${currency.detail}`);
  const value = parseDecimal(amount);
  if (value === undefined) throw invalid(`${field}.amount must be a canonical decimal, e.g. "101.25".`);
  return { amount: value, ccy: currency.value };
}

function parseTime(field: string, text: string): number {
  const at = parseInstant(text);
  if (at === undefined) throw invalid(`${field} must be an RFC 3339 date-time.`);
  return at;
}

function parseFirm(text: string): Lei {
  const lei = parseLei(text);
  if (!lei.ok) throw invalid(`counterparty_lei: ${lei.detail}`);
  return lei.value;
}

function invalid(detail: string) {
  return transactionErrors.error('transition_invalid', detail);
}
