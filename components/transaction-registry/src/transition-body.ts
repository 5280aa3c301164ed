import { type TransactionEvent, transactionErrors } from '@countersign/contracts';
import { compareDecimals, type DecimalString, parseDecimal, zero } from '@countersign/kernel';
import { type Currency, parseCurrency } from '@countersign/market';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';

const quantity = Type.String({ maxLength: 40 });
const money = Type.Object({ amount: quantity, ccy: Type.String({ maxLength: 3 }) }, { additionalProperties: false });
/** How the caller's own system calls the event: an execution id, a settlement reference. */
const reference = Type.Optional(Type.String({ pattern: '^[0-9A-Za-z][0-9A-Za-z._:/@#+-]{0,63}$' }));
const closed = { additionalProperties: false };

const schemas = {
  submit: Type.Object({ reference }, closed),
  execute: Type.Object({ executed_qty: quantity, price: money, reference }, closed),
  clear: Type.Object({ cleared_qty: quantity, reference }, closed),
  settle: Type.Object({ settled_qty: quantity, amount: Type.Optional(money), reference }, closed),
  cancel: Type.Object({ reference }, closed),
} as const;

const validators = {
  submit: Compile(schemas.submit),
  execute: Compile(schemas.execute),
  clear: Compile(schemas.clear),
  settle: Compile(schemas.settle),
  cancel: Compile(schemas.cancel),
};

export interface Money {
  readonly amount: DecimalString;
  readonly ccy: Currency;
}

/** What the caller says happened, as far as the terms of the intent speak of it. */
export type TransitionBody =
  | { readonly event: 'submit' | 'cancel' }
  | { readonly event: 'execute'; readonly executedQty: DecimalString; readonly price: Money }
  | { readonly event: 'clear'; readonly clearedQty: DecimalString }
  | { readonly event: 'settle'; readonly settledQty: DecimalString; readonly amount?: Money };

/**
 * Reads the body of a transition. Nothing unknown is let through: a member that nothing compares with the
 * terms would stand in the evidence as if it had been.
 *
 * @throws CodedError `transition_invalid`
 */
export function parseTransitionBody(event: TransactionEvent, body: unknown): TransitionBody {
  switch (event) {
    case 'submit':
    case 'cancel':
      shaped<Static<typeof schemas.submit>>(event, body);
      return { event };
    case 'execute': {
      const { executed_qty, price } = shaped<Static<typeof schemas.execute>>(event, body);
      return { event, executedQty: parseQuantity('executed_qty', executed_qty), price: parseMoney('price', price) };
    }
    case 'clear':
      return {
        event,
        clearedQty: parseQuantity('cleared_qty', shaped<Static<typeof schemas.clear>>(event, body).cleared_qty),
      };
    case 'settle': {
      const { settled_qty, amount } = shaped<Static<typeof schemas.settle>>(event, body);
      return {
        event,
        settledQty: parseQuantity('settled_qty', settled_qty),
        ...(amount === undefined ? {} : { amount: parseMoney('amount', amount) }),
      };
    }
  }
}

function shaped<Body>(event: TransactionEvent, body: unknown): Body {
  const validator = validators[event];
  if (validator.Check(body)) return body as Body;
  const [error] = validator.Errors(body);
  throw transactionErrors.error(
    'transition_invalid',
    `The body of ${event} is not as it should be${error === undefined ? '' : `: ${error.instancePath || 'it'} ${error.message}`}.`,
  );
}

function parseQuantity(field: string, text: string): DecimalString {
  const value = parseDecimal(text);
  if (value === undefined || compareDecimals(value, zero) <= 0)
    throw transactionErrors.error(
      'transition_invalid',
      `${field} is a decimal above zero in its one canonical form, e.g. "1500.25".`,
    );
  return value;
}

function parseMoney(field: string, { amount, ccy }: Static<typeof money>): Money {
  const currency = parseCurrency(ccy);
  if (!currency.ok) throw transactionErrors.error('transition_invalid', `${field}.ccy: ${currency.detail}`);
  const value = parseDecimal(amount);
  if (value === undefined)
    throw transactionErrors.error(
      'transition_invalid',
      `${field}.amount is a decimal in its one canonical form, e.g. "101.25".`,
    );
  return { amount: value, ccy: currency.value };
}
