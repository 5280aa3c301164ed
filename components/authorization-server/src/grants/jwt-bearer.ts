import type { AssertionLimits, FederatedIdentity, FederationGateway } from '@countersign/contracts';
import { isScope } from '@countersign/market';
import { type Confirmation, clockLeadSeconds, pushActor } from '@countersign/oauth';
import type { Ceiling, GrantHandler } from '../grant-handler.ts';
import { refuse } from '../refusal.ts';

export interface JwtBearerDependencies {
  readonly federationGateway: FederationGateway;
  readonly issuer: string;
}

/**
 * RFC 7523 section 2.1: a partner's identity provider vouches for a person, who acts through a client of the same institution. In
 * the second hop of identity chaining, the limits of the grant apply as well.
 */
export function jwtBearer(options: JwtBearerDependencies): GrantHandler<'urn:ietf:params:oauth:grant-type:jwt-bearer'> {
  const { federationGateway, issuer } = options;
  return {
    grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    parse(parameters) {
      const assertion = parameters.get('assertion');
      if (assertion === undefined) throw refuse('parameter_missing', 'The parameter assertion is missing.');
      return {
        async resolve({ client, note }, confirmation) {
          const identity = await federationGateway.acceptAssertion(assertion, issuer, client.id);
          const { principal, institution, issuer: provider, acr, amr, authTime, provenance } = identity;
          const references = [provenance.profileRecord];
          note({ subject: { id: principal, institution }, references });
          // Not for people of another institution.
          if (institution !== client.institution)
            throw refuse(
              'assertion_institution',
              "The person of the assertion does not belong to this client's institution.",
            );
          checkPossession(identity.limits, confirmation);
          return {
            subject: principal,
            institution,
            references,
            actors: actorsUnder(identity, client.principal),
            ceiling: { ...ceilingOf(identity.limits), expiresAt: identity.expiresAt },
            authentication: { issuer: provider, method: 'jwt-bearer', acr, amr, authTime },
            partner: { institution, claims: identity.claims },
            usedUp: {
              purpose: 'authorization-grant',
              issuer: provider,
              id: identity.assertionId,
              expiresAt: (identity.expiresAt + clockLeadSeconds) * 1000,
            },
            provenance: {
              profile: provenance.profile,
              profile_version: provenance.profileVersion,
              kid: provenance.kid,
              thumbprint: provenance.thumbprint,
              assertion_digest: provenance.assertionDigest,
            },
          };
        },
      };
    },
  };
}

/** The limits of a grant in the second hop of identity chaining. */
export function ceilingOf(limits: AssertionLimits | undefined): Ceiling {
  if (limits === undefined) return {};
  const { scope, resources, authorizationDetails } = limits;
  const [resource, another] = resources;
  return {
    // Unknown scopes are dropped, so the list may become empty.
    ...(scope.length === 0 ? {} : { scope: new Set(scope.filter(isScope)) }),
    ...(resource === undefined ? {} : { resources }),
    ...(resource === undefined || another !== undefined ? {} : { resource }),
    ...(authorizationDetails === undefined ? {} : { offeredDetails: authorizationDetails }),
  };
}

/** Includes the actors of the other domain. A client that is also the last actor counts once. */
export function actorsUnder({ limits, principal }: FederatedIdentity, client: string): readonly string[] {
  // One at a time, to apply the rules on loops and length.
  const actors = (limits?.actors ?? []).reduceRight<readonly string[]>(
    (chain, actor) => pushActor(chain, actor, principal),
    [],
  );
  return actors[0] === client ? actors : pushActor(actors, client, principal);
}

/** ID-JAG draft -03 section 8.7.1. */
export function checkPossession(limits: AssertionLimits | undefined, confirmation: Confirmation | undefined): void {
  const jkt: string | undefined = limits?.jkt;
  if (jkt === undefined) return;
  if (confirmation === undefined || !('jkt' in confirmation) || confirmation.jkt !== jkt)
    throw refuse('assertion_key', 'The assertion is bound to a key. Prove possession of that key by DPoP.');
}
