import { type TProperties, Type } from 'typebox';
import { mandateKinds, mandateParts, mandateStatuses } from '../consent-store.ts';
import {
  base64Url,
  closed,
  count,
  digest,
  enumOf,
  flag,
  id,
  instant,
  lei,
  open,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  text,
  version,
} from './shape.ts';

const sources = ['consent-store'];
const party = closed({ lei: lei(), role: text('Party role (Common Domain Model)') });
const part = enumOf(mandateParts);
const terms = {
  kind: enumOf(mandateKinds),
  grantor: party,
  grantee: party,
  thirdParty: optional(party),
  parent: optional(closed({ id: id('mnd'), version: version(), digest: optional(digest()) })),
  constraints: open('Bounds of what may be done under it'),
  legalBasis: closed({ type: text(), reference: text() }),
  termsHash: digest('Of the terms document'),
  effectiveFrom: instant(),
  effectiveUntil: instant(),
};
const consents = Type.Array(
  closed({
    part,
    lei: lei(),
    signatory: principal(),
    authority: enumOf(['sole', 'joint']),
    termsDigest: digest(),
    at: instant(),
    recordId: id('rec'),
  }),
);
const mandate = closed(
  {
    ...terms,
    id: id('mnd'),
    version: version(),
    status: enumOf(mandateStatuses),
    consents,
    amendment: optional(
      closed({
        kind: enumOf(['amendment', 'counterparty-change']),
        terms: closed(terms),
        termsDigest: digest(),
        consents,
        proposedAt: instant(),
        recordId: id('rec'),
      }),
    ),
    heldFrom: optional(version()),
    recordedAt: instant(),
    recordId: id('rec'),
    previousDigest: optional(digest('Of the version before')),
    digest: digest('Over the canonical form (RFC 8785) of everything else but the signature'),
    signature: optional(closed({ kid: text(), algorithm: text(), value: base64Url() })),
  },
  'The version that is made, whole',
);

function versionRecord<Members extends TProperties>(
  about: string,
  members: Members,
  always: 'subject'[] = ['subject'],
) {
  return {
    about,
    sources,
    outcomes: ['done'],
    always: ['mandate', ...always],
    data: closed({ mandate, ...members }),
  } as const satisfies RecordDescription;
}

const reason = optional(reasonText);

export const mandateRecords = {
  'mandate.proposed': versionRecord('A mandate was proposed.', {}),
  'mandate.accepted': versionRecord('The other side accepted a mandate: it is in force.', {}),
  'mandate.consented': versionRecord('One more of those who must agree has agreed.', {}),
  'mandate.suspended': versionRecord('A mandate was suspended.', { reason }),
  'mandate.resumed': versionRecord('A suspended mandate is in force again.', { reason }),
  'mandate.revoked': versionRecord('A mandate was revoked, for good.', { reason }),
  'mandate.amendment-proposed': versionRecord('Other terms were proposed for a mandate.', {}),
  'mandate.amendment-withdrawn': versionRecord('An amendment was taken back.', { reason }),
  'mandate.amended': versionRecord('All have agreed: a mandate has other terms.', {
    replaced: optional(Type.Array(closed({ part, lei: lei(), succession: flag('Without the consent of who left') }))),
  }),
  'mandate.expired': versionRecord('A mandate came to the end of its time.', {}, []),
  'mandate.expiring': {
    about: 'A mandate will end soon.',
    sources,
    outcomes: ['done'],
    always: ['mandate', 'references'],
    data: closed({
      mandate: closed({
        id: id('mnd'),
        version: version(),
        kind: enumOf(mandateKinds),
        status: enumOf(mandateStatuses),
        grantor: party,
        grantee: party,
        thirdParty: optional(party),
      }),
      effective_until: instant(),
      days: count(),
    }),
  },
  'mandate.copy-compared': {
    about: 'What a partner holds of mandates was compared with ours.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      institution: lei(),
      compared: count(),
      complete: flag('Whether it was all that they hold'),
      counts: Type.Record(Type.String(), count(), { description: 'By kind of difference' }),
      drifts: Type.Array(
        closed({
          id: id('mnd'),
          kind: enumOf(['unknown-here', 'behind', 'differs', 'missing-there']),
          theirs: optional(closed({ version: version(), digest: digest() })),
          ours: optional(closed({ version: version(), digest: digest(), status: enumOf(mandateStatuses) })),
        }),
      ),
      drifts_digest: digest(),
    }),
  },
  'mandate.refused': {
    about: 'Somebody asked for a step of a mandate that they may not have.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({
      step: text(),
      grantor: optional(text()),
      grantee: optional(text()),
      parent: optional(text()),
      facts: optional(open('Of the error')),
    }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
