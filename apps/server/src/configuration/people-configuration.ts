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
const secretReference = Type.String({ pattern: '^(file:.+|env:[A-Za-z_][A-Za-z0-9_]*)$', maxLength: 1024 });
const objectIdentifier = Type.String({ pattern: '^[0-2](?:\\.(?:0|[1-9][0-9]{0,18})){1,30}$', maxLength: 256 });
const leiSchema = Type.String({ pattern: '^[0-9A-Z]{18}[0-9]{2}$' });

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
      /** Approvals signed with certificates, e.g. on smart cards. */
      certificates: Type.Optional(
        Type.Object(
          {
            /**
             * Whether certificates of the profile `operator-approval` are issued for keys in hardware only. Approvals with them then have
             * the class `phrh`, otherwise `phr`. Default: false.
             */
            keysInHardware: Type.Optional(Type.Boolean()),
            /** The greatest age of the OCSP response in a signature. Default: 600. */
            statusMaxAgeSeconds: Type.Optional(Type.Integer({ minimum: 60, maximum: 86_400 })),
            /** Authorities of partners, for approvals by people of that partner. */
            partners: Type.Optional(
              Type.Array(
                Type.Object(
                  {
                    institution: leiSchema,
                    /** PEM of the trusted authorities. */
                    authorities: secretReference,
                    /** Object identifiers of extended key usages and of policies; a certificate needs one of each. */
                    purposes: Type.Array(objectIdentifier, { minItems: 1, maxItems: 8, uniqueItems: true }),
                    policies: Type.Array(objectIdentifier, { minItems: 1, maxItems: 8, uniqueItems: true }),
                    /** As above, for certificates of this authority. */
                    keysInHardware: Type.Optional(Type.Boolean()),
                    /** The name in the certificate that is the subject of the person's federated identity. */
                    people: Type.Object(
                      {
                        by: Type.Enum(['email', 'upn', 'uri']),
                        issuer: Type.String({ minLength: 1, maxLength: 512 }),
                      },
                      closed,
                    ),
                  },
                  closed,
                ),
                { minItems: 1, maxItems: 64 },
              ),
            ),
          },
          closed,
        ),
      ),
      /** IANA time zone in which times are shown first. Default: `UTC`. */
      timeZone: Type.Optional(Type.String({ pattern: '^[A-Za-z0-9_+/-]{1,64}$' })),
    },
    closed,
  ),
};

export type NoticesConfiguration = Readonly<Static<(typeof peopleSchemas)['notices']>>;
