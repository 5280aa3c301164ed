import { CodedError, isCodedError, sha256Base64Url } from '@countersign/kernel';
import {
  approvalPolicy,
  approvalUsage,
  readCertificateSignature,
  verifyCertificateSignature,
} from '@countersign/oauth/certificate-signature';
import { hasType, importVerificationKey, parseCompactJws, verifyJws } from '@countersign/oauth/signatures';
import { verifyStatement } from '@countersign/webauthn';
import { extendedKeyUsageOf, type ParsedCertificate, publicKeyJwk, readX509Certificate } from '@countersign/x509';
import type { Evidence } from '../evidence.ts';
import type { Facts, FactsOf } from '../facts.ts';
import type { BundledRecord } from '../record.ts';

export const approvalType = 'countersign-approval+jwt';
export const certifiedApprovalType = 'countersign-approval+x509';
export const approvalStatementType = 'countersign-approval+webauthn';

export type ApprovalRecord = BundledRecord<Extract<Facts, { kind: 'approval.given' }>>;
/** Compared, never interpreted. */
export type Terms = Readonly<Record<string, unknown>>;

export type VerifiedApproval =
  | {
      readonly ok: true;
      readonly terms: Terms;
      /** Whose certificate signed: of the operator's own authority, of one that the reader trusts, or of one that nobody vouches for. */
      readonly certified?: 'own' | 'anchored' | 'unanchored';
    }
  | {
      readonly ok: false;
      readonly detail: string;
      /** The owner of the key is withheld or pruned; no fault is known. */
      readonly unseen: boolean;
    };

/** Verifies the signature with the recorded key, and that the key was registered to the approver. */
export function verifyApproval(evidence: Evidence, approval: ApprovalRecord): VerifiedApproval {
  try {
    const { signed } = approval.facts;
    if (signed.form === 'statement') return { ok: true, terms: verifyApprovalStatement(evidence, approval, signed) };
    return approval.certificate === undefined
      ? { ok: true, terms: verifyJwsApproval(evidence, approval, signed) }
      : { ok: true, ...verifyCertifiedApproval(evidence, approval, signed) };
  } catch (error) {
    if (isCodedError(error, holderUnknown))
      return restsOnUnseen(evidence, approval)
        ? { ok: false, unseen: true, detail: 'The record that gives its key to a person cannot be seen.' }
        : { ok: false, unseen: false, detail: error.detail };
    if (isCodedError(error, notGenuine)) return { ok: false, unseen: false, detail: error.detail };
    if (isCodedError(error))
      return { ok: false, unseen: false, detail: `The approval's signature cannot be relied on. ${error.detail}` };
    throw error;
  }
}

type Signed<Form extends string> = Extract<ApprovalRecord['facts']['signed'], { form: Form }>;

function verifyJwsApproval(evidence: Evidence, approval: ApprovalRecord, { jws: text }: Signed<'jws'>): Terms {
  const key = importVerificationKey(approval.facts.key);
  const jws = parseCompactJws(text, (_problem, detail) => invalid(detail));
  if (!hasType(jws.header, approvalType)) throw refused(`The approval is not of type ${approvalType}.`);
  if (jws.header.kid !== key.thumbprint) throw refused('The approval names another key than the one recorded with it.');
  const terms = verifyJws(jws, key, (_problem, detail) => invalid(detail));
  const holder = holderInDirectory(evidence, approval, key.thumbprint);
  if (holder === undefined) throw unheld('The key is in no directory record that the approval rests on.');
  if (holder !== approval.subject)
    throw refused('The directory gives the key to another person than the one recorded as approver.');
  return terms;
}

/**
 * The signature brings its certificates and a statement that they were good (OCSP). A certificate of the operator's own authority is
 * the one whose issuance is recorded for the approver. A certificate of another authority leads to one that the reader trusts.
 */
function verifyCertifiedApproval(
  evidence: Evidence,
  approval: ApprovalRecord,
  { jws: text }: Signed<'jws'>,
): { readonly terms: Terms; readonly certified: 'own' | 'anchored' | 'unanchored' } {
  const signed = readCertificateSignature(text, certifiedApprovalType, (_problem, detail) => invalid(detail));
  const { certificate, above } = signed;
  if (sha256Base64Url(certificate.encoding) !== approval.certificate?.thumbprint)
    throw refused('The approval was signed with another certificate than the recorded one.');
  if (importVerificationKey(approval.facts.key).thumbprint !== signed.key.thumbprint)
    throw refused('The approval names another key than the one recorded with it.');
  const issued = issuanceOf(evidence, approval, sha256Base64Url(certificate.toBeSigned));
  const given = (evidence.trust.certificateAuthorities ?? []).map(readX509Certificate);
  const verify = (anchors: readonly ParsedCertificate[], purposes: readonly string[], policies: readonly string[]) =>
    verifyCertificateSignature(signed, { anchors, purposes, policies, at: approval.at }, (_problem, detail) =>
      refused(detail),
    ).claims;
  if (issued !== undefined) {
    if (issued.holder !== approval.subject)
      throw refused('The certificate was issued to another person than the one recorded as approver.');
    if (issued.profile !== 'operator-approval') throw refused('The certificate was not issued for approvals.');
    const issuers = above.filter(({ publicKey }) => thumbprintOf(publicKey) === issued.authority);
    return { terms: verify(issuers, [approvalUsage], [approvalPolicy]), certified: 'own' };
  }
  if (restsOnUnseen(evidence, approval)) throw unheld('The record that issued its certificate cannot be seen.');
  const usages = extendedKeyUsageOf(certificate)?.purposes ?? [];
  const anchors = given.length > 0 ? given : above.slice(-1);
  return { terms: verify(anchors, usages, []), certified: given.length > 0 ? 'anchored' : 'unanchored' };
}

