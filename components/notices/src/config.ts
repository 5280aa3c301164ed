import { Type } from 'typebox';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' });

export const noticesSchema = Type.Object(
  {
    /** Every notice goes to all of them. Required outside development. */
    channels: Type.Array(
      Type.Union([
        Type.Object({ name, folder: Type.String({ minLength: 1, maxLength: 1024 }) }, closed),
        /** https, or plain http on loopback. */
        Type.Object(
          {
            name,
            webhook: Type.Object(
              {
                url: Type.String({ pattern: '^https?://[^#]+$', maxLength: 1024 }),
                authorization: Type.Optional(secretReference),
                /** PEM; the system's authorities when left out. */
                authorities: Type.Optional(secretReference),
              },
              closed,
            ),
          },
          closed,
        ),
      ]),
      { maxItems: 8 },
    ),
  },
  closed,
);
