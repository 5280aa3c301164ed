import {
  type Authenticator,
  type DirectorySnapshot,
  type Person,
  type SignedStatement,
  transactionErrors,
} from '@countersign/contracts';
import type { RecordId } from '@countersign/kernel';
import { type KeyCache, type VerificationKey, verifyJws } from '@countersign/oauth';
import type { ApprovalClaims } from './approval-claims.ts';
import type { ApprovalJws } from './approval-jws.ts';

/** The one person who signed, with what. */
export interface Approver {
  readonly principal: Person;
  /** RFC 7638 thumbprint. */
  readonly kid: string;
  readonly jwk: Readonly<Record<string, string>>;
  /** By which the key was registered to the person, beside the directory's record of them. */
  readonly registration: RecordId | undefined;
  readonly authenticator?: Authenticator;
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
  if (credential?.use !== 'approval') throw unknownKey('The key that signed is registered to no person.');
  const principal = personOf(credential.principal, directory);
  if (principal.id !== claims.iss)
    throw unknownKey('The key that signed is not registered to the person named as iss.');
  const key: VerificationKey = keys.import(credential.jwk);
  if (key.thumbprint !== kid) throw unknownKey('The key is registered under another thumbprint than its own.');
  verifyJws(jws, key, (_, detail) =>
    transactionErrors.error('approval_signature', `The approval was not signed by this key. ${detail}`),
  );
  return { principal, kid, jwk: credential.jwk, registration: undefined };
}

/**
 * The one person whose authenticator signed. Its signature has been verified when it comes here; whose it is, and whether
 * it is of a class that is enough, is looked at.
 *
 * @param acrValues classes of which the authenticator must have one
 * @throws CodedError `approval_key_unknown`, `approval_authenticator`
 */
export function approverOfStatement(
  { authenticator }: SignedStatement,
  claims: Pick<ApprovalClaims, 'iss'>,
  directory: DirectorySnapshot,
  acrValues: readonly string[],
): Approver {
  const principal = personOf(authenticator.person, directory);
  if (principal.id !== claims.iss)
    throw unknownKey('The authenticator that signed is not registered to the person named as iss.');
  if (!acrValues.includes(authenticator.acr))
    throw transactionErrors.error(
      'approval_authenticator',
      `An approval is signed by an authenticator of the class ${acrValues.join(' or ')}; this one is ${authenticator.acr}.`,
    );
  const { kid, jwk, recordId: registration } = authenticator;
  return { principal, kid, jwk, registration, authenticator };
}

function personOf(id: string, directory: DirectorySnapshot): Person {
  const principal = directory.principal(id);
  if (principal?.kind !== 'person') throw unknownKey('The key that signed is registered to no person.');
  // Known, and may do nothing: not until they are let in again.
  if (principal.active === false) throw unknownKey('The person whose key signed is not active.');
  return principal;
}

function unknownKey(detail: string) {
  return transactionErrors.error('approval_key_unknown', detail);
}
