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

export interface Approver {
  readonly principal: Person;
  readonly kid: string;
  readonly jwk: Readonly<Record<string, string>>;
  readonly registration: RecordId | undefined;
  readonly authenticator?: Authenticator;
}

/**
 * The key comes from the directory, never from the approval. @throws CodedError `approval_key_unknown`,
 * `approval_signature`
 */
export function verifyApprover(
  { jws, kid, claims }: Pick<ApprovalJws, 'jws' | 'kid' | 'claims'>,
  directory: DirectorySnapshot,
  keys: KeyCache,
): Approver {
  const credential = directory.credential(kid);
  if (credential?.use !== 'approval') throw unknownKey('The signing key is not registered to a person.');
  const principal = personOf(credential.principal, directory);
  if (principal.id !== claims.iss) throw unknownKey('The signing key is not registered to the person named as iss.');
  const key: VerificationKey = keys.import(credential.jwk);
  if (key.thumbprint !== kid) throw unknownKey('The key is registered under a thumbprint that is not its own.');
  verifyJws(jws, key, (_, detail) =>
    transactionErrors.error('approval_signature', `The approval was not signed by this key. ${detail}`),
  );
  return { principal, kid, jwk: credential.jwk, registration: undefined };
}

/**
 * Checks a verified statement's person and authenticator class. @throws CodedError `approval_key_unknown`,
 * `approval_authenticator`
 */
export function approverOfStatement(
  { authenticator }: SignedStatement,
  claims: Pick<ApprovalClaims, 'iss'>,
  directory: DirectorySnapshot,
  acrValues: readonly string[],
): Approver {
  const principal = personOf(authenticator.person, directory);
  if (principal.id !== claims.iss) throw unknownKey('The authenticator is not registered to the person named as iss.');
  if (!acrValues.includes(authenticator.acr))
    throw transactionErrors.error(
      'approval_authenticator',
      `Approvals need an authenticator of class ${acrValues.join(' or ')}; this one has class ${authenticator.acr}.`,
    );
  const { kid, jwk, recordId: registration } = authenticator;
  return { principal, kid, jwk, registration, authenticator };
}

function personOf(id: string, directory: DirectorySnapshot): Person {
  const principal = directory.principal(id);
  if (principal?.kind !== 'person') throw unknownKey('The signing key is not registered to a person.');
  // An inactive person has no authority.
  if (principal.active === false) throw unknownKey('The person whose key signed is not active.');
  return principal;
}

function unknownKey(detail: string) {
  return transactionErrors.error('approval_key_unknown', detail);
}
