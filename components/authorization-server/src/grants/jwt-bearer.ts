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
 * RFC 7523 section 2.1: a person whom a partner's identity provider vouches for acts through a client of the same
 * institution. The person is the subject, the client's principal the actor. An assertion that is a grant of the
 * partner's authorization server (identity chaining, second hop) gives no more than it says.
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
          // The software of one firm does not carry the authority of another firm's people.
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

/** The second hop of identity chaining: what a grant of another server holds itself to, it is held to here. */
export function ceilingOf(limits: AssertionLimits | undefined): Ceiling {
  if (limits === undefined) return {};
  const { scope, resources, authorizationDetails } = limits;
  const [resource, another] = resources;
  return {
    // A scope that we do not know is none that we could give: what is left may be nothing.
    ...(scope.length === 0 ? {} : { scope: new Set(scope.filter(isScope)) }),
    ...(resource === undefined ? {} : { resources }),
    ...(resource === undefined || another !== undefined ? {} : { resource }),
    ...(authorizationDetails === undefined ? {} : { offeredDetails: authorizationDetails }),
  };
}

/** Who acted there stays on record here. A client that has carried the grant over is one actor, not two. */
export function actorsUnder({ limits, principal }: FederatedIdentity, client: string): readonly string[] {
  // Joined one by one, so that the chain as a whole has no loop and no more actors than any other.
  const actors = (limits?.actors ?? []).reduceRight<readonly string[]>(
    (chain, actor) => pushActor(chain, actor, principal),
    [],
  );
  return actors[0] === client ? actors : pushActor(actors, client, principal);
}

/** ID-JAG draft -03 section 8.7.1, and any other grant that is bound to a key: without it, it is stolen. */
export function checkPossession(limits: AssertionLimits | undefined, confirmation: Confirmation | undefined): void {
  const jkt: string | undefined = limits?.jkt;
  if (jkt === undefined) return;
  if (confirmation === undefined || !('jkt' in confirmation) || confirmation.jkt !== jkt)
    throw refuse('assertion_key', 'The assertion is bound to a key: the request must show possession of it by DPoP.');
}
