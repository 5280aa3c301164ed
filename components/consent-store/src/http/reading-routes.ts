import {
  type Caller,
  type ConsentStore,
  consentErrors,
  type Mandate,
  mandateKinds,
  mandateStatuses,
} from '@countersign/contracts';
import { defined, parseInstant } from '@countersign/kernel';
import { parseLei } from '@countersign/market';
import { type Static, Type } from 'typebox';
import { isParty, mandateList, mandateVersions, mandateWithHistory, notFound } from '../answers.ts';
import type { GuardedRoutes } from './guarded-routes.ts';
import { closed, idParams, instant, mandateId, mandateIdOf, type WithId } from './shapes.ts';

const mostListed = 200;
const listQuery = Type.Object(
  {
    status: Type.Optional(Type.Enum([...mandateStatuses])),
    kind: Type.Optional(Type.Enum([...mandateKinds])),
    ending_before: Type.Optional(instant),
    after: Type.Optional(mandateId),
    limit: Type.Optional(
      Type.String({ pattern: '^(?:[1-9]\\d?|1\\d\\d|200)$', description: '1 to 200; 200 when left out' }),
    ),
  },
  closed,
);
type Listing = { Querystring: Static<typeof listQuery> };

export function readingRoutes(routes: GuardedRoutes, { consentStore }: { readonly consentStore: ConsentStore }): void {
  async function versionsFor(id: string, caller: Caller): Promise<{ newest: Mandate; versions: readonly Mandate[] }> {
    const versions = await consentStore.history(mandateIdOf(id));
    const newest = versions.at(-1);
    if (newest === undefined || !isParty(newest, caller)) throw notFound();
    return { newest, versions };
  }

  routes.get<WithId>(
    '/mandates/:id',
    'mandate:read',
    {
      summary: 'Read a mandate and its history',
      params: idParams,
      answers: { 200: { description: 'The newest version, and all of them', body: mandateWithHistory } },
    },
    async (request, caller) => {
      const { newest, versions } = await versionsFor(request.params.id, caller);
      return { mandate: newest, history: versions };
    },
  );

  routes.get<WithId>(
    '/mandates/:id/versions',
    'mandate:read',
    {
      summary: 'Read the versions of a mandate',
      description:
        'Each version is signed and holds the digest of the previous one. Verify them with the keys of `/mandates/keys`.',
      params: idParams,
      answers: { 200: { description: 'All versions, oldest first', body: mandateVersions } },
    },
    async (request, caller) => ({
      versions: (await versionsFor(request.params.id, caller)).versions,
    }),
  );

  routes.get<Listing>(
    '/mandates',
    'mandate:read',
    {
      summary: 'List mandates',
      description:
        "Mandates that the caller's institution is a party to, or would be by a pending amendment. For the next page, pass the last id as `after`.",
      querystring: listQuery,
      answers: { 200: { description: 'One page', body: mandateList } },
    },
    async (request, caller) => {
      const lei = parseLei(caller.institution);
      if (!lei.ok) return { mandates: [] };
      const { status, kind, ending_before, after, limit } = request.query;
      const endingBefore = ending_before === undefined ? undefined : parseInstant(ending_before);
      if (ending_before !== undefined && endingBefore === undefined)
        throw consentErrors.error('mandate_invalid', 'ending_before: The value is not an RFC 3339 date-time.');
      const mandates = await consentStore.list({
        institution: lei.value,
        limit: limit === undefined ? mostListed : Number(limit),
        ...defined({ status, kind, endingBefore }),
        ...(after === undefined ? {} : { after: mandateIdOf(after) }),
      });
      return { mandates };
    },
  );
}
