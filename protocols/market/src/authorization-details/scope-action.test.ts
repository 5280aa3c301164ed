import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type AuthorizationDetailType,
  authorizationDetailTypes,
  type Constraints,
  intentUse,
  parseConstraints,
  permits,
  type Scope,
  scopeActionOf,
  scopes,
} from '../index.ts';
import { arbitraryDetail } from '../testing/arbitrary-details.ts';

const actions: Readonly<Record<AuthorizationDetailType, Scope | undefined>> = {
  'urn:countersign:rar:v1:trade_order': 'order:create',
  'urn:countersign:rar:v1:rfq': 'rfq:create',
  'urn:countersign:rar:v1:allocation': 'allocation:propose',
  'urn:countersign:rar:v1:clearing_submission': 'trade:affirm',
  'urn:countersign:rar:v1:settlement_instruction': 'settlement:instruct',
  'urn:countersign:rar:v1:collateral_transfer': 'collateral:transfer',
  'urn:countersign:rar:v1:address_book_change': 'withdrawal-address:propose',
  'urn:countersign:rar:v1:withdrawal': 'withdrawal:request',
  'urn:countersign:rar:v1:regulatory_report': 'report:submit',
  'urn:countersign:rar:v1:privileged_admin': undefined,
};
const covered = authorizationDetailTypes.filter((type) => actions[type] !== undefined);

describe('the action that an intent uses of its mandate', () => {
  it.each(authorizationDetailTypes)('is fixed for %s, whatever actions it names', (type) => {
    fc.assert(
      fc.property(arbitraryDetail(type), (detail) => {
        expect(scopeActionOf(detail)).toBe(actions[type]);
      }),
      { numRuns: 5 },
    );
  });

  /** A mandate with every constraint, made for another institution. */
  const elsewhere = {
    actions: [...scopes],
    productClasses: ['E', 'D', 'F', 'O', 'S'],
    venues: ['XXXX'],
    jurisdictions: ['DE', 'FR', 'US', 'JP'],
    notionalPerOrder: { amount: '1', ccy: 'CHF' },
    notionalPerDay: { amount: '1', ccy: 'CHF' },
    delegationDepth: 0,
  };
  const mandate = (changes: object): Constraints => {
    const parsed = parseConstraints({ ...elsewhere, ...changes });
    if (!parsed.ok) throw new Error(parsed.detail);
    return parsed.value;
  };

  it.each(covered)('is refused for any %s under a mandate for another account, institution or venue', (type) => {
    // An unassigned LEI and an unknown account, which no intent names.
    const none = [
      mandate({ accounts: ['NOBODYS'] }),
      mandate({ counterparties: ['00000000000000000098'] }),
      mandate({ jurisdictions: ['BR'] }),
      mandate({ actions: scopes.filter((scope) => scope !== actions[type]) }),
    ];
    fc.assert(
      fc.property(arbitraryDetail(type), (detail) => {
        const use = intentUse(detail, { action: actions[type] ?? '', at: 0 });
        for (const constraints of none) {
          const refusedFor = permits(constraints, use);
          // An intent with no counterparties cannot violate a counterparty list.
          if (constraints.counterparties !== undefined && use.counterparties?.length === 0) continue;
          expect(refusedFor.ok, JSON.stringify(constraints)).toBe(false);
        }
      }),
      { numRuns: 40 },
    );
  });
});
