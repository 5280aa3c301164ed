import { type Actor, directoryErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { DirectoryComponent } from '../directory.ts';
import type { JsonDocument } from '../entry.ts';
import { changed, directoryFile, entityDocument, judgedByDirectory, planned, strict } from './schemas.ts';
import { answerWithProgress } from './with-progress.ts';

const flag = Type.Union([Type.Literal('true'), Type.Literal('false')]);
const planQuery = Type.Object({ prune: Type.Optional(flag), values: Type.Optional(flag) }, strict);
const applyQuery = Type.Object(
  { prune: Type.Optional(flag), expected_version: Type.Optional(Type.String({ pattern: '^(0|[1-9][0-9]{0,8})$' })) },
  strict,
);
const entityParams = Type.Object(
  { kind: Type.String({ maxLength: 32 }), id: Type.String({ minLength: 1, maxLength: 512 }) },
  strict,
);

const tag = 'directory';
const fileLimitBytes = 32 * 1024 * 1024;
const withProgress =
  ' With `Accept: application/x-ndjson`, the response is lines of `progress` and a last line with `result` or `problem`.';

export function fileRoutes(
  app: FastifyInstance,
  directory: DirectoryComponent,
  gate: Gate<Required<Actor>, Scope>,
): void {
  const forFiles = { bodyLimit: fileLimitBytes, ...gate.needs('directory:apply') };

  app.post<{ Querystring: Static<typeof planQuery> }>(
    '/directory/plan',
    {
      ...described({
        tag,
        summary: 'Plan what a file would change',
        description: `With \`values\`, also from what to what.${withProgress}`,
        scopes: ['directory:apply'],
        querystring: planQuery,
        body: directoryFile,
        answers: { 200: { description: 'The changes that applying it would make, and the version', body: planned } },
      }),
      ...forFiles,
      ...judgedByDirectory(planQuery),
    },
    (request, reply) =>
      answerWithProgress(request, reply, async (onProgress) => {
        // Read before planning: after a concurrent change, `expected_version` must be too old, never too new.
        const { version } = directory.snapshot();
        const changes = await directory.plan(request.body, {
          prune: request.query.prune === 'true',
          values: request.query.values === 'true',
          ...defined({ onProgress }),
        });
        return { version, changes };
      }),
  );

  app.post<{ Querystring: Static<typeof applyQuery> }>(
    '/directory/apply',
    {
      ...described({
        tag,
        summary: 'Apply a file',
        description:
          'The file is complete for every institution that it names. All changes are made or none; applying it again changes nothing.' +
          withProgress,
        scopes: ['directory:apply'],
        querystring: applyQuery,
        body: directoryFile,
        answers: { 200: { description: 'What has changed', body: changed } },
      }),
      ...forFiles,
      ...judgedByDirectory(applyQuery),
    },
    (request, reply) =>
      answerWithProgress(request, reply, (onProgress) => {
        const { prune, expected_version: expected } = request.query;
        return directory.apply(request.body, gate.callerOf(request), {
          prune: prune === 'true',
          ...(expected === undefined ? {} : { expectedVersion: Number(expected) }),
          ...defined({ onProgress }),
        });
      }),
  );

  app.get<{ Params: Static<typeof entityParams> }>(
    '/directory/:kind/:id',
    {
      ...described({
        tag,
        summary: 'Read one entity',
        description:
          'As a file would write it. A person, a service, an agent, a client, a desk, a device and a short code are shown to their institution and to the operator alone, a contract to its parties; what compliance has found of an institution, to the operator alone.',
        scopes: ['directory:read'],
        params: entityParams,
        answers: { 200: { description: 'Its document', body: entityDocument } },
      }),
      ...gate.needs('directory:read'),
    },
    async (request) => {
      const { kind, id } = request.params;
      const document = directory.document(kind, id);
      const { institution } = gate.callerOf(request);
      if (document === undefined || !maySee(document, kind, institution, directory))
        throw directoryErrors.error('entity_not_found', 'The directory has no entity with this kind and id.');
      return directory.isOperator(institution) ? document : withoutFindings(document);
    },
  );
}

/** They show the institution's staff, signing limits and software. */
const ownMatters: ReadonlySet<string> = new Set([
  'client',
  'desk',
  'device',
  'short-code',
  'person',
  'service',
  'agent',
]);

function maySee(
  document: JsonDocument,
  kind: string,
  institution: string,
  directory: Pick<DirectoryComponent, 'isOperator'>,
): boolean {
  if (kind === 'contract') return partiesOf(document).has(institution) || directory.isOperator(institution);
  return !ownMatters.has(kind) || document['institution'] === institution || directory.isOperator(institution);
}

/** Only the parties may read a contract. */
function partiesOf({ parties }: JsonDocument): ReadonlySet<unknown> {
  return new Set(
    (Array.isArray(parties) ? parties : []).map((party: unknown) =>
      typeof party === 'object' && party !== null && 'lei' in party ? party.lei : undefined,
    ),
  );
}

/** Nobody but the operator sees findings of compliance (tipping off, Directive (EU) 2015/849 Article 39). */
function withoutFindings(document: JsonDocument): JsonDocument {
  const { compliance: _, ...shown } = document;
  return shown;
}
