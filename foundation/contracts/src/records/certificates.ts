import { Type } from 'typebox';
import { decision } from './decisions.ts';
import {
  base64Url,
  carriedMembers,
  closed,
  count,
  digest,
  enumOf,
  id,
  instant,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  text,
  texts,
  wholeNumber,
} from './shape.ts';

const sources = ['certificate-authority'];
const serial = Type.String({ pattern: '^[0-9a-f]{32}$', description: 'Serial number, hexadecimal' });
const kind = enumOf(['profile', 'authority']);
const terms = closed({
  enabled: Type.Boolean(),
  lifetime_seconds: count(),
  dns_names: texts('DNS names, and domains with a leading dot'),
});
const authority = closed({
  id: text('RFC 7638 thumbprint of its key'),
  certificate: base64Url('DER'),
  root: base64Url('DER'),
  transcript: digest('SHA-256 of the transcript of the ceremony'),
});

export const certificateRecords = {
  'certificate.refused': {
    about: 'A certificate of one of our authorities for people was shown to sign in, and not relied on.',
    sources: ['authentication'],
    outcomes: ['deny'],
    always: ['reason', 'certificate'],
    data: closed({
      why: enumOf(
        [
          ...['not_yet_valid', 'expired', 'extension_unknown', 'not_authority', 'path_too_long', 'usage_wrong'],
          ...['purpose_wrong', 'name_constrained', 'policy_missing', 'malformed', 'revoked', 'status_unknown'],
          ...['person_none', 'person_several'],
        ],
        'What was wrong, more closely than the reason says it',
      ),
    }),
  },
  'certificate.issued': {
    about:
      'A certificate was issued. The record holds the to-be-signed certificate and is durable before the signature.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'standing'],
    data: closed({
      holder: principal('Principal id of the holder'),
      profile: text(),
      request_digest: optional(digest('SHA-256 of the certificate request')),
      tbs_digest: digest('SHA-256 of the to-be-signed certificate'),
      decision: optional(decision),
      ...carriedMembers,
    }),
  },
  'certificate.denied': {
    about: 'A certificate was not issued, or not revoked.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({
      operation: enumOf(['issue', 'revoke']),
      holder: optional(principal('Principal id of the holder')),
      profile: optional(text()),
      serial: optional(text()),
      decision: optional(decision),
    }),
  },
  'certificate.revoked': {
    about: 'A certificate was revoked.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'standing'],
    data: closed({
      holder: principal('Principal id of the holder'),
      profile: text(),
      reason: text('RFC 5280 section 5.3.1'),
      ...carriedMembers,
    }),
  },
  'certificate.list-signed': {
    about: 'A revocation list was signed.',
    sources,
    outcomes: ['done'],
    always: ['standing'],
    data: closed({
      authority: text('Key id of the issuing authority'),
      shard: count(),
      number: wholeNumber('CRLNumber'),
      entries: count(),
      digest: digest('SHA-256 of the list'),
      this_update: instant(),
      next_update: instant(),
    }),
  },
  'certificate.unaccounted': {
    about: 'The monitor found a certificate that is recorded and unknown to OCSP, or stored with other content.',
    sources,
    outcomes: ['deny'],
    always: ['reason', 'references'],
    data: closed({ serial, why: enumOf(['status_missing', 'content_differs']) }),
  },
  'pki.proposed': {
    about: 'Terms of a certificate profile, or the certificates of a key ceremony, wait for a second person.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      kind,
      about: text('Name of the profile, or class of the authority'),
      terms: optional(terms),
      authority: optional(authority),
      reason: reasonText,
      expires_at: instant(),
      digest: digest('What an approver names'),
    }),
  },
  'pki.approved': {
    about: 'A second person approved the terms of a profile, or the certificates of a ceremony; they are in force.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      proposal: id('rec'),
      digest: digest('Of the proposal, as it was shown'),
      proposed_by: principal(),
      usable_from: optional(instant('From when an authority signs certificates')),
    }),
  },
  'pki.rejected': {
    about: 'A proposal about profiles or authorities was turned down, or its proposer left.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ proposal: id('rec'), proposed_by: principal(), reason: reasonText }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
