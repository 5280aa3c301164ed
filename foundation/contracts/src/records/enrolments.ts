import { Type } from 'typebox';
import { decision } from './decisions.ts';
import {
  carriedMembers,
  closed,
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
} from './shape.ts';

const sources = ['certificate-authority'];
const holder = principal('Principal id of the holder');

export const enrolmentRecords = {
  'enrolment.made': {
    about: 'A principal may open one ACME account for certificates of one profile. The secret is in no record.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'standing'],
    data: closed({
      holder,
      profile: text(),
      dns_names: texts('Hosts that certificates may name'),
      expires_at: instant('Until when the secret can be used'),
      decision: optional(decision),
      ...carriedMembers,
    }),
  },
  'enrolment.used': {
    about: 'An ACME account was opened with the secret of an enrolment, which cannot be used again.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'standing'],
    data: closed({ holder, profile: text(), account_key: digest('RFC 7638 thumbprint'), ...carriedMembers }),
  },
  'enrolment.key-changed': {
    about: 'The key of an ACME account was replaced, with the signatures of both keys.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'standing'],
    data: closed({ holder, profile: text(), account_key: digest('RFC 7638 thumbprint'), ...carriedMembers }),
  },
  'enrolment.ended': {
    about: 'An enrolment and its ACME account were ended. Certificates that were issued stay as they are.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'standing'],
    data: closed({ holder, profile: text(), reason: reasonText, ...carriedMembers }),
  },
  'enrolment.refused': {
    about: 'An enrolment was not made, or a request that its secret or its account had signed was refused.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({
      operation: enumOf(['make', 'open-account', 'change-key', 'order', 'finalize', 'revoke', 'read', 'end']),
      enrolment: optional(id('enr')),
      holder: optional(holder),
      profile: optional(Type.String()),
      decision: optional(decision),
    }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
