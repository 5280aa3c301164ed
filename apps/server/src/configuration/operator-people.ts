import { developmentAcr, type Outbound, type TrustProfileInput } from '@countersign/contracts';
import type { Lei } from '@countersign/market';
import { importVerificationKey } from '@countersign/oauth';
import { type DevelopmentClient, developmentPeople } from '@countersign/sdk';
import type { Configuration } from './configuration.ts';

/** The operator's commands: the keys each one uses, and the role of the person it belongs to. */
export function operatorCommands({ operator }: Pick<Configuration, 'operator'>): readonly {
  readonly id: DevelopmentClient;
  readonly role: 'operator' | 'approver' | 'compliance';
  readonly keys: readonly unknown[];
}[] {
  return [
    { id: 'countersign-cli' as const, role: 'operator' as const, jwks: operator.jwks },
    { id: 'countersign-approver' as const, role: 'approver' as const, jwks: operator.approver?.jwks },
    { id: 'countersign-compliance' as const, role: 'compliance' as const, jwks: operator.compliance?.jwks },
  ].flatMap(({ id, role, jwks }) => (jwks === undefined ? [] : [{ id, role, keys: jwks.keys }]));
}

/** Somebody by whom the operator governs, as the directory is told of them. */
export interface OperatorPerson {
  readonly id: string;
  readonly roles: readonly string[];
  readonly federated: readonly { readonly issuer: string; readonly subject: string }[];
}

/** The founders that are configured and, in development, the holders of the key files of the data folder. */
export function operatorPeople(
  configuration: Pick<Configuration, 'environment' | 'issuer' | 'operator'>,
): readonly OperatorPerson[] {
  const { environment, issuer, operator } = configuration;
  const founders = (operator.founders ?? []).map(({ id, roles }) => ({ id, roles, federated: [] }));
  if (environment !== 'development') return founders;
  const holders = operatorCommands(configuration).map(({ id, role }) => {
    const { person, issuer: path } = developmentPeople[id];
    return { id: person, roles: [role], federated: [{ issuer: `${issuer}/${path}`, subject: person }] };
  });
  return [...holders, ...founders];
}

/**
 * What is trusted of the key files of a development installation: each is an issuer of its own, which speaks for one person.
 * None outside development.
 */
export function developmentIssuers(
  configuration: Pick<Configuration, 'environment' | 'issuer' | 'operator'>,
): readonly { readonly profile: TrustProfileInput; readonly keySet: unknown }[] {
  const { environment, issuer, operator } = configuration;
  if (environment !== 'development') return [];
  return operatorCommands(configuration).map(({ id, keys }) => {
    const own = `${issuer}/${developmentPeople[id].issuer}`;
    return {
      profile: {
        institution: operator.lei as Lei,
        issuer: own,
        jwksUri: `${own}/jwks.json`,
        algorithms: ['ES256', 'EdDSA'],
        maxLifetimeSeconds: 60,
        requiredClaims: [],
        acrValues: [developmentAcr],
        maxAuthenticationAgeSeconds: 60,
      },
      keySet: { keys: keys.map((jwk) => ({ ...(jwk as object), kid: importVerificationKey(jwk).thumbprint })) },
    };
  });
}

/** Key sets that are known here are read from nowhere else. */
export function withPinnedKeySets(
  outbound: Pick<Outbound, 'getJson'>,
  issuers: ReturnType<typeof developmentIssuers>,
): Pick<Outbound, 'getJson'> {
  const pinned = new Map(issuers.map(({ profile, keySet }) => [profile.jwksUri, keySet]));
  return {
    getJson: async (url, options) => (pinned.has(url) ? pinned.get(url) : outbound.getJson(url, options)),
  };
}
