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

/** What an installation says about its people; each part is explained where it is read, in the component's `config.ts`. */
export const peopleSchemas = {
  signIn: Type.Object(
    {
      ...Type.Omit(authenticationConfigurationSchema, ['issuer', 'environment', 'methods']).properties,
      /** In the order in which they are offered. `webauthn` when left out; beside it, `development` in development. */
      methods: Type.Optional(authenticationConfigurationSchema.properties.methods),
      certificate: Type.Optional(certificateSignInSchema),
      federated: Type.Optional(federatedSignInSchema),
    },
    closed,
  ),
  /** What is unusual about how people sign in. */
  risk: riskSchema,
  devices: Type.Omit(devicesConfigurationSchema, ['issuer', 'environment']),
  notices: noticesSchema,
  recovery: recoverySchema,
  breakGlass: breakGlassSchema,
  addressBook: Type.Object(
    {
      /**
       * How long a new address or account waits after its approval before anything is sent there: 24 where it is left out, 0 in
       * development. Whoever proposes it may ask for more.
       */
      coolingOffHours: Type.Optional(Type.Integer({ minimum: 0, maximum: 720 })),
    },
    closed,
  ),
  approvals: Type.Object(
    {
      /** Classes of authenticators of which one is enough to approve; `phrh` when left out, in development `phr` as well. */
      acrValues: Type.Optional(Type.Array(Type.String({ minLength: 1, maxLength: 128 }), { minItems: 1, maxItems: 8 })),
      /**
       * Whether approvals count that software signed with a key of the directory; true in development, false elsewhere when left
       * out. Their keys are kept by the firm, in hardware or not: it must see to what a recovery does not reach.
       */
      directoryKeys: Type.Optional(Type.Boolean()),
      /** In which times are told first; `UTC` when left out. IANA name. */
      timeZone: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,64}$' })),
    },
    closed,
  ),
};

export type NoticesConfiguration = Readonly<Static<(typeof peopleSchemas)['notices']>>;
