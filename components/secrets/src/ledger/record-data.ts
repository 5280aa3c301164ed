import { brokerVenues, secretKinds, venueAlgorithms } from '@countersign/contracts';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';

// The data of our own records, as far as the state depends on it.

const open = { additionalProperties: true };
const text = Type.String();
const texts = Type.Array(text);

export const proposedSchema = Type.Object(
  {
    kind: Type.Enum([...secretKinds]),
    name: text,
    change: Type.Enum(['define', 'remove']),
    holders: texts,
    role: Type.Optional(
      Type.Object(
        {
          database: text,
          member_of: texts,
          ttl_seconds: Type.Integer(),
          max_ttl_seconds: Type.Integer(),
          connections: Type.Integer(),
          ends_with: Type.Enum(['token', 'holder']),
        },
        open,
      ),
    ),
    venue_key: Type.Optional(
      Type.Object(
        {
          venue: Type.Enum([...brokerVenues]),
          venue_mic: text,
          base_url: text,
          algorithm: Type.Enum([...venueAlgorithms]),
          api_key: text,
          institution: text,
          accounts: texts,
          symbols: Type.Array(Type.Object({ instrument: text, currency: text, symbol: text }, open)),
          probe: Type.Enum(['required', 'waived']),
        },
        open,
      ),
    ),
    public_key: Type.Optional(text),
    material: Type.Optional(text),
    reason: text,
    expires_at: text,
    digest: text,
  },
  open,
);
export const proposedData = Compile(proposedSchema);
export const approvedData = Compile(Type.Object({ proposal: text, digest: text }, open));
export const rejectedData = Compile(Type.Object({ proposal: text, reason: text }, open));
