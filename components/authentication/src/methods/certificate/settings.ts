import { CodedError } from '@countersign/kernel';
import { parseConfiguration, readSecret } from '@countersign/runtime';
import { objectIdentifiers, type ParsedCertificate } from '@countersign/x509';
import { type Static, Type } from 'typebox';
import { certificatesIn } from './pem.ts';

const closed = { additionalProperties: false } as const;
const reference = Type.String({ pattern: '^(?:file|env):.+$', maxLength: 4_096 });
const policy = Type.String({ pattern: '^[0-2](?:\\.(?:0|[1-9][0-9]{0,18})){1,20}$', maxLength: 128 });

/** Sign-in with certificates and smart cards, as an installation configures it. */
export const certificateSignInSchema = Type.Object(
  {
    /** PEM of the authorities for people, and of those below them that browsers may leave out. */
    roots: reference,
    intermediates: Type.Optional(reference),
    /** A certificate must be issued under one of these policies; none is asked for when there are none. */
    policies: Type.Optional(Type.Array(policy, { maxItems: 32, uniqueItems: true })),
    /** Policies whose keys cannot leave their hardware: such a sign-in is of the class `phrh`. They count as `policies` too. */
    hardwarePolicies: Type.Optional(Type.Array(policy, { maxItems: 32, uniqueItems: true })),
    /** Extended key usages of which it must state one. Both when left out. */
    purposes: Type.Optional(
      Type.Array(Type.Union([Type.Literal('clientAuth'), Type.Literal('smartCardLogon')]), {
        minItems: 1,
        uniqueItems: true,
      }),
    ),
    /**
     * By which name of the certificate the directory knows its person: as a federated identity with this issuer and, as
     * its subject, the mail address, the user principal name, the URI, or the thumbprint (`x5t#S256`).
     */
    people: Type.Object(
      {
        by: Type.Enum(['email', 'upn', 'uri', 'thumbprint']),
        issuer: Type.String({ minLength: 1, maxLength: 512 }),
      },
      closed,
    ),
    revocation: Type.Object(
      {
        /**
         * `required`: who says nothing recent enough lets nobody in. `when-known`: only what is known to be revoked is
         * refused.
         */
        mode: Type.Optional(Type.Enum(['required', 'when-known'])),
        /** Revocation lists (PEM or DER) of the authorities on the path, in files that are read again, or fetched. */
        lists: Type.Optional(
          Type.Array(
            Type.Union([
              Type.Object({ file: Type.String({ minLength: 1, maxLength: 4_096 }) }, closed),
              Type.Object({ url: Type.String({ pattern: '^https?://', maxLength: 2_048 }) }, closed),
            ]),
            { minItems: 1, maxItems: 16 },
          ),
        ),
        /** Asked (RFC 6960) where no list knows. */
        responder: Type.Optional(Type.String({ pattern: '^https?://', maxLength: 2_048 })),
        /** What was said longer ago counts for nothing, whatever it promised. Default 24. */
        maxAgeHours: Type.Optional(Type.Integer({ minimum: 1, maximum: 8_760 })),
      },
      closed,
    ),
  },
  closed,
);

export type CertificateSignInConfiguration = Readonly<Static<typeof certificateSignInSchema>>;
export type NameOfPerson = CertificateSignInConfiguration['people']['by'];
export type ListSource = { readonly file: string } | { readonly url: string };

/** The configuration with its defaults, and the certificates read. */
export interface CertificateSettings {
  readonly roots: readonly ParsedCertificate[];
  readonly intermediates: readonly ParsedCertificate[];
  readonly policies: readonly string[];
  readonly hardwarePolicies: ReadonlySet<string>;
  readonly purposes: readonly string[];
  readonly people: { readonly by: NameOfPerson; readonly issuer: string };
  readonly revocation: {
    readonly required: boolean;
    readonly lists: readonly ListSource[];
    readonly responder: string | undefined;
    readonly maxAgeMs: number;
  };
}

const purposeIds = { clientAuth: objectIdentifiers.clientAuth, smartCardLogon: objectIdentifiers.smartCardLogon };

/** @throws CodedError `configuration_invalid`, `secret_unavailable` */
export function certificateSettingsOf(input: unknown): CertificateSettings {
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
    hardwarePolicies: new Set(hardwarePolicies),
    purposes: purposes.map((purpose) => purposeIds[purpose]),
    people: config.people,
    revocation: { required: mode === 'required', lists, responder, maxAgeMs: maxAgeHours * 3_600_000 },
  };
}

function unusable(what: string): CodedError {
  return new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail: `Sign-in with certificates: ${what}`,
  });
}
