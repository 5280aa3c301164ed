import { isCodedError } from '@countersign/kernel';
import { isIssuedBy, isSelfIssued, type ParsedCertificate } from '../certificates/certificate.ts';
import { findCertificateFault } from '../certificates/check-certificate.ts';
import { basicConstraintsOf, extendedKeyUsageOf, keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { findForbiddenName, nameConstraintsOf } from './name-constraints.ts';
import { policiesOfPath } from './policies.ts';

/** Why a certificate is refused. */
export const pathReasons = [
  'malformed',
  /** No chain of signatures leads to an anchor. */
  'untrusted',
  'not_yet_valid',
  'expired',
  /** An unsupported critical extension, or a policy mapping. */
  'extension_unknown',
  /** RSA under 2,048 bits, a curve other than P-256, P-384 and P-521, DSA, or an unsupported kind of key. */
  'key_weak',
  /** An issuer is not an authority, or the leaf is one. */
  'not_authority',
  'path_too_long',
  'usage_wrong',
  'purpose_wrong',
  'name_constrained',
  'policy_missing',
] as const;
export type PathReason = (typeof pathReasons)[number];

export interface PathRequirements {
  /** Trusted self-signed certificates. The leaf itself cannot be its anchor. */
  readonly anchors: readonly ParsedCertificate[];
  /** Untrusted certificates of authorities that may be part of the path. */
  readonly intermediates: readonly ParsedCertificate[];
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Extended key usages. The leaf must have one; so must an authority that has the extension. */
  readonly purposes: readonly string[];
  /** The path must be valid under one of these policies. Empty: no policy is required. */
  readonly policies: readonly string[];
}

export type ValidatedPath =
  | {
      readonly ok: true;
      /** From the leaf to the anchor, both included. */
      readonly path: readonly ParsedCertificate[];
      /** Policies that the leaf names and that hold for the path; only required ones, if any are required. */
      readonly policies: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly reason: PathReason; readonly detail: string };

type Refusal = Extract<ValidatedPath, { ok: false }>;

const maxPathLength = 6;
const maxPaths = 8;
/** Signatures verified for one answer, however many intermediates are given. */
const maxSignatures = 32;
const supportedExtensions: ReadonlySet<string> = new Set<string>([
  oid.nameConstraints,
  oid.policyConstraints,
  oid.inhibitAnyPolicy,
]);

/**
 * Validates the certificate of a signer (key usage digital signature) by RFC 5280 section 6. Stricter than the standard:
 * usages must be present, the leaf must not be an authority, policy mappings are refused, constraints of the anchor
 * apply, and issuer names are compared octet by octet.
 *
 * Revocation is not checked; the caller checks it for the returned path. One valid path is enough; if there is none, the
 * reason is that of the first path.
 */
export function validatePath(certificate: ParsedCertificate, requirements: PathRequirements): ValidatedPath {
  let first: Refusal | undefined;
  for (const path of findPaths(certificate, requirements)) {
    const verdict = refuseUnreadable(() => validateOnePath(path, requirements));
    if (verdict.ok) return verdict;
    first ??= verdict;
  }
  return first ?? refused('untrusted', 'No chain of signatures leads from the certificate to a trust anchor.');
}

/** Turns a coded error, which means that a certificate cannot be read, into a refusal. */
function refuseUnreadable(validate: () => ValidatedPath): ValidatedPath {
  try {
    return validate();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return refused('malformed', error.detail);
  }
}

/** Paths of matching names and signatures up to an anchor, shortest first; bounded. */
function findPaths(
  leaf: ParsedCertificate,
  { anchors, intermediates }: PathRequirements,
): readonly (readonly ParsedCertificate[])[] {
  const found: (readonly ParsedCertificate[])[] = [];
  let signatures = 0;
  const isLink = (child: ParsedCertificate, issuer: ParsedCertificate): boolean => {
    if (!sameOctets(issuer.subject, child.issuer) || ++signatures > maxSignatures) return false;
    return isIssuedBy(child, issuer);
  };
  let unfinished: (readonly ParsedCertificate[])[] = [[leaf]];
  for (let length = 1; length < maxPathLength; length++) {
    const next: (readonly ParsedCertificate[])[] = [];
    for (const path of unfinished) {
      const top = path.at(-1);
      if (top === undefined) continue;
      for (const anchor of anchors) if (isLink(top, anchor)) found.push([...path, anchor]);
      for (const issuer of intermediates)
        if (!path.some(({ encoding }) => sameOctets(encoding, issuer.encoding)) && isLink(top, issuer))
          next.push([...path, issuer]);
    }
    if (found.length >= maxPaths) break;
    unfinished = next.slice(0, maxPaths);
  }
  return found.slice(0, maxPaths);
}

/** @param path from the leaf to an anchor; each certificate is signed by the next */
function validateOnePath(path: readonly ParsedCertificate[], requirements: PathRequirements): ValidatedPath {
  const [leaf, ...authorities] = path;
  if (leaf === undefined) return refused('untrusted', 'The path is empty.');
  for (const certificate of path) {
    const fault = checkCertificate(certificate, requirements.at);
    if (fault !== undefined) return fault;
  }
  const fault = checkLeaf(leaf, requirements) ?? checkAuthorities(authorities, requirements) ?? checkNames(path);
  if (fault !== undefined) return fault;
  const policies = policiesOfPath(path.slice(0, -1).toReversed(), new Set(requirements.policies));
  if (!policies.ok) return refused('policy_missing', 'The path is valid under none of the required policies.');
  return { ok: true, path, policies: policies.policies };
}

function checkCertificate(certificate: ParsedCertificate, at: number): Refusal | undefined {
  const fault = findCertificateFault(certificate, at, supportedExtensions);
  if (fault !== undefined) return { ok: false, ...fault };
  if (certificate.extensions.has(oid.policyMappings))
    return refused('extension_unknown', 'A certificate of the path has policy mappings.');
  return undefined;
}

function checkLeaf(leaf: ParsedCertificate, { purposes }: PathRequirements): Refusal | undefined {
  if (basicConstraintsOf(leaf).authority) return refused('not_authority', 'The certificate belongs to an authority.');
  if (keyUsageOf(leaf)?.has(keyUsageBits.digitalSignature) !== true)
    return refused('usage_wrong', 'The key usage does not include digital signature.');
  const extended = extendedKeyUsageOf(leaf)?.purposes ?? [];
  if (!extended.some((purpose) => purposes.includes(purpose)))
    return refused('purpose_wrong', 'The extended key usage includes none of the required purposes.');
  return undefined;
}

/** @param authorities from the issuer of the leaf to the anchor */
function checkAuthorities(
  authorities: readonly ParsedCertificate[],
  { purposes }: PathRequirements,
): Refusal | undefined {
  let below = 0;
  for (const certificate of authorities) {
    const { authority, pathLength } = basicConstraintsOf(certificate);
    const usage = keyUsageOf(certificate);
    if (!authority || (usage !== undefined && !usage.has(keyUsageBits.keyCertSign)))
      return refused('not_authority', 'A certificate of the path is not allowed to issue certificates.');
    if (pathLength !== undefined && below > pathLength)
      return refused('path_too_long', 'The path length constraint of an authority is exceeded.');
    const limit = extendedKeyUsageOf(certificate)?.purposes;
    if (limit !== undefined && !limit.some((each) => each === oid.anyExtendedKeyUsage || purposes.includes(each)))
      return refused('purpose_wrong', 'An authority of the path is limited to other purposes.');
    // RFC 5280 section 4.2.1.9: self-issued certificates do not count.
    if (!isSelfIssued(certificate)) below++;
  }
  return undefined;
}

function checkNames(path: readonly ParsedCertificate[]): Refusal | undefined {
  for (const [index, authority] of path.entries()) {
    const constraints = nameConstraintsOf(authority);
    if (constraints === undefined) continue;
    for (const [depth, below] of path.slice(0, index).entries()) {
      // RFC 5280 section 6.1.3 (b): a self-issued certificate is constrained only if it is the leaf.
      if (depth > 0 && isSelfIssued(below)) continue;
      const name = findForbiddenName(below, constraints);
      if (name !== undefined)
        return refused('name_constrained', `A certificate of the path has ${name} by an authority above it.`);
    }
  }
  return undefined;
}

function refused(reason: PathReason, detail: string): Refusal {
  return { ok: false, reason, detail };
}
