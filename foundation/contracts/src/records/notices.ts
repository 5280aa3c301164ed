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
    about: 'A channel has taken what people are told.',
    sources,
    outcomes: ['done'],
    data,
  },
  'notice.failed': {
    about: 'A channel has not taken what people are told, however often it was tried.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data,
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
