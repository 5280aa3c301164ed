import { Type } from 'typebox';
import {
  carriedMembers,
  closed,
  digest,
  enumOf,
  instant,
  jwk,
  lei,
  optional,
  type RecordDescription,
  reasonText,
  text,
  texts,
} from './shape.ts';

const sources = ['devices'];
const device = text('Id of the device, of the directory');
const by = enumOf(['certificate', 'key'], 'How the device shows that it is that device');
const posture = enumOf(['compliant', 'failing']);

export const deviceRecords = {
  'device.enrolment-opened': {
    about: 'A link was made by which a browser enrols as a device, once.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'device'],
    data: closed({ device, institution: lei(), expires_at: instant(), ...carriedMembers }),
  },
  'device.enrolled': {
    about: 'A device is recognised from now on by a certificate or by a key of its own.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'device'],
    data: closed({
      device,
      institution: lei(),
      by,
      thumbprint: digest('Of the certificate (x5t#S256), or of the key (RFC 7638)'),
      jwk: optional(jwk),
      ...carriedMembers,
    }),
  },
  'device.removed': {
    about: 'What a device was recognised by counts no longer.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'device'],
    data: closed({
      device,
      institution: lei(),
      thumbprints: texts(),
      links: Type.Integer({ minimum: 0 }),
      reason: reasonText,
      ...carriedMembers,
    }),
  },
  'device.refused': {
    about: 'Something showed itself as a device, or wanted to become one, and was not believed.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: closed({ at: enumOf(['recognition', 'enrolment']), device: optional(device), by: optional(by) }),
  },
  'device.posture-changed': {
    about: 'A feed reported that a device meets the rules of its firm, or no longer does, or fails others.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'device', 'payload'],
    data: closed({
      device,
      institution: lei(),
      feed: text('Name of the feed'),
      posture,
      was: posture,
      posture_at: instant('When it was looked at'),
      failed: texts('Codes of what failed'),
    }),
  },
  'device.report-refused': {
    about: 'A report of postures was not believed.',
    sources,
    outcomes: ['deny'],
    always: ['reason', 'payload'],
    data: closed({ feed: optional(text('Name of the feed, where it is one of ours')), detail: text('In words') }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
