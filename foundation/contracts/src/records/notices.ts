import { noticeKinds } from '../notices.ts';
import { closed, count, digest, enumOf, id, lei, optional, type RecordDescription, text } from './shape.ts';

const sources = ['notices'];
const data = closed({
  notice: id('ntc'),
  kind: enumOf(noticeKinds),
  channel: text('Name of the channel, as it is configured'),
  to_role: optional(text('Where it went to everybody of a role, and not to a person')),
  to_institution: optional(lei()),
  attempts: count(),
  message_sha256: digest('Of what was handed to the channel'),
});

export const noticeRecords = {
  'notice.sent': {
    about: 'A channel accepted a notice.',
    sources,
    outcomes: ['done'],
    data,
  },
  'notice.failed': {
    about: 'A channel did not accept a notice after all attempts.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data,
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
