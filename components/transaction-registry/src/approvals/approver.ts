import { type Credential, type DirectorySnapshot, type Principal, transactionErrors } from '@countersign/contracts';
import { type KeyCache, type VerificationKey, verifyJws } from '@countersign/oauth';
import type { ApprovalJws } from './approval-jws.ts';

export interface Approver {
  readonly principal: Principal;
  readonly credential: Credential;
}

/**
 * The one person whose key signed. The key comes from the directory by its thumbprint, never from the approval,
 * and the approval must name that person itself: who signs knows in whose name.
 *
 * @throws CodedError `approval_key_unknown`, `approval_signature`
 */
export function verifyApprover(
  { jws, kid, claims }: Pick<ApprovalJws, 'jws' | 'kid' | 'claims'>,
  directory: DirectorySnapshot,
  keys: KeyCache,
): Approver {
  const credential = directory.credential(kid);
  const principal = credential === undefined ? undefined : directory.principal(credential.principal);
  if (credential?.use !== 'approval' || principal?.kind !== 'person')
    throw transactionErrors.error('approval_key_unknown', 'The key that signed is registered to no person.');
  // Known, and may do nothing: not until they are let in again.
  if (principal.active === false)
    throw transactionErrors.error('approval_key_unknown', 'The person whose key signed is not active.');
  if (principal.id !== claims.iss)
    throw transactionErrors.error(
      'approval_key_unknown',
      'The key that signed is not registered to the person named as iss.',
    );
  const key: VerificationKey = keys.import(credential.jwk);
  if (key.thumbprint !== kid)
    throw transactionErrors.error(
      'approval_key_unknown',
      'The key is registered under another thumbprint than its own.',
    );
  verifyJws(jws, key, (_, detail) =>
    transactionErrors.error('approval_signature', `The approval was not signed by this key. ${detail}`),
  );
  return { principal, credential };
}
