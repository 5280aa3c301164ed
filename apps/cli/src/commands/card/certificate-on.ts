import { CodedError } from '@countersign/kernel';
import { approvalUsage } from '@countersign/oauth/certificate-signature';
import type { SmartCard } from '@countersign/server';
import { extendedKeyUsageOf, type ParsedCertificate, readX509Certificate, subjectAltNamesOf } from '@countersign/x509';

type SigningAlgorithm = 'ES256' | 'EdDSA' | 'PS256';

/** The certificate to sign with, its key, and the person whom it names. @throws CodedError `card_unusable` */
export function certificateOn(
  card: SmartCard,
  { certificate: wanted, person }: { readonly certificate?: string; readonly person?: string },
) {
  const present = card.certificates().map(({ id, der }) => ({ id, certificate: readX509Certificate(der) }));
  const fitting = present.filter(({ id, certificate }) =>
    wanted === undefined ? isForApprovals(certificate) : id === wanted.toLowerCase(),
  );
  const [found, ...others] = fitting;
  if (found === undefined || others.length > 0)
    throw unusable(
      `The card has ${fitting.length} certificates ${wanted === undefined ? 'for approvals' : `with the id ${wanted}`}. Name one with --certificate: ${present.map(({ id }) => id).join(', ')}.`,
    );
  const { certificate } = found;
  const signer = person ?? personIn(certificate);
  if (signer === undefined)
    throw unusable('The certificate names no principal of this installation. Name it with --person.');
  const key = card.key(found.id);
  const { algorithm } = key;
  if (algorithm === 'RS256') throw unusable('The key of the card signs with RS256 only.');
  return { certificate, person: signer, key: { algorithm: algorithm satisfies SigningAlgorithm, sign: key.sign } };
}

function isForApprovals(certificate: ParsedCertificate): boolean {
  return extendedKeyUsageOf(certificate)?.purposes.includes(approvalUsage) === true;
}

/** Certificates of the installation name their holder by a SPIFFE ID. */
function personIn(certificate: ParsedCertificate): string | undefined {
  for (const name of subjectAltNamesOf(certificate)) {
    const [, person] = name.kind === 'uri' ? (/^spiffe:\/\/[^/]+\/person\/([^/]+)$/.exec(name.text) ?? []) : [];
    if (person !== undefined) return `person:${person}`;
  }
  return undefined;
}

function unusable(detail: string): CodedError {
  return new CodedError({ code: 'card_unusable', category: 'invalid', detail });
}
