import type { Principal } from './directory.ts';

type Colleague = Pick<Principal, 'institution' | 'desk'>;

/**
 * Whether an approver in this role deals beside those whose transaction it is: a trader of a desk does not check that desk as
 * its head or as risk, compliance or operations, nor stand in for whoever does. Supervisors are of the desk they supervise.
 *
 * @param begun who began the transaction, and who carries it on; undefined where the directory does not have them
 */
export function dealsBeside(
  approver: Pick<Principal, 'roles'> & Colleague,
  role: string,
  begun: readonly (Colleague | undefined)[],
): boolean {
  const { institution, desk, roles } = approver;
  if (role === 'supervisor' || desk === undefined || !roles.includes('trader')) return false;
  return begun.some((one) => one !== undefined && one.institution === institution && one.desk === desk);
}
