import type { Caller, ResourceGuard, TrustProfile, TrustRegistry } from '@countersign/contracts';
import { described, idSchema, recordSchema, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { profileSchema } from './profile.ts';

const { properties } = profileSchema;

/** The profile as it travels. */
const profileBody = Type.Object(
  {
    institution: properties.institution,
    issuer: properties.issuer,
    jwks_uri: properties.jwksUri,
    algorithms: properties.algorithms,
    max_lifetime_seconds: properties.maxLifetimeSeconds,
    required_claims: properties.requiredClaims,
    acr_values: properties.acrValues,
    max_authentication_age_seconds: properties.maxAuthenticationAgeSeconds,
  },
  { additionalProperties: false },
);
const profileAnswer = Type.Object(
  { id: idSchema('profile'), version: Type.Integer({ minimum: 1 }), ...profileBody.properties, record: recordSchema() },
  { additionalProperties: false, title: 'TrustProfile' },
);
const profileList = Type.Object(
  { profiles: Type.Array(profileAnswer, { description: 'The newest version of each, by issuer' }) },
  { additionalProperties: false },
);
type ProfileRequest = FastifyRequest<{ Body: Static<typeof profileBody> }>;

export function trustRegistryRoutes(
  app: FastifyInstance,
  deps: { readonly trustRegistry: TrustRegistry; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const { trustRegistry, guard, baseUrl } = deps;
  const partnerRegister = (request: Parameters<ResourceGuard['check']>[0]): Promise<Caller> =>
    guard.check(request, { scope: 'partner:register' });

  app.post<{ Body: Static<typeof profileBody> }>(
    '/partners/profiles',
    described({
      tag: 'partners',
      summary: "Register a partner's identity provider",
      description: 'Or replace its profile; a new version each time something differs.',
      scopes: ['partner:register'],
      body: profileBody,
      answers: { 200: { description: 'The profile as it is now', body: profileAnswer } },
    }),
    withCaller<Caller, ProfileRequest>(partnerRegister, baseUrl, async ({ body }, _reply, caller) => {
      const profile = await trustRegistry.register(
        {
          institution: body.institution,
          issuer: body.issuer,
          jwksUri: body.jwks_uri,
          algorithms: body.algorithms,
          maxLifetimeSeconds: body.max_lifetime_seconds,
          requiredClaims: body.required_claims,
          acrValues: body.acr_values,
          maxAuthenticationAgeSeconds: body.max_authentication_age_seconds,
        },
        { id: caller.subject, institution: caller.institution },
      );
      return profileDocument(profile);
    }),
  );

  app.get(
    '/partners/profiles',
    described({
      tag: 'partners',
      summary: 'List trust profiles',
      scopes: ['partner:register'],
      answers: { 200: { description: 'All of them', body: profileList } },
    }),
    withCaller<Caller>(partnerRegister, baseUrl, async () => ({
      profiles: (await trustRegistry.list()).map(profileDocument),
    })),
  );
}

function profileDocument(profile: TrustProfile) {
  return {
    id: profile.id,
    version: profile.version,
    institution: profile.institution,
    issuer: profile.issuer,
    jwks_uri: profile.jwksUri,
    algorithms: profile.algorithms,
    max_lifetime_seconds: profile.maxLifetimeSeconds,
    required_claims: profile.requiredClaims,
    acr_values: profile.acrValues,
    max_authentication_age_seconds: profile.maxAuthenticationAgeSeconds,
    record: profile.recordId,
  };
}