function issuanceOf(
  evidence: Evidence,
  { references }: ApprovalRecord,
  tbsDigest: string,
): FactsOf<'certificate.issued'> | undefined {
  for (const reference of references) {
    const facts = evidence.byId.get(reference)?.facts;
    if (facts?.kind === 'certificate.issued' && facts.tbsDigest === tbsDigest) return facts;
  }
  return undefined;
}

/** Undefined for a key that our issuing authorities never have, e.g. that of the root. */
function thumbprintOf(publicKey: Uint8Array): string | undefined {
  try {
    return importVerificationKey(publicKeyJwk(publicKey)).thumbprint;
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
}

/** Relying party and origin of the assertion must match the registration, and the user must be verified. */
function verifyApprovalStatement(
  evidence: Evidence,
  approval: ApprovalRecord,
  { claims, signature }: Signed<'statement'>,
): Terms {
  const { typ, iss, iat, exp, jti } = claims;
  if (typ !== approvalStatementType) throw refused(`The approval is not of type ${approvalStatementType}.`);
  if (typeof iss !== 'string' || typeof iat !== 'number' || typeof exp !== 'number' || typeof jti !== 'string')
    throw refused('The approval lacks a member that every statement has.');
  if (!isPageOf(signature.origin, signature.rp_id))
    throw refused('The page at which the approval was signed is none of the service that it names.');
  const { kid, backupEligible } = verifyStatement({
    claims: { ...claims, typ, iss, iat, exp, jti },
    signature,
    jwk: approval.facts.key,
    expected: { rpId: signature.rp_id, origins: [signature.origin] },
  });
  const registered = registrationOf(evidence, approval, kid);
  if (registered === undefined) throw unheld('The key is in no registration that the approval rests on.');
  if (registered.subject !== approval.subject)
    throw refused('The authenticator was registered to another person than the one recorded as approver.');
  const { rpId, credentialId } = registered.facts;
  if (rpId !== signature.rp_id || credentialId !== signature.credential_id)
    throw refused('The authenticator was registered for another service, or under another id.');
  // WebAuthn Level 3 section 6.1.3: the flag never changes for a credential.
  if (registered.facts.backupEligible !== backupEligible)
    throw refused('The authenticator is another one than was registered: it says otherwise whether it can be copied.');
  return claims;
}

/** WebAuthn Level 3 section 5.1.3, steps 7 and 8. */
function isPageOf(origin: string, rpId: string): boolean {
  const url = URL.canParse(origin) ? new URL(origin) : undefined;
  if (url === undefined || url.origin !== origin) return false;
  const { protocol, hostname } = url;
  const local = hostname === 'localhost' || hostname.endsWith('.localhost');
  return (
    (protocol === 'https:' || (protocol === 'http:' && local)) && (hostname === rpId || hostname.endsWith(`.${rpId}`))
  );
}

function holderInDirectory(evidence: Evidence, approval: ApprovalRecord, kid: string): string | undefined {
  for (const reference of approval.references) {
    const facts = evidence.byId.get(reference)?.facts;
    if (facts?.kind !== 'directory.applied') continue;
    const credential = facts.credentials.find((candidate) => candidate.kid === kid);
    if (credential !== undefined) return credential.principal;
  }
  return undefined;
}

function registrationOf(
  evidence: Evidence,
  { references }: ApprovalRecord,
  kid: string,
): { readonly subject: string | undefined; readonly facts: FactsOf<'authenticator.registered'> } | undefined {
  for (const reference of references) {
    const record = evidence.byId.get(reference);
    if (record?.facts.kind === 'authenticator.registered' && record.facts.kid === kid)
      return { subject: record.subject, facts: record.facts };
  }
  return undefined;
}

function restsOnUnseen(evidence: Evidence, { references }: ApprovalRecord): boolean {
  return references.some(
    (reference) =>
      evidence.leafById.get(reference)?.reading.state === 'pruned' ||
      evidence.byId.get(reference)?.facts.kind === 'withheld',
  );
}

const notGenuine = 'approval_not_genuine';
const holderUnknown = 'approval_holder_unknown';

function unheld(detail: string): CodedError {
  return new CodedError({ code: holderUnknown, category: 'invalid', detail });
}

// Never leaves this file; it becomes a finding.
function refused(detail: string): CodedError {
  return new CodedError({ code: notGenuine, category: 'invalid', detail });
}

function invalid(detail: string): CodedError {
  return new CodedError({ code: 'approval_signature', category: 'invalid', detail });
}
