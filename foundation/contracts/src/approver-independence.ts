import type { Principal } from './directory.ts';

type Colleague = Pick<Principal, 'institution' | 'desk'>;

/**
 * Whether an approver in this role trades on the same desk as the initiator. A trader may not approve for their own desk as desk
 * head, risk, compliance or operations, or as their deputy. Supervisors belong to the desk they supervise.
 *
 * @param initiators the initiator and the person who took the transaction over, if any; undefined for principals that are not in the
 * directory
 */
export function tradesOnSameDesk(
  approver: Pick<Principal, 'roles'> & Colleague,
  role: string,
  initiators: readonly (Colleague | undefined)[],
): boolean {
  const { institution, desk, roles } = approver;
  if (role === 'supervisor' || desk === undefined || !roles.includes('trader')) return false;
  return initiators.some((one) => one !== undefined && one.institution === institution && one.desk === desk);
}
