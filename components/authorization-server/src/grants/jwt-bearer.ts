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
 * RFC 7523 section 2.1: a partner's identity provider vouches for a person, who acts through a client of the same
 * institution. The person is the subject and the client's principal is the actor. If the assertion is a grant from the
 * partner's authorization server (identity chaining, second hop), its own limits apply as well.
 */
export function jwtBearer({
  federationGateway,
  issuer,
}: JwtBearerDependencies): GrantHandler<'urn:ietf:params:oauth:grant-type:jwt-bearer'> {
  return {
    grantType: 'urn:ietf:params:oauth:grant-type:jwt-bearer',
    parse(parameters) {
      const assertion = parameters.get('assertion');
      if (assertion === undefined) throw refuse('parameter_missing', 'The parameter assertion is missing.');
      return {
        async resolve({ client, note }, confirmation) {
          const identity = await federationGateway.acceptAssertion(assertion, issuer, client.id);
          note({
            subject: { id: identity.principal, institution: identity.institution },
            references: [identity.provenance.profileRecord],
          });
          // Software of one institution may not carry the authority of another institution's people.
          if (identity.institution !== client.institution)
            throw refuse('assertion_institution', "The person of the assertion is not of this client's institution.");
          checkPossession(identity.limits, confirmation);
          return {
            subject: identity.principal,
            institution: identity.institution,
            actors: actorsUnder(identity, client.principal),
            ceiling: { ...ceilingOf(identity.limits), expiresAt: identity.expiresAt },
            authentication: {
              issuer: identity.issuer,
              method: 'jwt-bearer',
              acr: identity.acr,
              amr: identity.amr,
              authTime: identity.authTime,
            },
            partner: { institution: identity.institution, claims: identity.claims },
            usedUp: {
              purpose: 'authorization-grant',
              issuer: identity.issuer,
              id: identity.assertionId,
              expiresAt: (identity.expiresAt + clockLeadSeconds) * 1000,
            },
            references: [identity.provenance.profileRecord],
            provenance: {
              profile: identity.provenance.profile,
              profile_version: identity.provenance.profileVersion,
              kid: identity.provenance.kid,
              thumbprint: identity.provenance.thumbprint,
              assertion_digest: identity.provenance.assertionDigest,
            },
          };
        },
      };
    },
  };
}

/** The second hop of identity chaining: this server enforces the limits that the grant contains. */
export function ceilingOf(limits: AssertionLimits | undefined): Ceiling {
  if (limits === undefined) return {};
  const { scope, resources, authorizationDetails } = limits;
  const [resource, another] = resources;
  return {
    // Scopes unknown to this server are dropped, so the remaining list may be empty.
    ...(scope.length === 0 ? {} : { scope: new Set(scope.filter(isScope)) }),
    ...(resource === undefined ? {} : { resources }),
    ...(resource === undefined || another !== undefined ? {} : { resource }),
    ...(authorizationDetails === undefined ? {} : { offeredDetails: authorizationDetails }),
  };
}

/**
 * The record keeps the actors of the other domain. If the client that presents the grant is also its last actor, it counts
 * once.
 */
export function actorsUnder({ limits, principal }: FederatedIdentity, client: string): readonly string[] {
  // Joined one at a time, so that the complete chain obeys the usual rules on loops and length.
  const actors = (limits?.actors ?? []).reduceRight<readonly string[]>(
    (chain, actor) => pushActor(chain, actor, principal),
    [],
  );
  return actors[0] === client ? actors : pushActor(actors, client, principal);
}

/** ID-JAG draft -03 section 8.7.1, and every other key-bound grant: without its key, the grant counts as stolen. */
export function checkPossession(limits: AssertionLimits | undefined, confirmation: Confirmation | undefined): void {
  const jkt: string | undefined = limits?.jkt;
  if (jkt === undefined) return;
  if (confirmation === undefined || !('jkt' in confirmation) || confirmation.jkt !== jkt)
    throw refuse('assertion_key', 'The assertion is bound to a key: the request must show possession of it by DPoP.');
}
