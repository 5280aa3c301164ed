import { isCodedError } from '@countersign/kernel';
import { signatureSchemeOf } from '../algorithms.ts';
import { isSelfIssued, type ParsedCertificate } from '../certificates/certificate.ts';
import { faultOfCertificate } from '../certificates/certificate-fault.ts';
import { basicConstraintsOf, extendedKeyUsageOf, keyUsageBits, keyUsageOf } from '../certificates/extensions.ts';
import { verifySignature } from '../crypto.ts';
import { objectIdentifiers as oid } from '../object-identifiers.ts';
import { sameOctets } from '../octets.ts';
import { firstNameRefused, nameConstraintsOf } from './name-constraints.ts';
import { policiesOfPath } from './policies.ts';

/** Why a certificate is not relied on. */
export const pathReasons = [
  'malformed',
  /** No signatures lead from it to an anchor. */
  'untrusted',
  'not_yet_valid',
  'expired',
  /** A critical extension that is not understood, or a mapping of policies. */
  'extension_unknown',
  /** RSA under 2,048 bits, another curve than P-256, P-384 and P-521, DSA, or a kind of key that is not verified with. */
  'key_weak',
  /** It is issued by what is no authority, or is one itself. */
  'not_authority',
  'path_too_long',
  'usage_wrong',
  'purpose_wrong',
  'name_constrained',
  'policy_missing',
] as const;
export type PathReason = (typeof pathReasons)[number];

export interface PathRequirements {
  /** Self-signed certificates that are trusted; never the one that is validated. */
  readonly anchors: readonly ParsedCertificate[];
  /** Authorities that may stand between; nothing is believed of them. */
  readonly others: readonly ParsedCertificate[];
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Extended key usages: the certificate must have one, and an authority that is limited by them too. */
  readonly purposes: readonly string[];
  /** The path must be valid under one of these policies; no policy is asked for when it is empty. */
  readonly policies: readonly string[];
}

export type ValidatedPath =
  | {
      readonly ok: true;
      /** From the certificate to its anchor, both included. */
      readonly path: readonly ParsedCertificate[];
      /** Of the required ones where any is required: those that the certificate itself names and its path bears out. */
      readonly policies: ReadonlySet<string>;
    }
  | { readonly ok: false; readonly reason: PathReason; readonly detail: string };

type Refusal = Extract<ValidatedPath, { ok: false }>;

const longestPath = 6;
const mostPaths = 8;
/** Signatures that are verified for one answer, whatever others have put beside the certificate. */
const mostSignatures = 32;
const understood: ReadonlySet<string> = new Set<string>([
  oid.nameConstraints,
  oid.policyConstraints,
  oid.inhibitAnyPolicy,
]);

/**
 * Whether a certificate of somebody who signs (key usage digital signature) is good by RFC 5280 section 6: signatures
 * up to an anchor, validity, basic constraints, path length, key usage and extended key usage, name constraints,
 * policies. Stricter than that: usages must be stated, an authority's certificate is nobody's, mappings of policies are
 * refused, constraints of the anchor count, names of issuers compare octet by octet.
 *
 * It does not ask whether a certificate was revoked: that is for who has the lists, with the path that this answers.
 * Where several paths lead to anchors, one that holds is enough; the reason is otherwise that of the first.
 */
export function validatePath(certificate: ParsedCertificate, requirements: PathRequirements): ValidatedPath {
  let first: Refusal | undefined;
  for (const path of pathsFrom(certificate, requirements)) {
    const verdict = readable(() => verdictOn(path, requirements));
    if (verdict.ok) return verdict;
    first ??= verdict;
  }
  return first ?? refused('untrusted', 'No path of signatures leads from the certificate to one that is trusted.');
}

/** What cannot be read is not relied on. */
function readable(judge: () => ValidatedPath): ValidatedPath {
  try {
    return judge();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return refused('malformed', error.detail);
  }
}

/** Every path of names and signatures up to an anchor, shortest first for one set of candidates; bounded. */
function pathsFrom(
  leaf: ParsedCertificate,
  { anchors, others }: PathRequirements,
): readonly (readonly ParsedCertificate[])[] {
  const found: (readonly ParsedCertificate[])[] = [];
  let signatures = 0;
  const isSignedBy = (child: ParsedCertificate, issuer: ParsedCertificate): boolean => {
    if (!sameOctets(issuer.subject, child.issuer) || ++signatures > mostSignatures) return false;
    const scheme = schemeOf(child);
    return scheme !== undefined && verifySignature(issuer.publicKey, scheme, child.toBeSigned, child.signature);
  };
  let heads: (readonly ParsedCertificate[])[] = [[leaf]];
  for (let length = 1; length < longestPath; length++) {
    const next: (readonly ParsedCertificate[])[] = [];
    for (const path of heads) {
      const top = path.at(-1);
      if (top === undefined) continue;
      for (const anchor of anchors) if (isSignedBy(top, anchor)) found.push([...path, anchor]);
      for (const other of others)
        if (!path.some(({ encoding }) => sameOctets(encoding, other.encoding)) && isSignedBy(top, other))
          next.push([...path, other]);
    }
    if (found.length >= mostPaths) break;
    heads = next.slice(0, mostPaths);
  }
  return found.slice(0, mostPaths);
}

