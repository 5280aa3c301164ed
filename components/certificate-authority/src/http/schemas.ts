import {
  authorityClasses,
  certificateProfileNames,
  certificateStatuses,
  revocationReasons,
} from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import { type TProperties, Type } from 'typebox';

const closed = <Members extends TProperties>(members: Members, title?: string) =>
  Type.Object(members, { additionalProperties: false, ...defined({ title }) });
const instant = Type.String({ format: 'date-time' });
const pem = Type.String({ description: 'PEM (RFC 7468)' });
const digest = Type.String({ pattern: '^[A-Za-z0-9_-]{43}$', description: 'SHA-256, base64url' });
const profile = Type.Enum([...certificateProfileNames]);
const reason = Type.String({ minLength: 1, maxLength: 500 });
const actor = closed({ id: Type.String(), institution: Type.Optional(Type.String()) });

export const serialParams = closed({ serial: Type.String({ minLength: 1, maxLength: 64 }) });
export const nameParams = closed({ name: Type.String({ minLength: 1, maxLength: 64 }) });
export const idParams = closed({ id: Type.String({ minLength: 1, maxLength: 64 }) });
export const classParams = closed({ class: Type.Enum([...authorityClasses]) });

export const listQuery = closed({
  holder: Type.Optional(Type.String({ maxLength: 80 })),
  profile: Type.Optional(profile),
  status: Type.Optional(Type.Enum([...certificateStatuses])),
});
export const proposalsQuery = closed({
  status: Type.Optional(Type.Enum(['proposed', 'approved', 'rejected', 'expired'])),
});

export const issueBody = closed({
  profile,
  holder: Type.String({ maxLength: 80, description: 'Principal id, e.g. `agent:vwap-1`' }),
  request: Type.String({ maxLength: 16_384, description: 'Certificate request in PEM (PKCS #10, RFC 2986)' }),
  lifetime_seconds: Type.Optional(Type.Integer({ minimum: 60 })),
  replaces: Type.Optional(
    Type.String({ maxLength: 64, description: 'Serial number of the certificate that this one replaces' }),
  ),
});
export const revokeBody = closed({ reason: Type.Enum([...revocationReasons]) });
export const termsBody = closed({
  enabled: Type.Boolean(),
  lifetime_seconds: Type.Integer(),
  dns_names: Type.Array(Type.String({ maxLength: 254 }), { maxItems: 100 }),
  reason,
});
export const ceremonyBody = closed({
  certificate: Type.String({ maxLength: 16_384, description: 'Certificate of the issuing authority, PEM' }),
  root: Type.String({ maxLength: 16_384, description: 'Root certificate, PEM' }),
  transcript: Type.String({ maxLength: 65_536, description: 'The transcript of the ceremony; its digest is recorded' }),
  reason,
});
export const approveBody = closed({ digest });
export const rejectBody = closed({ reason });

export const certificateAnswer = closed(
  {
    serial: Type.String({ description: '32 hexadecimal digits' }),
    status: Type.Enum([...certificateStatuses]),
    profile,
    profile_version: Type.Integer(),
    authority: Type.String({ description: 'Key id of the issuing authority' }),
    holder: Type.String(),
    institution: Type.String({ description: 'LEI' }),
    not_before: instant,
    not_after: instant,
    key: digest,
    tbs_digest: digest,
    replaces: Type.Optional(Type.String()),
    revoked_at: Type.Optional(instant),
    revocation_reason: Type.Optional(Type.Enum([...revocationReasons])),
    record_id: Type.String(),
  },
  'Certificate',
);
export const releasedAnswer = closed(
  {
    certificate: certificateAnswer,
    pem: Type.String({ description: 'The certificate and the certificate of its authority, PEM' }),
    inclusion_proof: Type.String({
      description: 'Address of the proof that the log contains the record of the issuance',
    }),
  },
  'ReleasedCertificate',
);
export const certificateList = closed({ certificates: Type.Array(certificateAnswer) });

export const profileAnswer = closed(
  {
    name: profile,
    version: Type.Integer({ description: '0 for the terms of the release' }),
    enabled: Type.Boolean(),
    lifetime_seconds: Type.Integer(),
    longest_seconds: Type.Integer({ description: 'The longest lifetime that the release permits' }),
    dns_names: Type.Array(Type.String()),
    authority: Type.Enum([...authorityClasses]),
    policy: Type.String({ description: 'Object identifier in `certificatePolicies`' }),
    revocation: Type.Enum(['none', 'listed'], {
      description: '`none`: short-lived, with `noRevAvail` (RFC 9608)',
    }),
    holders: Type.Array(Type.String()),
  },
  'CertificateProfile',
);
export const profileList = closed({ profiles: Type.Array(profileAnswer) });

export const authorityAnswer = closed(
  {
    id: Type.String({ description: 'RFC 7638 thumbprint of its key' }),
    class: Type.Enum([...authorityClasses]),
    state: Type.Enum(['published', 'active', 'retiring']),
    usable_from: instant,
    not_after: instant,
    certificate: pem,
    root: pem,
    transcript: digest,
    record_id: Type.String(),
  },
  'IssuingAuthority',
);
export const authorityList = closed({ authorities: Type.Array(authorityAnswer) });
export const authorityRequestAnswer = closed(
  {
    class: Type.Enum([...authorityClasses]),
    id: Type.String(),
    request: pem,
    name: Type.String(),
    organization: Type.String(),
    uri_hosts: Type.Array(Type.String()),
    dns_names: Type.Array(Type.String()),
    policies: Type.Array(Type.String()),
  },
  'AuthorityRequest',
);
export const proposalAnswer = closed(
  {
    id: Type.String(),
    kind: Type.Enum(['profile', 'authority']),
    about: Type.String({ description: 'Name of the profile, or class of the authority' }),
    status: Type.Enum(['proposed', 'approved', 'rejected', 'expired']),
    proposed_by: actor,
    proposed_at: instant,
    expires_at: instant,
    reason: Type.String(),
    digest,
    terms: Type.Optional(
      closed({ enabled: Type.Boolean(), lifetime_seconds: Type.Integer(), dns_names: Type.Array(Type.String()) }),
    ),
    authority: Type.Optional(closed({ certificate: digest, root: digest, transcript: digest })),
    decided_by: Type.Optional(actor),
    decided_at: Type.Optional(instant),
  },
  'AuthorityProposal',
);
export const proposalList = closed({ proposals: Type.Array(proposalAnswer) });
