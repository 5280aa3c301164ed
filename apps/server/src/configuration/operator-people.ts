import { developmentAcr, type Outbound, type TrustProfileInput } from '@countersign/contracts';
import type { Lei } from '@countersign/market';
import { importVerificationKey } from '@countersign/oauth';
import { type DevelopmentClient, developmentPeople } from '@countersign/sdk';
import type { Configuration } from './configuration.ts';

/** The operator's commands, with the keys of each and the role of the person who holds it. */
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

/** A person who governs the installation, as entered in the directory. */
export interface OperatorPerson {
  readonly id: string;
  readonly roles: readonly string[];
  readonly federated: readonly { readonly issuer: string; readonly subject: string }[];
}

/** The configured founders and, in development, the holders of the key files in the data folder. */
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
 * Trusted issuers for the key files of a development installation: each file is its own issuer and asserts one person. Empty
 * outside development.
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
        // The schema of the configuration checks LEIs.
        institution: operator.lei as Lei,
        issuer: own,
        jwksUri: `${own}/jwks.json`,
        algorithms: ['ES256', 'EdDSA'],
        maxLifetimeSeconds: 60,
        requiredClaims: [],
        acrValues: [developmentAcr],
        maxAuthenticationAgeSeconds: 60,
      },
      // The import checks it; anything that is no object fails there.
      keySet: { keys: keys.map((jwk) => ({ ...(jwk as object), kid: importVerificationKey(jwk).thumbprint })) },
    };
  });
}

/** Uses the known key sets and never fetches them. */
export function withPinnedKeySets(
  outbound: Pick<Outbound, 'getJson'>,
  issuers: ReturnType<typeof developmentIssuers>,
): Pick<Outbound, 'getJson'> {
  const pinned = new Map(issuers.map(({ profile, keySet }) => [profile.jwksUri, keySet]));
  return {
    getJson: async (url, options) => (pinned.has(url) ? pinned.get(url) : outbound.getJson(url, options)),
  };
}
