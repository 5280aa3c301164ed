import { type AuditAppender, actorOf, type Directory, type ResourceGuard } from '@countersign/contracts';
import { type Clock, newId, parseJson, type Random } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { challengeOf, createGate, type Logger, sendError } from '@countersign/runtime';
import type { FastifyError, FastifyInstance } from 'fastify';
import type pg from 'pg';
import { type Exact, exactlyIn, parseFilter } from './filter/parse-filter.ts';
import { mediaType } from './http/answers.ts';
import { bulkRoute } from './http/bulk-route.ts';
import { discoveryRoutes } from './http/discovery-routes.ts';
import { refuseOtherMethods } from './http/method-not-allowed.ts';
import { oneResourceRoutes, resourceRoutes } from './http/resource-routes.ts';
import { type Listing, searchRoutes } from './http/search-routes.ts';
import { defaultAssignableRoles } from './resources/grants.ts';
import { groupOf, nameOfDesk, peopleByDesk } from './resources/groups.ts';
import { notFound } from './resources/preconditions.ts';
import { createGroupProvisioning } from './resources/provision-groups.ts';
import { createRefuse, createUserProvisioning } from './resources/provision-users.ts';
import type { Caller, ResourceOperations } from './resources/resource-operations.ts';
import { createScimStore, type ScimStore, type StoredResource } from './resources/store.ts';
import { userNameOf, userOf } from './resources/users.ts';
import { maxPayloadBytes } from './schema/discovery.ts';
import { scimErrors } from './schema/errors.ts';
import { groupShape, type ResourceShape, userShape } from './schema/resource-shape.ts';
import { internalError, type ScimError, scimErrorOf } from './schema/scim-errors.ts';

export { defaultAssignableRoles };

export interface ScimDependencies {
  /** Makes every change: each is recorded before it takes effect, and people who leave or move depart. */
  readonly directory: Pick<Directory, 'edit'>;
  readonly pool: pg.Pool;
  /** A caller acts for the institution of its token and sees no other. */
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
  readonly audit: AuditAppender;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Roles that this interface may assign; {@link defaultAssignableRoles} if left out. */
  readonly assignableRoles?: readonly string[];
}

/**
 * SCIM 2.0 (RFC 7643, RFC 7644) under `/scim/v2`, through which an institution maintains its staff: Users are people,
 * Groups are desks. It stores no names or addresses of people, and cannot assign roles that bind the institution,
 * approval keys or passwords.
 */
export function registerScimRoutes(app: FastifyInstance, dependencies: ScimDependencies): void {
  const { pool, audit, logger, baseUrl, directory } = dependencies;
  const base = `${baseUrl}/scim/v2`;
  const store = createScimStore(pool);
  const provisioning = {
    store,
    directory,
    refuse: createRefuse({ audit, newRecordId: () => newId('record', dependencies) }),
    assignableRoles: new Set(dependencies.assignableRoles ?? defaultAssignableRoles),
    base,
  };
  const gate = createGate(
    async (request, scope: Scope) => actorOf(await dependencies.guard.check(request, { scope })),
    baseUrl,
  );

  const list: Listing = async (institution, shape, filter) => {
    const exact = filter === undefined ? undefined : exactlyIn(parseFilter(filter));
    const found = await candidates(store, institution, shape, exact);
    const people = found.filter(({ kind }) => kind === 'person');
    const desks = found.filter(({ kind }) => kind === 'desk');
    if (shape === groupShape) {
      const there = peopleByDesk(people);
      return { shape, resources: desks.map((desk) => groupOf(desk, there.get(nameOfDesk(desk)) ?? [], base)) };
    }
    const byName = new Map(desks.map((desk) => [nameOfDesk(desk), desk]));
    return { shape, resources: people.map((person) => userOf(person, deskOf(person, byName), base)) };
  };

  const userOperations: ResourceOperations = {
    shape: userShape,
    summaries: {
      create: {
        summary: 'Create a User',
        description: 'A person joins. Personal data (name, emails) is not stored.',
      },
      remove: { summary: 'Delete a User', description: 'The person leaves, and everything they held ends.' },
    },
    ...createUserProvisioning(provisioning),
  };
  const groupOperations: ResourceOperations = {
    shape: groupShape,
    summaries: {
      create: {
        summary: 'Create a Group',
        description: 'A desk without entitlements, which come from a directory file.',
      },
      remove: {
        summary: 'Delete a Group',
        description: 'The desk is removed with its entitlements; its people stay, without a desk.',
      },
    },
    ...createGroupProvisioning(provisioning),
  };
  const resources = [userOperations, groupOperations];

  void app.register(
    async (scim) => {
      speakScim(scim, logger);
      const refuseTheRest = refuseOtherMethods(scim);
      discoveryRoutes(scim, base);
      searchRoutes(scim, list, gate);
      for (const operations of resources) resourceRoutes(scim, operations, gate);
      oneResourceRoutes(scim, userOperations, gate, {
        url: '/Me',
        name: 'your own User',
        removal: {
          summary: 'Delete your own User',
          description: 'Always refused: provisioning your own account is not permitted.',
        },
        find: (request) => ownUser(store, gate.callerOf(request)),
      });
      bulkRoute(scim, { resources, base, errorOf: errorIn(logger) }, gate);
      refuseTheRest();
    },
    { prefix: '/scim/v2' },
  );
}

