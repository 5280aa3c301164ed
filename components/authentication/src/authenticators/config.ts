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
    /** Default: everybody. */
    roles: Type.Optional(
      Type.Array(Type.String({ minLength: 1, maxLength: 64 }), { minItems: 1, maxItems: 64, uniqueItems: true }),
    ),
    /** Attested by a trusted manufacturer. */
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
    formats: Type.Optional(Type.Array(Type.Enum([...attestationFormats]), { minItems: 1 })),
  },
  closed,
);

/** User verification is always required. */
export const authenticatorsSchema = Type.Object(
  {
    /** The host of the issuer, which is the default, or a parent domain. */
    rpId: Type.Optional(Type.String({ pattern: '^[a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?$' })),
    /** If several rules apply to a person, the strictest requirements count. */
    rules: Type.Optional(Type.Array(ruleSchema, { minItems: 1, maxItems: 32 })),
    /** JSON: metadata statements, or the payload of a verified FIDO metadata BLOB. */
    metadataFile: Type.Optional(Type.String({ minLength: 1 })),
    /** PEM: manufacturer roots that are trusted for every model. */
    rootsFile: Type.Optional(Type.String({ minLength: 1 })),
    /** Per person. Default 10. */
    most: Type.Optional(Type.Integer({ minimum: 1, maximum: 50 })),
  },
  closed,
);

export type AuthenticatorsConfiguration = Static<typeof authenticatorsSchema>;

export interface RoleRule extends RegistrationRule {
  readonly roles?: readonly string[];
}

export interface AuthenticatorSettings {
  readonly relyingParty: RelyingParty;
  readonly rules: readonly RoleRule[];
  readonly trust: AttestationTrust;
  readonly most: number;
}

/** By default these roles need keys that cannot be copied. */
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
    throw invalid(`authenticators.rpId must be ${hostname} or a parent domain of it`);
  return {
    relyingParty: { rpId: rpId ?? hostname, origins: [origin] },
    rules: rules ?? (environment === 'development' ? developmentRules : productionRules),
    trust: readAttestationTrust(
      defined({ metadata: metadataFile && read(metadataFile), roots: rootsFile && read(rootsFile) }),
    ),
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
  return new CodedError({ code: 'configuration_invalid', category: 'invalid', detail, ...defined({ cause }) });
}
