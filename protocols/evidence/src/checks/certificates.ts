import { isCodedError, sha256Base64Url } from '@countersign/kernel';
import { findPath, type ParsedCertificate, readX509Certificate, verifyRevocation } from '@countersign/x509';
import type { BundledCertificate } from '../bundle.ts';
import { type Evidence, octetsOf } from '../evidence.ts';
import type { ReasonCode } from '../reasons.ts';
import type { BundledRecord } from '../record.ts';
import { type Check, conclude, counted, type Finding, notChecked } from './check.ts';

/** If a chain is in the bundle, each certificate must be signed by the next and valid at the time of the record. */
export const certificatesHeld: Check = {
  id: 'certificates',
  title: 'Presented certificates were valid then, and their chains hold',
  run(evidence) {
    const { bundle, trust } = evidence;
    const bundled = bundle.certificates ?? [];
    const carried = new Set(bundled.map(({ chain: [first = ''] }) => sha256Base64Url(octetsOf(first))));
    // An approval contains its certificates, and the check of approvals verifies them.
    const named = evidence.records.flatMap(({ certificate, facts }) =>
      certificate === undefined || facts.kind === 'approval.given' ? [] : [certificate],
    );
    const without = named.filter(({ thumbprint }) => !carried.has(thumbprint)).length;
    const absent = without === 0 ? '' : ` ${counted(without, 'record')} name certificates that are not in the bundle.`;
    if (bundled.length === 0) return notChecked(`No certificate is in the bundle.${absent}`);
    const unasked = bundled.filter(({ revocation }) => revocation === undefined).length;
    const revocation = unasked === 0 ? '' : ` Whether ${unasked} of them had been revoked was not checked.`;
    const result = conclude(
      bundled.flatMap((certificate, position) => faultsOf(evidence, certificate, position)),
      `${counted(bundled.length, 'chain')} verified.${revocation}${absent}`,
    );
    if (!result.ok || (trust.certificateAuthorities ?? []).length > 0) return result;
    return {
      ...result,
      code: 'certificate_unanchored',
      detail: `${result.detail} No authority was given, so each chain vouches for itself.`,
    };
  },
};

function faultsOf(evidence: Evidence, { chain, revocation }: BundledCertificate, position: number): readonly Finding[] {
  const named = `The certificate at position ${position} of the bundle`;
  const [first = ''] = chain;
  const octets = chain.map(octetsOf);
  const thumbprint = sha256Base64Url(octetsOf(first));
  const shownIn = evidence.records.filter(({ certificate }) => certificate?.thumbprint === thumbprint);
  if (shownIn.length === 0)
    return [{ code: 'certificate_mismatch', detail: `${named} was shown in no record of the bundle.` }];
  let certificates: readonly ParsedCertificate[];
  let anchors: readonly ParsedCertificate[];
  try {
    certificates = octets.map(readX509Certificate);
    anchors = (evidence.trust.certificateAuthorities ?? []).map(readX509Certificate);
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [{ code: 'certificate_chain', detail: `${named}, or one above it, cannot be read. ${error.detail}` }];
  }
  const [leaf, ...above] = certificates;
  if (leaf === undefined) return [];
  const findings: Finding[] = [];
  if (certificates.slice(1).some((issuer, link) => !isIssuedBy(certificates[link], issuer)))
    findings.push({ code: 'certificate_chain', detail: `${named} has a chain that is not in order.` });
  const trusted = anchors.length > 0 ? anchors : certificates.slice(-1);
  for (const record of shownIn) findings.push(...faultsOfShowing(record, leaf, above, trusted));
  if (revocation !== undefined)
    for (const record of shownIn)
      findings.push(...faultsOfRevocation(record, leaf, [...above, ...anchors], revocation));
  return findings;
}

function faultsOfShowing(
  { id, at, certificate }: BundledRecord,
  leaf: ParsedCertificate,
  above: readonly ParsedCertificate[],
  trusted: readonly ParsedCertificate[],
): readonly Finding[] {
  const found = (code: ReasonCode, detail: string): Finding => ({ code, detail, record: id });
  if (numberOf(certificate?.serial ?? '') !== numberOf(Buffer.from(leaf.serial).toString('hex')))
    return [found('certificate_mismatch', 'The record states another serial number than the certificate has.')];
  const path = findPath(leaf, above, { certificates: trusted, keys: [] }, at);
  if (path.ok) return [];
  return [found(path.reason === 'expired' ? 'certificate_expired' : 'certificate_chain', path.detail)];
}

function faultsOfRevocation(
  { id, at }: BundledRecord,
  certificate: ParsedCertificate,
  issuers: readonly ParsedCertificate[],
  { kind, der }: NonNullable<BundledCertificate['revocation']>,
): readonly Finding[] {
  const found = (code: ReasonCode, detail: string): Finding => ({ code, detail, record: id });
  // Anyone can have the issuer's name, so the signature decides.
  const issuer = issuers.find(
    (candidate) =>
      isIssuedBy(certificate, candidate) && findPath(certificate, [], { certificates: [candidate], keys: [] }, at).ok,
  );
  if (issuer === undefined)
    return [found('revocation_unproven', 'The issuer of the certificate, who could speak of it, is not in the chain.')];
  const verdict = verifyRevocation({ kind, der: octetsOf(der), certificate, issuer, at });
  if (!verdict.ok) return [found('revocation_unproven', verdict.detail)];
  return verdict.revoked ? [found('certificate_revoked', 'The certificate had been revoked by then.')] : [];
}

function isIssuedBy(certificate: ParsedCertificate | undefined, issuer: ParsedCertificate): boolean {
  return certificate !== undefined && Buffer.compare(certificate.issuer, issuer.subject) === 0;
}

/** Leading zeros do not matter. */
function numberOf(hexadecimal: string): string {
  return hexadecimal
    .toLowerCase()
    .replaceAll(':', '')
    .replace(/^0+(?=.)/, '');
}
