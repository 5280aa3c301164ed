import { closed, enumOf, type RecordDescription } from './shape.ts';

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
} as const satisfies Readonly<Record<string, RecordDescription>>;
