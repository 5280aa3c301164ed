import {
  type Directory,
  type DirectorySnapshot,
  type Person,
  type SignedStatement,
  transactionErrors,
} from '@countersign/contracts';
import { type CodedError, type Digest, digestOf, type Json } from '@countersign/kernel';
import { type KeyCache, type VerificationKey, verifyJws } from '@countersign/oauth';
import {
  type ApprovalClaims,
  type ApprovalJws,
  type BatchClaims,
  batchRoot,
  parseApprovalJws,
  parseApprovalStatement,
  parseBatchApprovalJws,
  parseBatchApprovalStatement,
  type SignedItem,
} from './approval-claims.ts';
import { type Approver, refusalBy } from './judge.ts';

/**
 * The key comes from the directory, never from the approval. @throws CodedError `approval_key_unknown`,
 * `approval_signature`
 */
function verifyApprover(
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
function approverOfStatement(
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

/** An approval as submitted: a compact JWS, or a statement signed by an authenticator. */
export type ApprovalAsPresented = string | SignedStatement;

export interface ReadingDependencies {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly keys: KeyCache;
  readonly acrValues: readonly string[];
  /** Whether directory keys may sign approvals; their storage is unknown. */
  readonly directoryKeys: boolean;
}

export type Read<Signed> =
  | { readonly signed: Signed; readonly approver: Approver }
  | { readonly fault: CodedError; readonly approver?: Approver };

export function readApproval(
  brought: ApprovalAsPresented,
  dependencies: ReadingDependencies,
): Read<{ readonly claims: ApprovalClaims; readonly item: SignedItem }> {
  return read(brought, dependencies, parseApprovalJws, parseApprovalStatement);
}

export function readBatch(brought: ApprovalAsPresented, dependencies: ReadingDependencies): Read<BatchClaims> {
  const found = read(brought, dependencies, parseBatchApprovalJws, parseBatchApprovalStatement);
  if ('fault' in found || batchRoot(found.signed.items) === found.signed.root) return found;
  const detail =
    'The signed root is not the digest of the items. The list was changed after it was shown: review and sign it again.';
  return { fault: transactionErrors.error('approval_batch_root', detail), approver: found.approver };
}

export function digestOfPresented(brought: ApprovalAsPresented): Digest {
  return digestOf(typeof brought === 'string' ? brought : brought.claims);
}

export function proofOf(brought: ApprovalAsPresented): Readonly<Record<string, Json>> {
  if (typeof brought === 'string') return { jws: brought };
  const { claims, signature, authenticator } = brought;
  return { statement: { claims: { ...claims }, signature: { ...signature } }, authenticator: authenticator.id };
}

function read<Signed extends { readonly claims: ApprovalClaims }>(
  brought: ApprovalAsPresented,
  { directory, keys, acrValues, directoryKeys }: ReadingDependencies,
  parseJws: (text: string) => Signed & Parameters<typeof verifyApprover>[0],
  parseStatement: (statement: SignedStatement) => Signed,
): Read<Signed> {
  try {
    if (typeof brought === 'string') {
      const signed = parseJws(brought);
      if (!directoryKeys)
        throw transactionErrors.error(
          'approval_authenticator',
          'Approvals must be signed by an authenticator; directory keys are not accepted.',
        );
      return { signed, approver: verifyApprover(signed, directory.snapshot(), keys) };
    }
    const signed = parseStatement(brought);
    return { signed, approver: approverOfStatement(brought, signed.claims, directory.snapshot(), acrValues) };
  } catch (error) {
    return { fault: refusalBy(error) };
  }
}
