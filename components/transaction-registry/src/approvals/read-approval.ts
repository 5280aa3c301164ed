import { type Directory, type SignedStatement, transactionErrors } from '@countersign/contracts';
import { type CodedError, type Digest, digestOf, type Json } from '@countersign/kernel';
import type { KeyCache } from '@countersign/oauth';
import { type ApprovalClaims, type BatchClaims, batchRoot, type SignedItem } from './approval-claims.ts';
import {
  parseApprovalJws,
  parseApprovalStatement,
  parseBatchApprovalJws,
  parseBatchApprovalStatement,
} from './approval-jws.ts';
import { type Approver, approverOfStatement, verifyApprover } from './approver.ts';
import { refusalBy } from './judge.ts';

/** An approval as submitted: a compact JWS, or a statement signed by an authenticator. */
export type BroughtApproval = string | SignedStatement;

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
  brought: BroughtApproval,
  dependencies: ReadingDependencies,
): Read<{ readonly claims: ApprovalClaims; readonly item: SignedItem }> {
  return read(brought, dependencies, parseApprovalJws, parseApprovalStatement);
}

export function readBatch(brought: BroughtApproval, dependencies: ReadingDependencies): Read<BatchClaims> {
  const found = read(brought, dependencies, parseBatchApprovalJws, parseBatchApprovalStatement);
  if ('fault' in found || batchRoot(found.signed.items) === found.signed.root) return found;
  const detail =
    'The signed root is not the digest of the items. The list was changed after it was shown: review and sign it again.';
  return { fault: transactionErrors.error('approval_batch_root', detail), approver: found.approver };
}

export function digestOfBrought(brought: BroughtApproval): Digest {
  return digestOf(typeof brought === 'string' ? brought : brought.claims);
}

export function proofOf(brought: BroughtApproval): Readonly<Record<string, Json>> {
  if (typeof brought === 'string') return { jws: brought };
  const { claims, signature, authenticator } = brought;
  return { statement: { claims: { ...claims }, signature: { ...signature } }, authenticator: authenticator.id };
}

function read<Signed extends { readonly claims: ApprovalClaims }>(
  brought: BroughtApproval,
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