function schemeOf(certificate: ParsedCertificate) {
  try {
    return signatureSchemeOf(certificate.signatureAlgorithm);
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

/** @param path from the certificate to an anchor; each is signed by the next */
function verdictOn(path: readonly ParsedCertificate[], requirements: PathRequirements): ValidatedPath {
  const [leaf, ...authorities] = path;
  if (leaf === undefined) return refused('untrusted', 'There is no certificate.');
  for (const certificate of path) {
    const fault = faultOfOne(certificate, requirements.at);
    if (fault !== undefined) return fault;
  }
  const fault = faultOfLeaf(leaf, requirements) ?? faultOfAuthorities(authorities, requirements) ?? faultOfNames(path);
  if (fault !== undefined) return fault;
  // From the certificate below the anchor down.
  const policies = policiesOfPath(path.slice(0, -1).toReversed(), new Set(requirements.policies));
  if (!policies.ok)
    return refused('policy_missing', 'The path is valid under none of the policies that are asked for.');
  return { ok: true, path, policies: policies.policies };
}

function faultOfOne(certificate: ParsedCertificate, at: number): Refusal | undefined {
  const fault = faultOfCertificate(certificate, at, understood);
  if (fault !== undefined) return { ok: false, ...fault };
  if (certificate.extensions.has(oid.policyMappings))
    return refused('extension_unknown', 'A certificate of the path maps policies.');
  return undefined;
}

function faultOfLeaf(leaf: ParsedCertificate, { purposes }: PathRequirements): Refusal | undefined {
  if (basicConstraintsOf(leaf).authority) return refused('not_authority', 'It is the certificate of an authority.');
  if (keyUsageOf(leaf)?.has(keyUsageBits.digitalSignature) !== true)
    return refused('usage_wrong', 'Its key usage does not hold digital signature.');
  const extended = extendedKeyUsageOf(leaf)?.purposes ?? [];
  if (!extended.some((purpose) => purposes.includes(purpose)))
    return refused('purpose_wrong', 'Its extended key usage holds none of the purposes that are asked for.');
  return undefined;
}

/** @param authorities the one that issued the certificate first, the anchor last */
function faultOfAuthorities(
  authorities: readonly ParsedCertificate[],
  { purposes }: PathRequirements,
): Refusal | undefined {
  let below = 0;
  for (const certificate of authorities) {
    const { authority, pathLength } = basicConstraintsOf(certificate);
    const usage = keyUsageOf(certificate);
    if (!authority || (usage !== undefined && !usage.has(keyUsageBits.keyCertSign)))
      return refused('not_authority', 'A certificate of the path may issue none.');
    if (pathLength !== undefined && below > pathLength)
      return refused('path_too_long', 'More authorities stand below one than it may have.');
    const limit = extendedKeyUsageOf(certificate)?.purposes;
    if (limit !== undefined && !limit.some((each) => each === oid.anyExtendedKeyUsage || purposes.includes(each)))
      return refused('purpose_wrong', 'An authority of the path is for other purposes.');
    // RFC 5280 section 4.2.1.9: self-issued ones do not count.
    if (!isSelfIssued(certificate)) below++;
  }
  return undefined;
}

function faultOfNames(path: readonly ParsedCertificate[]): Refusal | undefined {
  for (const [index, authority] of path.entries()) {
    const constraints = nameConstraintsOf(authority);
    if (constraints === undefined) continue;
    for (const [depth, below] of path.slice(0, index).entries()) {
      // RFC 5280 section 6.1.3 (b): a self-issued one is not constrained unless it is the last.
      if (depth > 0 && isSelfIssued(below)) continue;
      const name = firstNameRefused(below, constraints);
      if (name !== undefined)
        return refused('name_constrained', `A certificate of the path has ${name} by an authority above it.`);
    }
  }
  return undefined;
}

function refused(reason: PathReason, detail: string): Refusal {
  return { ok: false, reason, detail };
}
