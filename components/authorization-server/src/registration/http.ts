import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { accessRequestOf, described } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { sendRegistrationError } from './answer.ts';
import { type Registration, registrationPath } from './registration.ts';

export interface RegistrationRoutes {
  readonly registration: Registration;
  /** For the audience `issuer` + `registrationPath`. */
  readonly guard: ResourceGuard;
  readonly baseUrl: string;
}

/** Large enough for a page of metadata and a few keys. */
const bodyLimit = 65_536;

type ClientRoute = { Params: { readonly client_id: string } };

/** `POST /register` (RFC 7591) with `client:register`; `/register/:client_id` (RFC 7592) with the client's registration access token. */
export function registrationRoutes(app: FastifyInstance, { registration, guard, baseUrl }: RegistrationRoutes): void {
  const { origin, pathname } = new URL(baseUrl);
  const path = (pathname === '/' ? '' : pathname) + registrationPath;
  const callers = new WeakMap<FastifyRequest, Caller>();
  const refusals = (presented: 'access-token' | 'registration-token') => ({
    errorHandler: (error: unknown, _request: FastifyRequest, reply: FastifyReply) =>
      sendRegistrationError(error, presented, reply),
  });

  app.post(
    path,
    {
      ...described({
        tag: 'registration',
        summary: 'Register a client',
        scopes: ['client:register'],
        answers: { 201: { description: 'The client information response', body: Type.Object({}) } },
      }),
      bodyLimit,
      ...refusals('access-token'),
      // Checked before the body is read.
      async onRequest(request) {
        callers.set(request, await guard.check(accessRequestOf(request, origin), { scope: 'client:register' }));
      },
    },
    async (request, reply) => {
      const caller = callers.get(request);
      if (caller === undefined) throw new Error('a request reached its handler without a caller');
      return reply.status(201).send(await registration.register(caller, request.body, { address: request.ip }));
    },
  );

  const managed = { bodyLimit, ...refusals('registration-token') };
  app.get<ClientRoute>(`${path}/:client_id`, { ...managed, exposeHeadRoute: false }, async (request) =>
    registration.read(request.params.client_id, tokenOf(request)),
  );
  app.put<ClientRoute>(`${path}/:client_id`, managed, async (request) =>
    registration.update(request.params.client_id, tokenOf(request), request.body, { address: request.ip }),
  );
  app.delete<ClientRoute>(`${path}/:client_id`, managed, async (request, reply) => {
    await registration.remove(request.params.client_id, tokenOf(request), { address: request.ip });
    return reply.status(204).send();
  });
}

/** RFC 6750 section 2.1. */
function tokenOf(request: FastifyRequest): string {
  const { authorization } = accessRequestOf(request, '');
  const [header, ...others] = authorization;
  if (header === undefined)
    throw accessErrors.error('token_missing', 'Send the registration access token: Authorization: Bearer ...');
  const token = /^Bearer ([\w-]{1,128})$/i.exec(header)?.[1];
  if (token === undefined || others.length > 0)
    throw accessErrors.error('token_invalid', 'Send the registration access token once, as a Bearer token.');
  return token;
}
