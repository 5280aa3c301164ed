import type { DecimalString } from '@countersign/kernel';
import { cfiOutside } from './cfi-outside.ts';
import type { Constraints, WindowLimit } from './constraints-shape.ts';
import { weekOf } from './hours.ts';
import { instantAt } from './local-time.ts';
import type { MandateUse } from './mandate-use.ts';
import { isBoundByLimits } from './permits.ts';
import { lesser, one } from './wider.ts';

/** Returns a use that the constraints permit, with every fact known and an action to which the limits apply. */
export function usePermittedBy(constraints: Constraints): MandateUse {
  const { actions, productClasses, venues, jurisdictions, accounts, counterparties, destinations } = constraints;
  const { quantityPerOrder, limits = [], hours } = constraints;
  const [venue, jurisdiction, account, counterparty] = [
    venues[0],
    jurisdictions[0],
    accounts?.[0],
    counterparties?.[0],
  ];
  const cfi = cfiOutside(productClasses[0] ?? '', []);
  const openMinute = hours === undefined ? 0 : weekOf(hours).indexOf(true);
  return {
    action: actions.find(isBoundByLimits) ?? actions[0] ?? '',
    accounts: [account ?? 'ANY'],
    counterparties: counterparty === undefined ? [] : [counterparty],
    notional: constraints.notionalPerOrder,
    quantity: quantityPerOrder ?? leastOf(limits.filter(({ measure }) => measure === 'quantity')),
    ...(destinations?.[0] === undefined ? {} : { destination: destinations[0] }),
    at: instantAt(openMinute, hours?.timeZone ?? 'UTC') ?? 0,
    ...(cfi === undefined ? {} : { cfi }),
    ...(venue === undefined ? {} : { venue }),
    ...(jurisdiction === undefined ? {} : { jurisdiction }),
  };
}

function leastOf(limits: readonly WindowLimit[]): DecimalString {
  return limits.reduce((least, { max }) => lesser(least, max), one);
}
