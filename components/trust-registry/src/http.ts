import type { Caller, ResourceGuard, TrustProfile, TrustRegistry } from '@countersign/contracts';
import { described, idSchema, recordSchema, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { profileSchema } from './profile.ts';

const { properties } = profileSchema;
const { properties: signInProperties } = properties.signIn;

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
    sign_in: Type.Optional(
      Type.Object(
        { client_id: signInProperties.clientId, classes: signInProperties.classes },
        { additionalProperties: false, description: 'Its people may sign in to our pages there' },
      ),
    ),
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
          ...(body.sign_in === undefined
            ? {}
            : { signIn: { clientId: body.sign_in.client_id, classes: body.sign_in.classes } }),
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
    ...(profile.signIn === undefined
      ? {}
      : { sign_in: { client_id: profile.signIn.clientId, classes: profile.signIn.classes } }),
    record: profile.recordId,
  };
}
