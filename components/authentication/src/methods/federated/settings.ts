import { parseConfiguration } from '@countersign/runtime';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;

export const federatedSignInSchema = Type.Object(
  {
    /** In order of display. Each needs a trust profile that permits sign-in. */
    providers: Type.Array(
      Type.Object(
        {
          issuer: Type.String({ pattern: '^https?://[^?#]+$', maxLength: 512 }),
          /** The label of its button, public. */
          name: Type.String({ minLength: 1, maxLength: 100 }),
          /** Accepted classes, whatever the trust profile allows. */
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
