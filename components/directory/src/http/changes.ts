import { directoryErrors, type Requester } from '@countersign/contracts';
import { type ChangeId, parseDigest, parseId } from '@countersign/kernel';
import type { Scope } from '@countersign/market';
import { described, type Gate } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { notFound } from '../change-requests/request.ts';
import type { DirectoryComponent } from '../directory.ts';
import type { Proposal } from '../proposal.ts';
import {
  approveBody,
  changed,
  changeRequest,
  changeRequestView,
  changeStatus,
  judgedByDirectory,
  noQuery,
  proposeBody,
  proposeEnvelope,
  rejectBody,
  strict,
} from './schemas.ts';

const idParams = Type.Object({ id: Type.String({ maxLength: 64 }) }, strict);
const listQuery = Type.Object({ status: Type.Optional(changeStatus) }, strict);
const listAnswer = Type.Object(
  { changes: Type.Array(changeRequest, { description: 'The newest hundred, newest first.' }) },
  strict,
);
const tag = 'changes';
type WithId = { Params: Static<typeof idParams> };

const bodyLimitBytes = 4 * 1024 * 1024 + 4_096;

const envelope = Compile(proposeEnvelope);

export function changeRoutes(
  app: FastifyInstance,
  directory: DirectoryComponent,
  gate: Gate<Required<Requester>, Scope>,
): void {
  app.post(
    '/directory/changes',
    {
      bodyLimit: bodyLimitBytes,
      ...described({
        tag,
        summary: 'Propose a change that needs two people',
        description: 'A file or an edit. It takes effect once another person approves it.',
        scopes: ['directory:apply'],
        querystring: noQuery,
        body: proposeBody,
        answers: { 201: { description: 'The change that awaits a second person', body: changeRequest } },
      }),
      ...judgedByDirectory(noQuery),
      ...gate.needs('directory:apply'),
    },
    async (request, reply) => {
      const { proposal, reason } = readProposeBody(request.body);
      return reply.status(201).send(await directory.propose(proposal, gate.callerOf(request), reason));
    },
  );

  app.get<{ Querystring: Static<typeof listQuery> }>(
    '/directory/changes',
    {
      ...described({
        tag,
        summary: 'List changes that need two people',
        description: 'For the operator only; others receive an empty list.',
        scopes: ['directory:read'],
        querystring: listQuery,
        answers: { 200: { description: 'Decided or not', body: listAnswer } },
      }),
      ...gate.needs('directory:read'),
    },
    async (request) => {
      const { status } = request.query;
      // They contain other institutions' registrations.
      if (!directory.isOperator(gate.callerOf(request).institution)) return { changes: [] };
      return { changes: await directory.changeRequests(status === undefined ? {} : { status }) };
    },
  );

  app.get<WithId>(
    '/directory/changes/:id',
    {
      ...described({
        tag,
        summary: 'Read what a change would do',
        description: 'For the operator.',
        scopes: ['directory:read'],
        params: idParams,
        answers: { 200: { description: 'Each entity before and after', body: changeRequestView } },
      }),
      ...gate.needs('directory:read'),
    },
    async (request) => {
      if (!directory.isOperator(gate.callerOf(request).institution)) throw notFound();
      return directory.changeRequest(changeIdOf(request.params.id));
    },
  );

  app.post<WithId & { Body: Static<typeof approveBody> }>(
    '/directory/changes/:id/approve',
    {
      ...described({
        tag,
        summary: 'Approve a change',
        description: 'By a different person than the proposer, with the digest of the change as it was read. Once.',
        scopes: ['directory:approve'],
        params: idParams,
        body: approveBody,
        answers: { 200: { description: 'What has changed', body: changed } },
      }),
      ...gate.needs('directory:approve'),
    },
    async (request) => {
      const digest = parseDigest(request.body.digest);
      if (digest === undefined) throw new Error('the schema accepted a value that is not a digest');
      return directory.approve(changeIdOf(request.params.id), digest, gate.callerOf(request));
    },
  );

  app.post<WithId & { Body: Static<typeof rejectBody> }>(
    '/directory/changes/:id/reject',
    {
      ...described({
        tag,
        summary: 'Reject a change',
        scopes: ['directory:approve'],
        params: idParams,
        body: rejectBody,
        answers: { 200: { description: 'The change, decided', body: changeRequest } },
      }),
      ...gate.needs('directory:approve'),
    },
    async (request) => directory.reject(changeIdOf(request.params.id), gate.callerOf(request), request.body.reason),
  );
}

function changeIdOf(text: string): ChangeId {
  const id = parseId('change', text);
  if (id === undefined) throw notFound();
  return id;
}

function readProposeBody(body: unknown): { readonly proposal: Proposal; readonly reason: string } {
  if (!envelope.Check(body)) {
    const [first] = envelope.Errors(body);
    throw directoryErrors.error(
      'directory_file_invalid',
      `A proposal is { reason, file, prune? } or { reason, edit }: ${first?.instancePath ?? ''} ${first?.message ?? ''}.`,
    );
  }
  const { reason, file, prune, edit } = body;
  if ((file === undefined) === (edit === undefined) || (edit !== undefined && prune !== undefined))
    throw directoryErrors.error('directory_file_invalid', 'A proposal holds either a file or an edit.');
  return { reason, proposal: edit === undefined ? { file, prune: prune === true } : { edit } };
}
