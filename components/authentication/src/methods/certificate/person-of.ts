import type { DirectorySnapshot, Person } from '@countersign/contracts';
import { sha256Base64Url } from '@countersign/kernel';
import { type ParsedCertificate, subjectAltNamesOf } from '@countersign/x509';
import type { CertificateSettings, NameOfPerson } from './settings.ts';

export type PersonFound =
  | { readonly found: 'one'; readonly person: Person }
  | { readonly found: 'none' }
  | { readonly found: 'several' };

/** The active person that the names of a validated certificate belong to. `several`: the names belong to different people. */
export function personOf(
  certificate: ParsedCertificate,
  { by, issuer }: CertificateSettings['people'],
  directory: DirectorySnapshot,
): PersonFound {
  const people = new Map<string, Person>();
  for (const name of namesOf(certificate, by)) {
    const person = directory.federatedPerson(issuer, name);
    if (person !== undefined) people.set(person.id, person);
  }
  const [person] = people.values();
  if (person === undefined) return { found: 'none' };
  return people.size === 1 ? { found: 'one', person } : { found: 'several' };
}

function namesOf(certificate: ParsedCertificate, by: NameOfPerson): readonly string[] {
  if (by === 'thumbprint') return [sha256Base64Url(certificate.encoding)];
  return subjectAltNamesOf(certificate).flatMap((name) => {
    if (name.kind !== by) return [];
    return [by === 'email' ? mailbox(name.text) : name.text];
  });
}

/** RFC 5280 section 7.5: the host is case-insensitive. */
function mailbox(text: string): string {
  const at = text.lastIndexOf('@');
  return `${text.slice(0, at)}${text.slice(at).toLowerCase()}`;
}
