import { Type } from 'typebox';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const name = Type.String({ pattern: '^[a-z][a-z0-9-]{0,31}$' });

/** The part of an installation's configuration that says how people are told what happens to their accounts. */
export const noticesSchema = Type.Object(
  {
    /** All of them are used for every notice. Outside development there is at least one. */
    channels: Type.Array(
      Type.Union([
        /** A folder from which the firm's own system takes files. */
        Type.Object({ name, folder: Type.String({ minLength: 1, maxLength: 1024 }) }, closed),
        /** A system of the firm that is posted to; https, or plain http on loopback. */
        Type.Object(
          {
            name,
            webhook: Type.Object(
              {
                url: Type.String({ pattern: '^https?://[^#]+$', maxLength: 1024 }),
                /** Value of the header `Authorization`. */
                authorization: Type.Optional(secretReference),
                /** PEM of the authorities that vouch for its server; the system's when left out. */
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
