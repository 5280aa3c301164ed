import { type TransactionEvent, type TransactionState, transactionEvents } from '@countersign/contracts';
import { unreachable } from '@countersign/kernel';
import type { AuthorizationDetail, Lei, Scope } from '@countersign/market';
import type { Part } from './life-cycle.ts';
import { lifeCycleOf, nextSteps } from './life-cycles.ts';

/** Institutions (LEI) by their part in an intent. */
type PartiesByPart = ReadonlyMap<Part, readonly Lei[]>;

/** Reads the parts of institutions from the fields of an intent. */
export function partiesByPart({
  detail,
  initiatorInstitution,
}: {
  readonly detail: AuthorizationDetail;
  readonly initiatorInstitution: Lei;
}): PartiesByPart {
  const parties = new Map<Part, Lei[]>();
  for (const [part, lei] of namedIn(detail, initiatorInstitution)) {
    const known = parties.get(part) ?? [];
    if (!known.includes(lei)) parties.set(part, [...known, lei]);
  }
  parties.set('initiator', [initiatorInstitution]);
  return parties;
}

/**
 * Before that they must not see the transaction: whom a firm will ask for a quote, or pay, is confidential until it
 * does.
 */
export function partiesToAct(
  transaction: { readonly detail: AuthorizationDetail; readonly initiatorInstitution: Lei },
  state: TransactionState,
): readonly Lei[] {
  const parties = partiesByPart(transaction);
  const actors = nextSteps(lifeCycleOf(transaction.detail), state).flatMap(({ rule }) => rule.actors);
  return [...new Set(actors.flatMap((actor) => parties.get(actor) ?? []))];
}

/** All steps of the life cycle that an institution can take, in any state. */
export function stepsTakenBy(
  transaction: { readonly detail: AuthorizationDetail; readonly initiatorInstitution: Lei },
  institution: string,
): readonly { readonly event: TransactionEvent; readonly scope: Scope }[] {
  const parties = partiesByPart(transaction);
  return transactionEvents.flatMap((event) => {
    const rule = lifeCycleOf(transaction.detail).rules[event];
    const takes = rule?.actors.some((part) => parties.get(part)?.some((lei) => lei === institution)) === true;
    return rule !== undefined && takes ? [{ event, scope: rule.scope }] : [];
  });
}

function namedIn(detail: AuthorizationDetail, initiatorInstitution: Lei): readonly (readonly [Part, Lei])[] {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
      return detail.parties.map(({ role, lei }) => [role, lei]);
    case 'urn:countersign:rar:v1:rfq':
      return [
        ...detail.parties.map(({ role, lei }) => [role, lei] as const),
        ...detail.counterparties_lei.map((lei) => ['counterparty', lei] as const),
      ];
    case 'urn:countersign:rar:v1:allocation':
      return detail.giveup_to_lei === undefined ? [] : [['giveup', detail.giveup_to_lei]];
    case 'urn:countersign:rar:v1:clearing_submission':
      return [
        ['ccp', detail.ccp_lei],
        ['clearing-firm', detail.clearing_firm_lei],
      ];
    case 'urn:countersign:rar:v1:settlement_instruction': {
      const ends = [detail.deliverer.lei, detail.receiver.lei];
      const others = ends.filter((lei) => lei !== detail.entity_lei && lei !== initiatorInstitution);
      if (others.length > 0) return others.map((lei) => ['counterparty', lei]);
      // An agent that instructs a settlement to itself does not affirm it; the institution that it acts for does, or
      // another person of the same firm.
      const apart = ends.filter((lei) => lei !== initiatorInstitution);
      return (apart.length > 0 ? apart : ends).map((lei) => ['counterparty', lei]);
    }
    case 'urn:countersign:rar:v1:address_book_change':
      return [['beneficiary', detail.beneficiary_lei]];
    case 'urn:countersign:rar:v1:regulatory_report':
      return [['repository', detail.tr_lei]];
    case 'urn:countersign:rar:v1:collateral_transfer':
    case 'urn:countersign:rar:v1:withdrawal':
    case 'urn:countersign:rar:v1:privileged_admin':
      return [];
    default:
      return unreachable(detail);
  }
}
