import {
  type CertificateSignatureDependencies,
  type CertificateSignatureSettings,
  type Directory,
  type DirectorySnapshot,
  identifySigner,
  type Person,
  type SignedStatement,
  transactionErrors,
} from '@countersign/contracts';
import { type Clock, type CodedError, type Digest, digestOf, type Json } from '@countersign/kernel';
import { type KeyCache, type VerificationKey, verifyJws } from '@countersign/oauth';
import {
  type ApprovalClaims,
  type ApprovalJws,
  type BatchClaims,
  batchRoot,
  certifiedApprovalType,
  isCertified,
  parseApprovalJws,
  parseApprovalStatement,
  parseBatchApprovalJws,
  parseBatchApprovalStatement,
  parseCertifiedApproval,
  parseCertifiedBatch,
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

/** The person of a certificate and its class. @throws CodedError `approval_authenticator`, and of `identifySigner` */
async function approverOfCertificate(
  text: string,
  claims: Pick<ApprovalClaims, 'iss'>,
  { audit: log, directory, clock, certificates: settings, acrValues }: ReadingDependencies,
): Promise<Approver> {
  const refuse = (problem: 'malformed' | 'signature', detail: string) =>
    problem === 'malformed'
      ? transactionErrors.error('approval_malformed', `This is not an approval. ${detail}`)
      : transactionErrors.error('approval_signature', `The approval was not signed by the certified key. ${detail}`);
  const signer = await identifySigner(
    text,
    { type: certifiedApprovalType, refuse },
    { log, directory, clock, settings },
  );
  const { person: principal, kid, jwk, certificate, issuance: registration } = signer;
  if (!acrValues.includes(signer.acr))
    throw transactionErrors.error(
      'approval_authenticator',
      `Approvals need an authenticator of class ${acrValues.join(' or ')}; this certificate has class ${signer.acr}.`,
    );
  if (principal.id !== claims.iss) throw unknownKey('The certificate is not of the person named as iss.');
  return { principal, kid, jwk, registration, certificate };
}

/** An approval as submitted: a compact JWS by a key of the directory or of a certificate, or a statement signed by an authenticator. */
export type ApprovalAsPresented = string | SignedStatement;

export interface ReadingDependencies {
  readonly audit: CertificateSignatureDependencies['log'];
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly keys: KeyCache;
  /** Rules for approvals that are signed with certificates. */
  readonly certificates: CertificateSignatureSettings;
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
): Promise<Read<{ readonly claims: ApprovalClaims; readonly item: SignedItem }>> {
  return read(brought, dependencies, {
    jws: parseApprovalJws,
    certified: parseCertifiedApproval,
    statement: parseApprovalStatement,
  });
}

export async function readBatch(
  brought: ApprovalAsPresented,
  dependencies: ReadingDependencies,
): Promise<Read<BatchClaims>> {
  const found = await read(brought, dependencies, {
    jws: parseBatchApprovalJws,
    certified: parseCertifiedBatch,
    statement: parseBatchApprovalStatement,
  });
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

async function read<Signed extends { readonly claims: ApprovalClaims }>(
  brought: ApprovalAsPresented,
  dependencies: ReadingDependencies,
  parse: {
    jws(text: string): Signed & Parameters<typeof verifyApprover>[0];
    certified(text: string): Signed;
    statement(statement: SignedStatement): Signed;
  },
): Promise<Read<Signed>> {
  const { directory, keys, acrValues, directoryKeys } = dependencies;
  try {
    if (typeof brought !== 'string') {
      const signed = parse.statement(brought);
      return { signed, approver: approverOfStatement(brought, signed.claims, directory.snapshot(), acrValues) };
    }
    if (isCertified(brought)) {
      const signed = parse.certified(brought);
      return { signed, approver: await approverOfCertificate(brought, signed.claims, dependencies) };
    }
    const signed = parse.jws(brought);
    if (!directoryKeys)
      throw transactionErrors.error(
        'approval_authenticator',
        'Approvals must be signed by an authenticator; directory keys are not accepted.',
      );
    return { signed, approver: verifyApprover(signed, directory.snapshot(), keys) };
  } catch (error) {
    return { fault: refusalBy(error) };
  }
}
