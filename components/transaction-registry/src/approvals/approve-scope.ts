import type { LifeCycleName } from '@countersign/contracts';
import type { AuthorizationDetail, Scope } from '@countersign/market';
import { lifeCycleOf } from '../life-cycles/index.ts';

const scopeOf = {
  order: 'order:approve',
  rfq: 'order:approve',
  allocation: 'allocation:approve',
  clearing: 'order:approve',
  settlement: 'order:approve',
  collateral: 'collateral:approve',
  withdrawal: 'withdrawal:approve',
  'address-book': 'withdrawal-address:approve',
  report: 'order:approve',
  administration: 'directory:approve',
} as const satisfies Readonly<Record<LifeCycleName, Scope>>;

export const approveScopes = [
  'order:approve',
  'allocation:approve',
  'collateral:approve',
  'withdrawal:approve',
  'withdrawal-address:approve',
  'directory:approve',
] as const satisfies readonly (typeof scopeOf)[LifeCycleName][];

export function approveScopeOf(detail: Pick<AuthorizationDetail, 'type'>): (typeof approveScopes)[number] {
  return scopeOf[lifeCycleOf(detail).name];
}
