import type { FederationGateway } from '@countersign/contracts';
import { clockLeadSeconds } from '@countersign/oauth';
import { actorsUnder, ceilingOf, checkPossession } from '../identity-chaining/index.ts';
import { refuse } from '../refusal.ts';
import type { GrantHandler } from './grant-handler.ts';

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
