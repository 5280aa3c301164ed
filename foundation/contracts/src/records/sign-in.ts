import { tiers } from '@countersign/market';
import { Type } from 'typebox';
import { decision } from './decisions.ts';
import {
  closed,
  count,
  digest,
  enumOf,
  flag,
  id,
  instant,
  lei,
  optional,
  principal,
  type RecordDescription,
  reasonText,
  restricted,
  text,
  texts,
  version,
} from './shape.ts';
import { signedStatementMembers } from './statements.ts';

const sources = ['authorization-server'];

/** For a refusal at an endpoint where clients authenticate: the facts established before the refusal. */
const refusedMembers = {
  endpoint: text(),
  error: optional(text()),
  detail: restricted(text('In words')),
  grant_type: optional(text()),
  hint: optional(text()),
  decision: optional(decision),
};
export const refusedAtEndpoint = closed(refusedMembers);
const clientRefused = closed({
  ...refusedMembers,
  shared_with: optional(text('The other client or principal that the same key or certificate is of')),
});

const partnerKey = digest('RFC 7638 thumbprint of the key of the partner');

export const signInRecords = {
  'identity.accepted': {
    about: 'What a partner says of a person was believed.',
    sources: ['federation-gateway'],
    outcomes: ['permit'],
    data: closed({
      profile: id('prf'),
      profile_version: version(),
      kid: optional(text()),
      thumbprint: optional(partnerKey),
    }),
    dataOptional: true,
  },
  'identity.refused': {
    about: 'What somebody says in the name of a partner was not believed.',
    sources: ['federation-gateway'],
    outcomes: ['deny'],
    always: ['reason', 'payload'],
    data: closed({ profile: id('prf'), profile_version: version(), thumbprint: optional(partnerKey) }),
    dataOptional: true,
  },
  'client.refused': {
    about: 'A client did not show who it is.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: clientRefused,
  },
  'client.registered': {
    about: 'A client was registered, changed, or removed.',
    sources,
    outcomes: ['done'],
    always: ['subject', 'client', 'audience'],
    data: closed({
      operation: enumOf(['register', 'read', 'update', 'remove']),
      client: text(),
      principal: principal(),
      environment: text(),
      profile: enumOf(['fapi2', 'oidc']),
      kind: text(),
      grant_types: texts(),
      scopes: texts(),
      audiences: texts(),
      document_digest: digest('Of the whole document; its keys are in it alone'),
    }),
  },
  'client.key-aging': {
    about: 'A key of a client comes to the end of its age.',
    sources,
    outcomes: ['done'],
    always: ['client', 'subject'],
    data: closed({ thumbprint: text(), registered_at: instant(), ends_at: instant() }),
  },
  'client.dpop-key-changed': {
    about:
      'A client refreshed a token with another DPoP key than before; its tokens are bound to that one from now on.',
    sources,
    outcomes: ['done'],
    always: ['client', 'subject', 'references'],
    data: closed({
      grant: id('grt'),
      institution: lei('Owner of the client'),
      was: text('RFC 7638 thumbprint of the key before'),
      jkt: text('RFC 7638 thumbprint of the key now'),
    }),
  },
  'session.started': {
    about: 'A person showed who they are: in a new session, or once more in one that goes on.',
    sources: ['authentication'],
    outcomes: ['permit'],
    always: ['subject', 'authentication'],
    data: closed({
      session: id('ses'),
      tier: optional(enumOf(tiers, 'What the session is good for')),
      goes_on: flag(),
      ends_at: instant(),
      authenticator: optional(id('aut')),
      certificate: optional(digest('x5t#S256 of the certificate that was shown (RFC 8705)')),
    }),
  },
  'session.refused': {
    about: 'Somebody whom the directory knows was not let in.',
    sources: ['authentication'],
    outcomes: ['deny'],
    always: ['subject', 'authentication', 'reason'],
    data: closed({ tier: enumOf(tiers), authenticator: optional(id('aut')) }),
    dataOptional: true,
  },
  'session.stepped-up': {
    about: 'In a session, a person made an assertion for intents; it counts for these alone.',
    sources: ['authentication'],
    outcomes: ['permit'],
    always: ['subject', 'authentication'],
    data: closed({
      session: id('ses'),
      tier: enumOf(tiers),
      intents: Type.Array(digest('Of a canonical intent')),
      nonce: text('With the intents, what the challenge of the assertion was made of'),
      ends_at: instant(),
      asked_for: optional(text('Code of the reason for which more was asked')),
      authenticator: optional(id('aut')),
    }),
  },
  'session.step-up-refused': {
    about: 'What a person showed was not enough for these intents.',
    sources: ['authentication'],
    outcomes: ['deny'],
    always: ['subject', 'authentication', 'reason'],
    data: closed({
      tier: enumOf(tiers),
      intents: Type.Array(digest('Of a canonical intent')),
      asked_for: optional(text('Code of the reason for which more was asked')),
      authenticator: optional(id('aut')),
    }),
  },
  'session.ended': {
    about: 'A session ended.',
    sources: ['authentication'],
    outcomes: ['done'],
    always: ['subject'],
    data: closed({ session: id('ses'), reason: reasonText }),
  },
  'session.logout-notified': {
    about: 'A client was notified of the end of a session, or could not be notified.',
    sources,
    outcomes: ['done', 'deny'],
    always: ['subject', 'client'],
    data: closed({
      session: id('ses'),
      attempts: count(),
      status: optional(Type.Integer({ description: 'HTTP' })),
      error: optional(text()),
    }),
  },
  'authorization.pushed': {
    about: 'A client handed over an authorization request (RFC 9126).',
    sources,
    outcomes: ['permit'],
    always: ['client'],
    data: closed({
      redirect_uri: text(),
      parameters_digest: digest(),
      request_uri_sha256: digest(),
      intents: Type.Array(digest('Of a canonical intent')),
      detail_digests: optional(Type.Array(digest('Of an authorization detail of an application'))),
      signed: flag(),
      request_object_digest: optional(digest()),
    }),
  },
  'authorization.granted': {
    about: 'A person let a client have a code, or what it asked for at another device.',
    sources,
    outcomes: ['permit'],
    always: ['client', 'references'],
    data: Type.Union([
      closed({
        grant: id('grt'),
        grant_version: version(),
        remembered: flag('Whether the person was not asked again'),
        code_sha256: digest(),
        redirect_uri: optional(text()),
      }),
      closed({
        endpoint: Type.Literal('approvals'),
        grant: id('grt'),
        grant_version: version(),
        auth_req_id_sha256: digest(),
      }),
      closed({
        endpoint: Type.Literal('approvals'),
        grant: id('grt'),
        grant_version: version(),
        auth_req_id_sha256: digest(),
        authenticator: id('aut', 'With which the person signed it'),
        ...signedStatementMembers,
      }),
    ]),
  },
  'authorization.refused': {
    about: 'An authorization request was refused.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: refusedAtEndpoint,
  },
  'backchannel.requested': {
    about: 'A client asked for a person to decide at another device (CIBA).',
    sources,
    outcomes: ['permit'],
    always: ['client', 'subject'],
    data: closed({
      auth_req_id_sha256: digest(),
      intent_digests: Type.Array(digest()),
      detail_digests: optional(Type.Array(digest('Of an authorization detail of an application'))),
      signed: flag(),
      expires_in: count('Seconds'),
      hint: enumOf(['login', 'id-token']),
      binding_message_sha256: optional(digest()),
      request_object_digest: optional(digest()),
    }),
  },
  'backchannel.refused': {
    about: 'A request for another device was refused, by us or by the person.',
    sources,
    outcomes: ['deny'],
    always: ['reason'],
    data: Type.Union([
      refusedAtEndpoint,
      closed({
        endpoint: Type.Literal('approvals'),
        error: text(),
        detail: restricted(text('In words')),
        auth_req_id_sha256: digest(),
      }),
    ]),
  },
} as const satisfies Readonly<Record<string, RecordDescription>>;
