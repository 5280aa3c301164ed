import { Type } from 'typebox';
import { Compile } from 'typebox/compile';

// The data of our own records, as far as the state depends on it.

const closed = { additionalProperties: true };
const text = Type.String();

export const proposedData = Compile(
  Type.Object(
    {
      kind: Type.Enum(['profile', 'authority']),
      about: text,
      terms: Type.Optional(
        Type.Object({ enabled: Type.Boolean(), lifetime_seconds: Type.Integer(), dns_names: Type.Array(text) }, closed),
      ),
      authority: Type.Optional(Type.Object({ id: text, certificate: text, root: text, transcript: text }, closed)),
      reason: text,
      expires_at: text,
      digest: text,
    },
    closed,
  ),
);
export const approvedData = Compile(
  Type.Object({ proposal: text, digest: text, usable_from: Type.Optional(text) }, closed),
);
export const rejectedData = Compile(Type.Object({ proposal: text, reason: text }, closed));