async function candidates(
  store: ScimStore,
  institution: string,
  shape: ResourceShape,
  exact: Exact | undefined,
): Promise<readonly StoredResource[]> {
  if (exact === undefined) return store.all(institution);
  const { attribute, value } = exact;
  if (shape === groupShape) {
    if (attribute === 'id') return store.desk(institution, { scimId: value });
    return attribute === 'displayName' ? store.desk(institution, { name: value }) : store.all(institution);
  }
  if (attribute === 'id') return store.some(institution, { scimId: value });
  if (attribute === 'userName') return store.some(institution, { userName: value });
  return attribute === 'externalId' ? store.some(institution, { externalId: value }) : store.all(institution);
}

function deskOf(person: StoredResource, desks: ReadonlyMap<string, StoredResource>): StoredResource | undefined {
  const { desk } = person.document;
  return typeof desk === 'string' ? desks.get(desk) : undefined;
}

/** Bodies, errors and unknown addresses follow SCIM, inside this interface only. */
function speakScim(scim: FastifyInstance, logger: Logger): void {
  scim.removeContentTypeParser(['application/json', 'application/x-www-form-urlencoded', 'text/plain']);
  scim.addContentTypeParser<string>(
    [mediaType, 'application/json'],
    { parseAs: 'string', bodyLimit: maxPayloadBytes },
    (_request, text, done) => {
      const parsed = parseJson(text, { maxLength: maxPayloadBytes });
      if (text === '') done(null, undefined);
      else if (parsed.ok) done(null, parsed.value);
      else done(scimErrors.error('scim_syntax_invalid', `The body is not acceptable: ${parsed.problem}.`));
    },
  );
  // The SCIM schemas validate bodies and queries, because their errors follow RFC 7644.
  scim.setValidatorCompiler(() => (data) => ({ value: data }));
  scim.setErrorHandler<FastifyError>((thrown, request, reply) => {
    const told = scimErrorOf(thrown);
    if (told === undefined) return sendError(thrown, request, reply, logger);
    const { error, body } = told;
    if (error.category === 'unauthenticated') reply.header('www-authenticate', challengeOf(error));
    if (error.category === 'unavailable') {
      reply.header('retry-after', '1');
      logger.warn({ code: error.code, internal: error.internal }, 'request answered as unavailable');
    }
    return reply.status(Number(body.status)).type(mediaType).send(body);
  });
  scim.setNotFoundHandler(() => {
    throw notFound();
  });
}

/** RFC 7644 section 3.11: the User of the token's subject. Software has none. */
async function ownUser(store: ScimStore, { id, institution }: Caller): Promise<string> {
  const found = id.startsWith('person:') ? await store.some(institution, { userName: userNameOf(id) }) : [];
  const person = found.find(({ kind }) => kind === 'person');
  if (person === undefined) throw notFound();
  return person.scimId;
}

/** The response for a failed bulk operation. */
function errorIn(logger: Logger): (thrown: unknown) => ScimError {
  return (thrown) => {
    const told = scimErrorOf(thrown);
    if (told === undefined) logger.error({ err: thrown }, 'an operation of a bulk request failed');
    return told?.body ?? internalError;
  };
}
