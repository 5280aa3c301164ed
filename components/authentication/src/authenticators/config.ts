import { readFileSync } from 'node:fs';
import { CodedError, defined } from '@countersign/kernel';
import {
  type AttestationTrust,
  attestationFormats,
  type RegistrationRule,
  type RelyingParty,
  readAttestationTrust,
} from '@countersign/webauthn/ceremonies';
import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false };
const ruleSchema = Type.Object(
  {
    /** People with one of these roles; everybody when left out. */
    roles: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 64, uniqueItems: true }),
    ),
    /** The key cannot leave its hardware, as attested by a trusted manufacturer. */
    deviceBound: Type.Boolean(),
    /** Whether a trusted root must attest the manufacturer. */
    attestation: Type.Union([Type.Literal('trusted'), Type.Literal('any')]),
    /** Models, each a UUID in lower case. */
    aaguids: Type.Optional(
      Type.Array(Type.String({ pattern: '^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$' }), {
        minItems: 1,
        maxItems: 1_000,
      }),
    ),
    /** Attestation statement formats. */
    formats: Type.Optional(Type.Array(Type.Enum([...attestationFormats]), { minItems: 1 })),
  },
  closed,
);

/** Security keys and passkeys. User verification is always required. */
export const authenticatorsSchema = Type.Object(
  {
    /** What keys answer to: the host of the issuer, which is the default, or a domain that it is in. */
    rpId: Type.Optional(Type.String({ pattern: '^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$' })),
    /** Requirements for authenticators. If several rules apply to a person, the strictest of each requirement counts. */
    rules: Type.Optional(Type.Array(ruleSchema, { minItems: 1, maxItems: 32 })),
    /** JSON: metadata statements, or the payload of a FIDO metadata BLOB whose signature was verified. */
    metadataFile: Type.Optional(Type.String({ minLength: 1 })),
    /** PEM: manufacturer roots that are trusted for every model. */
    rootsFile: Type.Optional(Type.String({ minLength: 1 })),
    /** Of one person. Default 10. */
    most: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  },
  closed,
);

export type AuthenticatorsConfiguration = Static<typeof authenticatorsSchema>;

export interface RoleRule extends RegistrationRule {
  /** Everybody when left out. */
  readonly roles?: readonly string[];
}

export interface AuthenticatorSettings {
  readonly relyingParty: RelyingParty;
  readonly rules: readonly RoleRule[];
  readonly trust: AttestationTrust;
  readonly most: number;
}

/** Who approves, signs for the firm, or runs the installation: with keys that cannot be copied, unless configured otherwise. */
const guardedRoles = [
  ...['operator', 'approver', 'signatory', 'supervisor', 'desk-head', 'head-of-trading'],
  ...['compliance', 'risk', 'security', 'break-glass'],
];
const productionRules: readonly RoleRule[] = [
  { deviceBound: false, attestation: 'any' },
  { roles: guardedRoles, deviceBound: true, attestation: 'trusted' },
];
const developmentRules: readonly RoleRule[] = [{ deviceBound: false, attestation: 'any' }];

/** @throws CodedError `configuration_invalid`: an RP id that is not ours, a file that cannot be read */
export function authenticatorSettingsOf(
  config: AuthenticatorsConfiguration | undefined,
  { origin, environment }: { readonly origin: string; readonly environment: 'development' | 'production' },
): AuthenticatorSettings {
  const { rpId, rules, metadataFile, rootsFile, most = 10 } = config ?? {};
  const { hostname } = new URL(origin);
  if (rpId !== undefined && rpId !== hostname && !hostname.endsWith(`.${rpId}`))
    throw invalid(`authenticators.rpId must be ${hostname} or a domain that it is in`);
  return {
    relyingParty: { rpId: rpId ?? hostname, origins: [origin] },
    rules: rules ?? (environment === 'development' ? developmentRules : productionRules),
    trust: readAttestationTrust({
      ...(metadataFile === undefined ? {} : { metadata: read(metadataFile) }),
      ...(rootsFile === undefined ? {} : { roots: read(rootsFile) }),
    }),
    most,
  };
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (cause) {
    throw invalid(`${file} cannot be read`, cause);
  }
}

function invalid(detail: string, cause?: unknown): CodedError {
  return new CodedError({
    code: 'configuration_invalid',
    category: 'invalid',
    detail,
    ...defined({ cause }),
  });
}
