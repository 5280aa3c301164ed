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
  message_sha256: digest('Of the message that was passed to the channel'),
});

export const noticeRecords = {
  'notice.sent': {
    about: 'A channel has accepted a notice.',
    sources,
    outcomes: ['done'],
    data,
  },
  'notice.failed': {
    about: 'A notice was given up after repeated attempts to deliver it.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data,
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
