import {
  compareDecimals,
  type DecimalString,
  type Json,
  membersOf,
  multiplyDecimals,
  parseDecimal,
} from '@countersign/kernel';
import { openingOf, type RecordOf, transitionsOf } from '../own-story.ts';
import { type Check, conclude, counted, type Finding, notChecked } from './check.ts';

const order = 'urn:countersign:rar:v1:trade_order';

/** Executed amounts must be within the order, cleared within executed, and settled within cleared amounts. */
export const stepsStayWithinTerms: Check = {
  id: 'terms',
  title: 'What was executed, cleared and settled is within the order',
  reads: { 'transaction.opened': ['/data/intent'], 'transaction.transitioned': ['/data/body'] },
  run(evidence) {
    const opening = openingOf(evidence);
    if (opening === undefined || opening.facts.intentType !== order)
      return notChecked('The transaction is no order: its amounts were not compared.');
    const intent = membersOf(opening.facts.intent);
    if (intent === undefined) return conclude([], '0 amounts compared: what the order says is withheld.');
    const bounds: Bounds = { executed: undefined, cleared: undefined };
    let compared = 0;
    const findings = transitionsOf(evidence).flatMap((step): readonly Finding[] => {
      const fault = faultOf(step, intent, bounds);
      if (fault === 'unseen') return [];
      compared++;
      return fault === undefined ? [] : [{ code: 'terms_exceeded', detail: fault, record: step.id }];
    });
    return conclude(findings, `${counted(compared, 'amount')} compared.`, { of: compared });
  },
};

type Bound = DecimalString | 'unseen' | undefined;
interface Bounds {
  executed: Bound;
  cleared: Bound;
}

/** @returns the fault; `unseen` if there is no amount or nothing to compare it with */
function faultOf(
  { facts: { event, body }, withheld }: RecordOf<'transaction.transitioned'>,
  intent: Readonly<Record<string, Json>>,
  bounds: Bounds,
): string | undefined {
  const said = membersOf(body) ?? {};
  const hidden = withheld.has('/data/body');
  const stated = (name: string): Bound => (hidden ? 'unseen' : parseDecimal(said[name]));
  switch (event) {
    case 'execute': {
      bounds.executed = stated('executed_qty');
      if (bounds.executed === 'unseen') return 'unseen';
      return isWithin(bounds.executed, parseDecimal(intent['max_qty']))
        ? priceFault(bounds.executed, membersOf(said['price']), intent)
        : 'More was executed than the order allows.';
    }
    case 'clear':
      bounds.cleared = stated('cleared_qty');
      if (bounds.cleared === 'unseen' || bounds.executed === 'unseen') return 'unseen';
      return isWithin(bounds.cleared, bounds.executed) ? undefined : 'More was cleared than was executed.';
    case 'settle': {
      const settled = stated('settled_qty');
      if (settled === 'unseen' || bounds.cleared === 'unseen') return 'unseen';
      return isWithin(settled, bounds.cleared) ? undefined : 'More was settled than was cleared.';
    }
    default:
      return 'unseen';
  }
}

function isWithin(quantity: DecimalString | undefined, bound: DecimalString | undefined): quantity is DecimalString {
  return quantity !== undefined && bound !== undefined && compareDecimals(quantity, bound) <= 0;
}

function priceFault(
  quantity: DecimalString,
  price: Readonly<Record<string, Json>> | undefined,
  { limit_price: limited, max_notional: most, side }: Readonly<Record<string, Json>>,
): string | undefined {
  const amount = parseDecimal(price?.['amount']);
  const [limit, notional] = [membersOf(limited), membersOf(most)];
  if (amount === undefined || price?.['ccy'] !== notional?.['ccy'])
    return 'The price is in another currency than the order.';
  if (limit !== undefined) {
    const bound = parseDecimal(limit['amount']);
    const worse = bound === undefined ? 1 : compareDecimals(amount, bound) * (side === 'BUY' ? 1 : -1);
    if (worse > 0 || limit['ccy'] !== price?.['ccy'])
      return 'It was executed at a worse price than the limit of the order.';
  }
  return isWithin(multiplyDecimals(quantity, amount), parseDecimal(notional?.['amount']))
    ? undefined
    : 'It is worth more than the order allows.';
}
