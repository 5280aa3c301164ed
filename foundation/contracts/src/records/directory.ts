import { Type } from 'typebox';
import {
  carriedMembers,
  closed,
  count,
  digest,
  enumOf,
  flag,
  id,
  instant,
  jwk,
  lei,
  open,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  text,
  texts,
  version,
  yes,
} from './shape.ts';

const sources = ['directory'];
const changes = Type.Array(
  closed({ change: enumOf(['add', 'change', 'remove']), kind: text(), id: text(), fields: optional(texts()) }),
  { description: 'All of them where they fit one record' },
);
/** Replaces the list of changes when there are too many. */
const summary = {
  change_counts: optional(closed({ add: count(), change: count(), remove: count() })),
  changes_digest: optional(digest('Of the list of changes')),
};
const position = closed({ institution: optional(text()), desk: optional(text()), roles: texts() });
const departureKind = enumOf(['leave', 'move']);

const partnerKey = closed({ profile: id('prf'), issuer: text(), kid: text(), thumbprint: digest('RFC 7638') });

/** Where a key in a token is, and the attributes that the token reported when it made the key. Keys in software have none. */
const custody = closed({
  driver: enumOf(['pkcs11']),
  token: text('Serial number'),
  label: text('`CKA_LABEL`'),
  id: text('`CKA_ID` in hexadecimal'),
  attributes: closed({
    sensitive: flag(),
    always_sensitive: flag(),
    extractable: flag(),
    never_extractable: flag(),
    local: flag(),
    sign: flag(),
    decrypt: flag(),
    unwrap: flag(),
    derive: flag(),
  }),
});

export const directoryRecords = {
  'directory.applied': {
    about: 'The directory changed: what, and every approval credential of the institutions that changed.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      version: version('Of the directory, that the change makes'),
      file_digest: digest(),
      change_request: optional(id('chg')),
      proposed_by: optional(principal()),
      part: optional(version()),
      parts: optional(version()),
      ...summary,
      changes,
      credentials: Type.Array(closed({ kid: text(), principal: principal() })),
    }),
  },
  'directory.committed': {
    about: 'A change of the directory that was recorded is committed: rows from before it count no more.',
    sources,
    outcomes: ['done'],
    always: ['standing'],
    data: closed({
      version: version('Of the directory'),
      entities: count(),
      taken_over: optional(
        Type.Literal(true, { description: 'Stored by a release that did not record how it stands' }),
      ),
    }),
  },
  'directory.change-proposed': {
    about: 'A change of the directory, or of a trust profile of a partner, was proposed and waits for a second person.',
    sources,
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      change_request: id('chg'),
      digest: digest(),
      reason: reasonText,
      expires_at: instant(),
      changes: optional(changes),
      ...summary,
      ...carriedMembers,
    }),
  },
  'directory.change-approved': {
    about: 'A second person let a change of the directory, or of a trust profile, through.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({ change_request: id('chg'), digest: digest(), proposed_by: principal(), ...carriedMembers }),
  },
  'directory.change-rejected': {
    about:
      'A change of the directory, or of a trust profile, was turned down, or was approved and could no longer be made (`deny`).',
    sources,
    outcomes: ['done', 'deny'],
    always: ['subject', 'references'],
    data: closed({
      change_request: id('chg'),
      digest: digest(),
      proposed_by: principal(),
      reason: reasonText,
      ...carriedMembers,
    }),
  },
  'directory.departure': {
    about: 'A principal leaves or moves: everything it held ends.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      departure: id('dep'),
      kind: departureKind,
      principal: principal(),
      institution: lei(),
      version: version('Of the directory'),
      reason: reasonText,
      from: position,
      to: optional(position),
      effects: texts('What will be ended'),
    }),
  },
  'directory.departure-completed': {
    about: 'Everything that a principal held has ended.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'references'],
    data: closed({
      departure: id('dep'),
      kind: departureKind,
      principal: principal(),
      effects: Type.Array(closed({ name: text(), ended: count() })),
    }),
  },
  'partner.profile-registered': {
    about: 'An identity provider of a partner is trusted, is trusted otherwise than before, or no longer (suspended).',
    sources: ['trust-registry'],
    outcomes: ['done'],
    always: ['subject'],
    data: closed({
      profile: closed({
        id: id('prf'),
        version: version(),
        institution: lei(),
        issuer: text(),
        jwksUri: text(),
        algorithms: texts(),
        maxLifetimeSeconds: count(),
        requiredClaims: texts(),
        acrValues: texts(),
        maxAuthenticationAgeSeconds: count(),
        signIn: optional(
          closed(
            { clientId: text(), classes: open('What its classes of sign-ins are worth here') },
            'Sign-in to our pages',
          ),
        ),
        suspended: optional(yes),
      }),
      reason: optional(reasonText),
      change_request: optional(id('chg')),
      proposed_by: optional(principal()),
      ...carriedMembers,
    }),
  },
  'partner.key-bound': {
    about: 'A kid of a partner names this key from now on, and no other.',
    sources: ['federation-gateway'],
    outcomes: ['done'],
    always: ['partner', 'standing'],
    data: partnerKey,
  },
  'partner.key-refused': {
    about: 'A partner publishes another key under a kid than before: the key is not used.',
    sources: ['federation-gateway'],
    outcomes: ['deny'],
    always: ['partner', 'reason', 'references'],
    data: partnerKey,
  },
  'key.published': {
    about: 'A signing key of ours is published.',
    sources: ['authorization-server'],
    outcomes: ['done'],
    always: ['actors'],
    data: closed({ purpose: text(), kid: text(), algorithm: text(), jwk, custody: optional(custody) }),
  },
  'key.withdrawn': {
    about: 'A signing key of ours is no longer good for anything.',
    sources: ['authorization-server'],
    outcomes: ['done'],
    always: ['actors', 'references'],
    data: closed({ purpose: text(), kid: text(), successor: text(), reason: optional(reasonText) }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
