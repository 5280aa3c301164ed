import { Type } from 'typebox';
import { assuranceLevels, evidenceKinds, workloadFactNames, workloadProfiles } from '../workload-identity.ts';
import {
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

const sources = ['workload-identity'];
const entry = text('Name of the registration entry');
const sha256 = (description: string) => Type.String({ pattern: '^[0-9a-f]{64}$', description });
const level = enumOf(assuranceLevels, 'How far it can be believed');
const factName = enumOf(workloadFactNames);
const terms = closed({
  holder: principal('Principal id of the workload'),
  profile: enumOf(workloadProfiles),
  level,
  attesters: texts('Principal ids'),
  environment: text(),
  images: Type.Array(sha256('SHA-256 of an image')),
  configuration: optional(sha256('SHA-256 of the approved configuration')),
  selectors: Type.Array(closed({ name: factName, values: texts(), level: optional(level) })),
  dns_names: texts(),
  audiences: texts('Audiences of JWT-SVIDs'),
});
const fact = closed({ name: factName, value: text(), level, evidence: enumOf(evidenceKinds) });

export const workloadRecords = {
  'workload.proposed': {
    about: 'A registration entry for a workload waits for a second person.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      entry,
      terms,
      reason: reasonText,
      expires_at: instant(),
      digest: digest('What an approver names'),
    }),
  },
  'workload.approved': {
    about: 'A second person approved a registration entry; it is in force.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      proposal: id('rec'),
      entry,
      digest: digest('Of the proposal, as it was shown'),
      proposed_by: principal(),
    }),
  },
  'workload.rejected': {
    about: 'A registration entry was turned down, or its proposer left.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ proposal: id('rec'), entry, proposed_by: principal(), reason: reasonText }),
  },
  'workload.suspended': {
    about:
      'A registration entry was suspended, or its principal left: the workload gets nothing until two people approve it again.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ entry, holder: principal(), reason: reasonText }),
  },
  'workload.attested': {
    about:
      'The evidence about a workload agrees with its registration entry. Certificates and tokens name this record.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'references'],
    data: closed({
      entry,
      holder: principal('Principal id of the workload'),
      level,
      facts: Type.Array(fact),
      evidence: digest('SHA-256 of the facts'),
      key: optional(digest('SHA-256 of the public key that the certificate is for')),
    }),
  },
  'workload.refused': {
    about:
      'A workload got nothing: its evidence and its registration entry disagree, or the attester may not present it. When another value was ' +
      'found, earlier certificates of this entry and attester no longer authenticate a client.',
    sources,
    outcomes: ['deny'],
    always: ['subject', 'reason'],
    data: closed({
      entry,
      holder: optional(principal('Principal id of the workload')),
      fact: optional(factName),
      expected: optional(texts('Registered values')),
      found: optional(text('The established value')),
      level: optional(level),
      evidence: optional(enumOf(evidenceKinds)),
      detail: optional(text('What was wrong with the evidence')),
    }),
  },
  'workload.token-issued': {
    about: 'A JWT-SVID was issued.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'references'],
    data: closed({
      entry,
      holder: principal('Principal id of the workload'),
      audiences: texts(),
      jti: text(),
      expires_at: instant(),
    }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
