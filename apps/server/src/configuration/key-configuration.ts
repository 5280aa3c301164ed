import { keyPurposes } from '@countersign/contracts';
import { Type } from 'typebox';

const closed = { additionalProperties: false };
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const driver = Type.Enum(['software', 'pkcs11']);
const purpose = Type.Enum([...keyPurposes]);

/** Settings of `keys` that say where signing keys are kept. */
export const keyCustodySettings = {
  /** Where keys are made: `software`, encrypted in the database, or `pkcs11`, in a token. Default: `software`. */
  driver: Type.Optional(driver),
  /** Exceptions from `driver` by purpose. */
  drivers: Type.Optional(
    Type.Object(Object.fromEntries(keyPurposes.map((name) => [name, Type.Optional(driver)])), closed),
  ),
  /** Purposes that rotate by hand and move to their configured place when they do; without it, the start is refused. */
  moveAtRotation: Type.Optional(Type.Array(purpose, { maxItems: keyPurposes.length, uniqueItems: true })),
  /** For one start after a token was lost: keys of these purposes that are no longer in the token are withdrawn and replaced. */
  replaceLost: Type.Optional(Type.Array(purpose, { maxItems: keyPurposes.length, uniqueItems: true })),
  /** The token. Each process has a connection of its own to it. */
  pkcs11: Type.Optional(
    Type.Object(
      {
        /** Path of the PKCS #11 module of the vendor. */
        module: Type.String({ minLength: 1, maxLength: 1024 }),
        token: Type.Union([
          Type.Object(
            {
              label: Type.String({ minLength: 1, maxLength: 32 }),
              serial: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
            },
            closed,
          ),
          Type.Object({ serial: Type.String({ minLength: 1, maxLength: 64 }) }, closed),
        ]),
        pin: secretReference,
        /** Parallel sessions. Default: 4. */
        sessions: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
        /** Time for one call to the token. Default: 2,000. */
        callTimeoutMs: Type.Optional(Type.Integer({ minimum: 50, maximum: 60_000 })),
        /** Signatures that may wait. Default: 1,000. */
        queue: Type.Optional(Type.Integer({ minimum: 1, maximum: 100_000 })),
        /** Time between trial signatures. Default: 10,000. */
        canaryEveryMs: Type.Optional(Type.Integer({ minimum: 50, maximum: 600_000 })),
        /** Names of the environment variables that the module reads. It receives no others. */
        environment: Type.Optional(
          Type.Array(Type.String({ pattern: '^[A-Za-z_][A-Za-z0-9_]*$', maxLength: 128 }), { maxItems: 16 }),
        ),
      },
      closed,
    ),
  ),
};
