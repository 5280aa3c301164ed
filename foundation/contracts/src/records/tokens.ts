import { Type } from 'typebox';
import { revokingParties, standingRevocationKinds } from '../standing-revocations.ts';
import { decision } from './decisions.ts';
import {
  carriedMembers,
  closed,
  digest,
  enumOf,
  id,
  lei,
  open,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  restricted,
  text,
  texts,
  version,
} from './shape.ts';
import { refusedAtEndpoint } from './sign-in.ts';

const sources = ['authorization-server'];

const claims = closed(
  {
    iss: text(),
    sub: principal(),
    aud: text(),
    client_id: text(),
    iat: Type.Integer(),
    exp: Type.Integer(),
    jti: id('tok'),
    scope: text(),
    cnf: optional(Type.Union([closed({ jkt: digest() }), closed({ 'x5t#S256': digest() })])),
    lei: lei(),
    txn: optional(id('txn')),
    act: optional(open('The acting chain (RFC 8693 section 4.1)')),
    may_act: optional(open('Who alone may become an actor')),
    authorization_details: restricted(Type.Array(open('Authorization detail (RFC 9396)'))),
    mandate: optional(closed({ id: id('mnd'), version: version() })),
    intent_digest: optional(digest()),
    grant: optional(digest('Revocation key of the consent')),
    ancestors: optional(Type.Array(digest('Revocation key of a token that it was exchanged from'))),
    region: optional(text()),
    policy_version: Type.Integer({ minimum: 0 }),
    evidence: id('rec', 'This record'),
    acr: optional(text()),
    auth_time: optional(Type.Integer()),
  },
  'What the access token says; of a token of another class, what an access token would say in its place',
);

const issued = {
  grant_type: text(),
  claims,
  issued_token_type: optional(text('Where it is no access token')),
  token_sha256: digest(),
  refresh_token_sha256: optional(digest()),
  id_token_sha256: optional(digest()),
  decision,
  grant: optional(closed({ id: id('grt'), version: version() })),
  provenance: optional(open('By what a partner vouched for the subject')),
};
const terms = {
  client: text(),
  acr: text(),
  scopes: texts(),
  resources: texts(),
  details: restricted(
    Type.Array(closed({ type: text(), intent_digest: digest(), detail: open('Authorization detail (RFC 9396)') })),
  ),
  application_details: optional(
    restricted(
      Type.Array(
        closed({ type: text(), detail_digest: digest(), detail: open('Authorization detail of an application') }),
      ),
    ),
  ),
  session: optional(id('ses')),
};
const grant = { grant: id('grt'), version: version(), ...terms, expires_at: text(), ...carriedMembers };
const always = ['subject', 'client', 'scope', 'audience', 'authentication'] as const;

export const tokenRecords = {
  'consent.given': {
    about: 'A person allowed a client something: what exactly, by the intents that were shown.',
    sources: ['consent-store'],
    outcomes: ['permit'],
    always,
    data: closed(grant),
  },
  'consent.denied': {
    about: 'A person was asked, and said no.',
    sources: ['consent-store'],
    outcomes: ['deny'],
    always: [...always, 'reason'],
    data: closed(terms),
  },
  'grant.changed': {
    about: 'A standing consent is another one from now on; the whole of it.',
    sources: ['consent-store'],
    outcomes: ['permit'],
    always: [...always, 'references'],
    data: closed({ how: enumOf(['merge', 'replace']), ...grant }),
  },
  'grant.revoked': {
    about: 'A standing consent ended.',
    sources: ['consent-store'],
    outcomes: ['done'],
    always: ['subject', 'client'],
    data: closed({
      grant: id('grt'),
      version: version(),
      client: text(),
      subject: principal(),
      institution: lei(),
      reason: reasonText,
      ...carriedMembers,
    }),
  },
  'token.issued': {
    about: 'A token was issued: by its hash, its claims, and the decision that it rests on.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'client', 'audience', 'scope', 'policy', 'references', 'authentication'],
    data: closed(issued),
  },
  'token.exchanged': {
    about: 'A token was exchanged for another (RFC 8693); both are named.',
    sources,
    outcomes: ['permit'],
    always: ['subject', 'actors', 'client', 'audience', 'scope', 'policy', 'references', 'authentication'],
    data: closed({
      ...issued,
      subject_token: closed({
        jti: id('tok'),
        record: id('rec', 'Of its issue'),
        claims_digest: digest(),
        token_sha256: optional(digest()),
      }),
    }),
  },
  'provisioning-token.issued': {
    about: 'A client was given the token that its SCIM software sends with every request; one before it ended.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'client', 'audience', 'scope', 'authentication', 'certificate', 'standing'],
    data: closed({
      token_sha256: digest(),
      certificate: digest('SHA-256 over the DER of the certificate that it is bound to'),
      scope: text(),
      expires_at: Type.Integer({ description: 'Seconds since the epoch' }),
    }),
  },
  'provisioning-token.ended': {
    about: 'The provisioning token of a client was revoked by the client.',
    sources,
    outcomes: ['done'],
    always: ['actors', 'client', 'standing'],
    data: closed({ token_sha256: digest(), reason: reasonText }),
  },
  'token.refused': {
    about: 'A token was asked for and not issued.',
    sources,
    outcomes: ['deny'],
    always: ['client', 'reason'],
    data: refusedAtEndpoint,
  },
  'token.introspected': {
    about: 'A resource server asked what a token is worth.',
    sources,
    outcomes: ['permit', 'deny'],
    always: ['client'],
    data: closed({ token_sha256: digest(), jti: optional(id('tok')) }),
  },
  'token.revoked': {
    about:
      'A token ended, or everything that hangs on something; or nothing was found that could end. `actors` names who ended it first, then through whom.',
    sources,
    outcomes: ['done'],
    data: Type.Union([
      closed({
        kind: enumOf(['token', 'grant', 'mandate', 'client', 'principal', 'partner']),
        id: text(),
        key: digest('Revocation key'),
        reason: reasonText,
        until_lifted: optional(
          enumOf(revokingParties, 'Who revoked it; nothing new is issued either until that is lifted'),
        ),
      }),
      closed({ token_sha256: digest() }),
    ]),
  },
  'revocation.lifted': {
    about:
      'A mandate, client, principal or institution that was revoked may be used again. `actors` names who lifted it first, then through whom.',
    sources,
    outcomes: ['done'],
    always: ['actors', 'references', 'standing'],
    data: closed({
      kind: enumOf(standingRevocationKinds),
      id: text(),
      revocation: id('rec'),
      reason: reasonText,
    }),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
