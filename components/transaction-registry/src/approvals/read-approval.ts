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

/** An approval as it is brought: a compact JWS, or what a person's authenticator signed. */
export type BroughtApproval = string | SignedStatement;

export interface ReadingDependencies {
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly keys: KeyCache;
  /** Classes of authenticators that are enough; see `verifyApprover` for keys of the directory. */
  readonly acrValues: readonly string[];
  /** Whether keys of the directory count too, of which nobody knows where they are kept. */
  readonly directoryKeys: boolean;
}

/** Who signed, and what; or why nobody did. */
export type Read<Signed> =
  | { readonly signed: Signed; readonly approver: Approver }
  | { readonly fault: CodedError; readonly approver?: Approver };

/** Who signed what, of one transaction; or why it is no approval. */
export function readApproval(
  brought: BroughtApproval,
  dependencies: ReadingDependencies,
): Read<{ readonly claims: ApprovalClaims; readonly item: SignedItem }> {
  return read(brought, dependencies, parseApprovalJws, parseApprovalStatement);
}

/** The same of several. The root is what it says. */
export function readBatch(brought: BroughtApproval, dependencies: ReadingDependencies): Read<BatchClaims> {
  const found = read(brought, dependencies, parseBatchApprovalJws, parseBatchApprovalStatement);
  if ('fault' in found || batchRoot(found.signed.items) === found.signed.root) return found;
  const detail = 'The root that was signed is not the digest of the items: the list was changed after it was shown.';
  return { fault: transactionErrors.error('approval_batch_root', detail), approver: found.approver };
}

/** What was brought may be anything: its digest is enough to recognise it by. */
export function digestOfBrought(brought: BroughtApproval): Digest {
  return digestOf(typeof brought === 'string' ? brought : brought.claims);
}

/** The proof of an approval as its record holds it: evidence is checked from it. */
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
          'An approval is signed by an authenticator here; keys of the directory approve nothing.',
        );
      return { signed, approver: verifyApprover(signed, directory.snapshot(), keys) };
    }
    const signed = parseStatement(brought);
    return { signed, approver: approverOfStatement(brought, signed.claims, directory.snapshot(), acrValues) };
  } catch (error) {
    return { fault: refusalBy(error) };
  }
}
