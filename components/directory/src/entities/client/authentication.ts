import type { CertificateName, ClientAuthentication } from '@countersign/contracts';
import { checkCertificateName } from '@countersign/oauth';
import { attempt, type Place } from '../../problems.ts';
import type { ClientDocument } from './schema.ts';

const nameKinds = ['subject_dn', 'san_dns', 'san_uri', 'san_ip', 'san_email'] as const;

export function memberOf(kind: CertificateName['kind']): `tls_client_auth_${CertificateName['kind']}` {
  return `tls_client_auth_${kind}`;
}

/** `tls_client_auth` needs exactly one certificate name, other methods none. */
export function readAuthentication(document: ClientDocument, place: Place): ClientAuthentication | undefined {
  const method = document.token_endpoint_auth_method ?? 'private_key_jwt';
  const names: CertificateName[] = [];
  for (const kind of nameKinds) {
    const value = document[memberOf(kind)];
    if (value !== undefined) names.push({ kind, value });
  }
  const [name, another] = names;
  if (method !== 'tls_client_auth') {
    if (name !== undefined)
      return place
        .at(memberOf(name.kind))
        .report('client_metadata_invalid', 'A certificate name requires the method tls_client_auth.');
    return { method };
  }
  if (name === undefined)
    return place
      .at('token_endpoint_auth_method')
      .report(
        'client_metadata_invalid',
        `tls_client_auth needs the name of the certificate: one of ${nameKinds.map(memberOf).join(', ')}.`,
      );
  if (another !== undefined)
    return place
      .at(memberOf(another.kind))
      .report('client_metadata_invalid', 'tls_client_auth requires exactly one certificate name.');
  return isCertificateName(name, place.at(memberOf(name.kind))) ? { method, name } : undefined;
}

function isCertificateName(name: CertificateName, place: Place): boolean {
  const checked = attempt(
    place,
    () => 'client_metadata_invalid',
    () => {
      checkCertificateName(name);
      return name;
    },
  );
  return checked !== undefined;
}
