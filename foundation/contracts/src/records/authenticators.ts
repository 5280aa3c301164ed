import {
  base64Url,
  closed,
  digest,
  enumOf,
  flag,
  id,
  instant,
  jwk,
  optional,
  type RecordDescription,
  reasonText,
  text,
  texts,
  toldToFew,
} from './shape.ts';

const sources = ['authentication'];
const authenticator = id('aut');

export const authenticatorRecords = {
  'authenticator.invited': {
    about: 'A link was made by which a person enrols an authenticator without having one, once.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors'],
    data: closed({
      evidence: texts('References to what proved who the person is'),
      expires_at: instant(),
      recovery: optional(id('rec', 'The recovery that it comes after')),
    }),
  },
  'authenticator.registered': {
    about: 'A person has an authenticator from now on; what is signed with it rests on this record.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      authenticator,
      kid: digest('RFC 7638 thumbprint of the key'),
      jwk,
      credential_id: base64Url('WebAuthn credential id'),
      aaguid: text('Model of the authenticator'),
      backup_eligible: flag('Whether it can be copied to other devices (BE)'),
      attested: flag('Whether its attestation led to a root that is trusted for its model'),
      attestation_format: text(),
      acr: text('Authentication context class of who signs in with it'),
      rp_id: text('WebAuthn RP id that it answers to'),
      origin: text('Where it was registered'),
      name: toldToFew(text('Given by the person'), 'personal'),
      invitation: optional(id('rec', 'The `authenticator.invited` that allowed it')),
      by: optional(id('aut', 'The authenticator of the same person that allowed it')),
    }),
  },
  'authenticator.renamed': {
    about: 'A person gave their authenticator another name.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ authenticator, name: toldToFew(text(), 'personal') }),
  },
  'authenticator.removed': {
    about: 'An authenticator counts for nothing any more.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors'],
    data: closed({ authenticator, reason: reasonText }),
  },
  'authenticator.refused': {
    about: 'What an authenticator answered, the authenticator itself, or an invitation to register one, was refused.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: closed({
      ceremony: enumOf(['sign-in', 'statement', 'registration', 'invitation']),
      authenticator: optional(authenticator),
      credential_sha256: optional(digest('Of a credential id that is registered to nobody')),
      statement_type: optional(text('Of what was to be signed')),
      aaguid: optional(text('Model of the authenticator')),
    }),
  },
  'authenticator.suspected': {
    about:
      'The counter of an authenticator went back: there may be a copy. It counts for nothing until it is replaced.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ authenticator }),
  },
  'account.locked': {
    about: 'A person was locked out: no sign-in and no statement of theirs counts until they are let in again.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors'],
    data: closed({ reason: reasonText }),
  },
  'account.unlocked': {
    about: 'A person who was locked out is let in again.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'actors'],
    data: closed({ reason: reasonText }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
