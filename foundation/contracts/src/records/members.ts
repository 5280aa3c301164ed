import { type TProperties, type TSchema, Type } from 'typebox';
import { closed, digest, id, instant, optional, principal, text, texts, version } from './shape.ts';

const recordId = id('rec');
const actor = closed({
  id: principal('Principal id, or `client:` and a client id where no principal is known'),
  institution: optional(text('LEI of the institution that was acted for')),
});

/** Members that the writer supplies beside type, source, outcome and data. */
export const membersOfWriter = {
  reason: optional(text('Error code, where the outcome is `deny`')),
  transaction: optional(id('txn')),
  references: optional(Type.Array(recordId, { description: 'Records that this one rests on' })),
  subject: optional(actor),
  actors: optional(Type.Array(actor, { description: 'The acting chain, current actor first (RFC 8693)' })),
  client: optional(text('Client id')),
  audience: optional(texts()),
  scope: optional(texts()),
  mandate: optional(closed({ id: id('mnd'), version: version() })),
  policy: optional(closed({ version: Type.Integer({ minimum: 0 }), hash: digest() })),
  authentication: optional(
    closed({
      issuer: optional(text()),
      method: optional(text()),
      acr: optional(text()),
      amr: optional(texts()),
      authTime: optional(Type.Integer({ description: 'Seconds since the epoch' })),
    }),
  ),
  address: optional(Type.String({ description: 'Source address as the listener saw it', 'x-protected': 'personal' })),
  zone: optional(text('Network zone of the listener that it came to')),
  device: optional(text('Id of the device')),
  partner: optional(text('LEI of the partner whose assertion, interface or copy it is about')),
  certificate: optional(
    closed(
      {
        serial: Type.String({ pattern: '^[0-9a-f]+$', description: 'Hexadecimal' }),
        thumbprint: digest('x5t#S256 (RFC 8705)'),
      },
      'The certificate that was shown',
    ),
  ),
  intent: optional(digest('Of the canonical intent (RFC 8785)')),
  payload: optional(digest('Of what was sent')),
  standing: optional(
    Type.Array(
      closed({
        of: Type.String({ pattern: '^[!-~]{1,256}$', description: 'Kind and id of the thing' }),
        digest: optional(digest('Of all that decides in its row; absent once the thing has ended')),
      }),
      { description: 'How the things that the record is about stand from now on' },
    ),
  ),
} satisfies TProperties;

/** Members that the log adds. Version 1 has neither stream nor number. */
export const membersOfLog = {
  v: Type.Enum([1, 2], { description: '2 since records are numbered by their source' }),
  time: instant('Set by the log; never earlier than that of the record before'),
  stream: optional(id('src', 'The stream of the process that wrote it')),
  number: optional(Type.Integer({ minimum: 1, description: 'Its number there: from 1, without gaps' })),
  clock: optional(id('rec', 'The `clock.measured` record that says how good its time was')),
  protected: optional(
    Type.Record(
      Type.String({ pattern: '^/' }),
      closed({
        kind: Type.Enum(['personal', 'strategy']),
        key: text('Under which the value is kept'),
        commitment: digest('SHA-256 over 32 bytes of salt and the canonical JSON text of the value'),
        ciphertext: digest('SHA-256 of what is kept beside the record'),
      }),
      { description: 'Restricted values by JSON pointer (RFC 6901); not part of the leaf' },
    ),
  ),
} satisfies TProperties;

/** Version 2 requires both members, version 1 has neither. */
export const numbering: TSchema = {
  if: { properties: { v: { const: 2 } }, required: ['v'] },
  // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema.
  then: { properties: { stream: true, number: true }, required: ['stream', 'number'] },
  else: { properties: { stream: false, number: false, clock: false, protected: false } },
};
