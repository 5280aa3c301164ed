import {
  authenticationConfigurationSchema,
  certificateSignInSchema,
  federatedSignInSchema,
  riskSchema,
} from '@countersign/authentication';
import { breakGlassSchema } from '@countersign/break-glass';
import { devicesConfigurationSchema } from '@countersign/devices';
import { noticesSchema } from '@countersign/notices';
import { recoverySchema } from '@countersign/recovery';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };

/** Settings about people. The component's `config.ts` explains each part. */
export const peopleSchemas = {
  signIn: Type.Object(
    {
      ...Type.Omit(authenticationConfigurationSchema, ['issuer', 'environment', 'methods']).properties,
      /** Sign-in methods in the order in which they are offered. Default: `webauthn`, and in development also `development`. */
      methods: Type.Optional(authenticationConfigurationSchema.properties.methods),
      certificate: Type.Optional(certificateSignInSchema),
      federated: Type.Optional(federatedSignInSchema),
    },
    closed,
  ),
  /** Which properties of a sign-in count as unusual. */
  risk: riskSchema,
  devices: Type.Omit(devicesConfigurationSchema, ['issuer', 'environment']),
  notices: noticesSchema,
  recovery: recoverySchema,
  breakGlass: breakGlassSchema,
  addressBook: Type.Object(
    {
      /**
       * Cooling-off in hours before a newly approved address or account can be used. The proposer may ask for more. Default:
       * 24, in development 0.
       */
      coolingOffHours: Type.Optional(Type.Integer({ minimum: 0, maximum: 720 })),
    },
    closed,
  ),
  approvals: Type.Object(
    {
      /** Authentication context classes, any of which is sufficient to approve. Default: `phrh`, in development also `phr`. */
      acrValues: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 8 })),
      /**
       * Whether approvals signed by software with a key of the directory count. The institution keeps these keys, in hardware
       * or not, and is responsible for what a recovery does not cover. Default: true in development, otherwise false.
       */
      directoryKeys: Type.Optional(Type.Boolean()),
      /** IANA time zone in which times are shown first. Default: `UTC`. */
      timeZone: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,64}$' })),
    },
    closed,
  ),
};

export type NoticesConfiguration = Readonly<Static<(typeof peopleSchemas)['notices']>>;
