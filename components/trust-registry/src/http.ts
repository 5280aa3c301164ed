import {
  type Caller,
  type ResourceGuard,
  requesterOf,
  type TrustProfile,
  type TrustRegistry,
  trustErrors,
} from '@countersign/contracts';
import { parseId } from '@countersign/kernel';
import { described, idSchema, recordSchema, withCaller } from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import { contentDocument } from './document.ts';
import { profileSchema } from './profile.ts';

const { properties } = profileSchema;
const { properties: signInProperties } = properties.signIn;
const strict = { additionalProperties: false } as const;

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
        { ...strict, description: 'Its people may sign in to our pages with it' },
      ),
    ),
  },
  strict,
);
const reason = Type.String({ minLength: 1, maxLength: 400, description: 'For people; it is recorded.' });
const registration = Type.Object({ profile: profileBody, reason }, strict);
const suspension = Type.Object({ reason }, strict);
const profileAnswer = Type.Object(
  {
    id: idSchema('profile'),
    version: Type.Integer({ minimum: 1 }),
    ...profileBody.properties,
    suspended: Type.Optional(
      Type.Literal(true, { description: 'Assertions of this issuer are currently not accepted.' }),
    ),
    record: recordSchema(),
  },
  { ...strict, title: 'TrustProfile' },
);
const profileList = Type.Object(
  { profiles: Type.Array(profileAnswer, { description: 'The newest version of each, by issuer' }) },
  strict,
);
const proposedProfile = Type.Object(
  {
    id: idSchema('change'),
    status: Type.Literal('proposed'),
    proposedBy: Type.String(),
    proposedAt: Type.String({ format: 'date-time' }),
    expiresAt: Type.String({ format: 'date-time' }),
    reason: Type.String(),
    changes: Type.Array(
      Type.Object(
        {
          change: Type.Enum(['add', 'change']),
          kind: Type.Literal('partner'),
          id: Type.String({ description: 'The issuer' }),
          fields: Type.Optional(Type.Array(Type.String(), { description: 'Names of the members that differ.' })),
        },
        strict,
      ),
    ),
    digest: Type.String({ description: 'What the approver names.' }),
  },
  { ...strict, title: 'ProposedTrustProfile' },
);
const idParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
type Registration = FastifyRequest<{ Body: Static<typeof registration> }>;
type Suspension = FastifyRequest<{ Params: Static<typeof idParams>; Body: Static<typeof suspension> }>;

export function trustRegistryRoutes(
  app: FastifyInstance,
  deps: { readonly trustRegistry: TrustRegistry; readonly guard: ResourceGuard; readonly baseUrl: string },
): void {
  const { trustRegistry, guard, baseUrl } = deps;
  const partnerRegister = (request: Parameters<ResourceGuard['check']>[0]): Promise<Caller> =>
    guard.check(request, { scope: 'partner:register' });

  app.post<{ Body: Static<typeof registration> }>(
    '/partners/profiles',
    described({
      tag: 'partners',
      summary: "Register a partner's identity provider",
      description:
        'Or replace its profile, with a new version for each difference. A profile that reduces trust takes effect at once; a ' +
        'new profile, and one that increases or alters trust, needs a second person (`POST /directory/changes/{id}/approve`, ' +
        '`directory:approve`).',
      scopes: ['partner:register'],
      body: registration,
      answers: {
        200: { description: 'The profile in its current form', body: profileAnswer },
        202: { description: 'The change that awaits a second person', body: proposedProfile },
      },
    }),
    withCaller<Caller, Registration>(partnerRegister, baseUrl, async ({ body }, reply, caller) => {
      const answer = await trustRegistry.register(inputOf(body.profile), requesterOf(caller), body.reason);
      return 'proposed' in answer ? reply.status(202).send(answer.proposed) : profileDocument(answer.profile);
    }),
  );

  app.post<{ Params: Static<typeof idParams>; Body: Static<typeof suspension> }>(
    '/partners/profiles/:id/suspend',
    described({
      tag: 'partners',
      summary: 'Withdraw trust in an identity provider',
      description:
        'At once, by one person: nothing of this issuer is accepted from then on. To trust it again, register its profile anew; that takes ' +
        'two people.',
      scopes: ['partner:register'],
      params: idParams,
      body: suspension,
      answers: { 200: { description: 'The profile in its current form', body: profileAnswer } },
    }),
    withCaller<Caller, Suspension>(partnerRegister, baseUrl, async ({ params, body }, _reply, caller) => {
      const id = parseId('profile', params.id);
      if (id === undefined) throw trustErrors.error('profile_not_found', 'There is no trust profile with this id.');
      return profileDocument(await trustRegistry.suspend(id, requesterOf(caller), body.reason));
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

function inputOf(body: Static<typeof profileBody>) {
  return {
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
  };
}

function profileDocument(profile: TrustProfile) {
  return { id: profile.id, version: profile.version, ...contentDocument(profile), record: profile.recordId };
}
