import type {
  AuthorityProposal,
  AuthorityRequest,
  CertificateProfile,
  IssuedCertificate,
  IssuingAuthority,
} from '@countersign/contracts';
import { certificateAuthorityErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { decodePem, encodePem } from '@countersign/x509';
import type { Static } from 'typebox';
import type {
  authorityAnswer,
  authorityRequestAnswer,
  certificateAnswer,
  profileAnswer,
  proposalAnswer,
} from './schemas.ts';

export function certificateView(issued: IssuedCertificate): Static<typeof certificateAnswer> {
  const { serial, status, profile, authority, holder, institution, key } = issued;
  const { predecessor, revokedAt, revocationReason } = issued;
  return {
    ...{ serial, status, profile },
    profile_version: issued.profileVersion,
    ...{ authority, holder, institution },
    not_before: issued.notBefore,
    not_after: issued.notAfter,
    key,
    tbs_digest: issued.tbsDigest,
    ...defined({ replaces: predecessor, revoked_at: revokedAt, revocation_reason: revocationReason }),
    record_id: issued.recordId,
  };
}

export function profileView(profile: CertificateProfile): Static<typeof profileAnswer> {
  const { name, version, enabled, lifetimeSeconds, longestSeconds, dnsNames, authority, policy, revocation } = profile;
  return {
    ...{ name, version, enabled },
    lifetime_seconds: lifetimeSeconds,
    longest_seconds: longestSeconds,
    dns_names: [...dnsNames],
    ...{ authority, policy, revocation },
    holders: [...profile.holders],
  };
}

export function authorityView(authority: IssuingAuthority): Static<typeof authorityAnswer> {
  const { id, class: of, state, transcript } = authority;
  return {
    ...{ id, class: of, state },
    usable_from: authority.usableFrom,
    not_after: authority.notAfter,
    certificate: encodePem('CERTIFICATE', authority.certificate),
    root: encodePem('CERTIFICATE', authority.root),
    transcript,
    record_id: authority.recordId,
  };
}

export function requestView(request: AuthorityRequest): Static<typeof authorityRequestAnswer> {
  const { class: of, id, name, organization } = request;
  return {
    ...{ class: of, id, name, organization },
    request: encodePem('CERTIFICATE REQUEST', request.request),
    uri_hosts: [...request.uriHosts],
    dns_names: [...request.dnsNames],
    policies: [...request.policies],
  };
}

export function proposalView(proposal: AuthorityProposal): Static<typeof proposalAnswer> {
  const { id, kind, about, status, proposedBy, proposedAt, expiresAt, reason, digest } = proposal;
  const { terms, authority, decidedBy, decidedAt } = proposal;
  return {
    ...{ id, kind, about, status },
    proposed_by: { ...proposedBy },
    proposed_at: proposedAt,
    expires_at: expiresAt,
    ...{ reason, digest },
    ...(terms === undefined
      ? {}
      : {
          terms: {
            enabled: terms.enabled,
            lifetime_seconds: terms.lifetimeSeconds,
            dns_names: [...terms.dnsNames],
          },
        }),
    ...(authority === undefined ? {} : { authority: { ...authority } }),
    ...(decidedBy === undefined ? {} : { decided_by: { ...decidedBy } }),
    ...defined({ decided_at: decidedAt }),
  };
}

/** DER of the only PEM block with one of these labels. @throws CodedError `certificate_request_invalid` */
export function derOf(pem: string, ...labels: readonly string[]): Uint8Array {
  const der = decodePem(pem, ...labels);
  if (der === undefined)
    throw certificateAuthorityErrors.error(
      'certificate_request_invalid',
      `Send exactly one PEM block: ${labels.join(' or ')}.`,
    );
  return der;
}
