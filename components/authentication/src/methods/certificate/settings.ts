import { CodedError } from '@countersign/kernel';
import { parseConfiguration, readSecret } from '@countersign/runtime';
import { objectIdentifiers } from '@countersign/x509';
import { type Static, Type } from 'typebox';
import { certificatesIn } from './pem.ts';

const closed = { additionalProperties: false } as const;
const reference = Type.String({ pattern: '^(?:file|env):.+$', maxLength: 4_096 });
const policy = Type.String({ pattern: '^[0-2](?:\\.(?:0|[1-9][0-9]{0,18})){1,20}$', maxLength: 128 });

export const certificateSignInSchema = Type.Object(
  {
    /** PEM of root authorities, and of intermediate ones that browsers may omit. */
    roots: reference,
    intermediates: Type.Optional(reference),
    /** Required policies; a certificate needs one of them. */
    policies: Type.Optional(Type.Array(policy, { maxItems: 32, uniqueItems: true })),
    /** Policies whose keys stay in hardware: such a sign-in has the class `phrh`. Implies `policies`. */
    hardwarePolicies: Type.Optional(Type.Array(policy, { maxItems: 32, uniqueItems: true })),
    /** Accepted extended key usages. Default both. */
    purposes: Type.Optional(
      Type.Array(Type.Union([Type.Literal('clientAuth'), Type.Literal('smartCardLogon')]), {
        minItems: 1,
        uniqueItems: true,
      }),
    ),
    /** The name in the certificate that is the subject of the person's federated identity. `thumbprint` is `x5t#S256`. */
    people: Type.Object(
      {
        by: Type.Enum(['email', 'upn', 'uri', 'thumbprint']),
        issuer: Type.String({ minLength: 1, maxLength: 512 }),
      },
      closed,
    ),
    revocation: Type.Object(
      {
        /** `required`: without a recent statement nobody signs in. `when-known`: only known revocations are refused. */
        mode: Type.Optional(Type.Enum(['required', 'when-known'])),
        /** PEM or DER; read again regularly. */
        lists: Type.Optional(
          Type.Array(
            Type.Union([
              Type.Object({ file: Type.String({ minLength: 1, maxLength: 4_096 }) }, closed),
              Type.Object({ url: Type.String({ pattern: '^https?://', maxLength: 2_048 }) }, closed),
            ]),
            { minItems: 1, maxItems: 16 },
          ),
        ),
        /** OCSP (RFC 6960), if no list has the answer. */
        responder: Type.Optional(Type.String({ pattern: '^https?://', maxLength: 2_048 })),
        /** Older statements do not count. Default 24. */
        maxAgeHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8_760 })),
      },
      closed,
    ),
  },
  closed,
);

export type CertificateSignInConfiguration = Readonly<Static<typeof certificateSignInSchema>>;
export type NameOfPerson = CertificateSignInConfiguration['people']['by'];
export type ListSource = NonNullable<CertificateSignInConfiguration['revocation']['lists']>[number];

export type CertificateSettings = ReturnType<typeof certificateSettingsOf>;

const purposeIds = { clientAuth: objectIdentifiers.clientAuth, smartCardLogon: objectIdentifiers.smartCardLogon };

/** @throws CodedError `configuration_invalid`, `secret_unavailable` */
export function certificateSettingsOf(input: unknown) {
  const config = parseConfiguration(certificateSignInSchema, input);
  const { policies = [], hardwarePolicies = [], purposes = ['clientAuth', 'smartCardLogon'], revocation } = config;
  const { mode = 'required', lists = [], responder, maxAgeHours = 24 } = revocation;
  const roots = certificatesIn(readSecret(config.roots));
  if (roots.length === 0) throw unusable('roots holds no certificate in PEM.');
  if (mode === 'required' && lists.length === 0 && responder === undefined)
    throw unusable('revocation needs lists or a responder: nobody could sign in otherwise.');
  return {
    roots,
    intermediates: config.intermediates === undefined ? [] : certificatesIn(readSecret(config.intermediates)),
    policies: policies.length === 0 ? [] : [...new Set([...policies, ...hardwarePolicies])],
    hardwarePolicies: new Set<string>(hardwarePolicies),
    purposes: purposes.map((purpose) => purposeIds[purpose]),
    people: config.people,
    revocation: { required: mode === 'required', lists, responder, maxAgeMs: maxAgeHours * 3_600_000 },
  };
}

function unusable(what: string): CodedError {
  const detail = `Sign-in with certificates: ${what}`;
  return new CodedError({ code: 'configuration_invalid', category: 'invalid', detail });
}
