import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;

/** Sign-in at the identity providers of institutions, as an installation offers it. */
export const federatedSignInSchema = Type.Object(
  {
    /** In the order in which they are offered. Each needs a trust profile that lets people sign in there. */
    providers: Type.Array(
      Type.Object(
        {
          issuer: Type.String({ pattern: '^https?://[^?#]+$', maxLength: 512 }),
          /** What its button says: everybody who opens the page reads it. */
          name: Type.String({ minLength: 1, maxLength: 100 }),
          /** The classes of sign-ins that this installation takes from it, whatever its trust profile makes of them. */
          acrValues: Type.Array(Type.String({ minLength: 1, maxLength: 256 }), { minItems: 1, maxItems: 16 }),
        },
        closed,
      ),
      { minItems: 1, maxItems: 20 },
    ),
  },
  closed,
);

export type FederatedSignInConfiguration = Readonly<Static<typeof federatedSignInSchema>>;
export type OfferedProvider = FederatedSignInConfiguration['providers'][number];

/** @throws CodedError `configuration_invalid` */
export function providersOf(input: unknown): readonly OfferedProvider[] {
  return parseConfiguration(federatedSignInSchema, input).providers;
}
