import type { ClientRequest } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { metadataUrl, openidConfigurationUrl, protectedResourceMetadataUrl } from '@countersign/oauth';
import { accessRequestOf, asCodedError } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AuthorizationServerComponent } from './authorization-server.ts';
import { endpointPaths } from './metadata.ts';
import { type ErrorMembers, sendOAuthError } from './oauth-answer.ts';
import { refuse } from './refusal.ts';
import type { Revocations } from './revocations/index.ts';

/** How long verifiers may cache the key set and the metadata. New keys are published for longer than this before first use. */
const cacheControl = 'public, max-age=60';

/** Client endpoints, key set and metadata for one listener; the issuer's listener also has the pages. @param options.baseUrl default: the issuer */
export function authorizationServerRoutes(
  app: FastifyInstance,
  options: { readonly authorizationServer: AuthorizationServerComponent<Revocations>; readonly baseUrl?: string },
): void {
  const { authorizationServer } = options;
  const { clientEndpoints } = authorizationServer;
  const metadata = authorizationServer.metadata();
  const baseUrl = options.baseUrl ?? metadata.issuer;
  const { origin, pathname } = new URL(baseUrl);
  const basePath = pathname === '/' ? '' : pathname;

  /** Errors in the OAuth format, and a nonce in every response if nonces are issued. */
  function clientEndpoint<Answer>(
    path: string,
    handle: (request: ClientRequest) => Promise<Answer>,
    send: (answer: Answer, reply: FastifyReply) => FastifyReply,
    errorMembers: ErrorMembers = 'extended',
  ): void {
    const url = basePath + path;
    const errorHandler = (error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply =>
      sendOAuthError(asCodedError(error) ?? error, request, reply, errorMembers);
    app.post(url, { errorHandler }, async (request, reply) => {
      const nonce = authorizationServer.dpopNonce();
      if (nonce !== undefined) reply.header('dpop-nonce', nonce);
      try {
        return send(await handle(clientRequestOf(request, baseUrl)), reply.header('cache-control', 'no-store'));
      } catch (error) {
        return sendOAuthError(error, request, reply, errorMembers);
      }
    });
    // RFC 9126 section 2.3; RFC 9110 section 15.5.6.
    app.route({
      method: ['GET', 'PUT', 'PATCH', 'DELETE'],
      url,
      errorHandler,
      handler: async (request, reply) =>
        sendOAuthError(
          refuse('method_not_allowed', 'Use POST for this endpoint.'),
          request,
          reply.header('allow', 'POST'),
          errorMembers,
        ),
    });
  }

  clientEndpoint(endpointPaths.token, authorizationServer.token, (answer, reply) => reply.send(answer));
  // RFC 9126 section 2.2.
  clientEndpoint(endpointPaths.pushedAuthorization, clientEndpoints.pushAuthorization, (answer, reply) =>
    reply.status(201).send(answer),
  );
  // CIBA Core section 7.3.
  clientEndpoint(
    endpointPaths.backchannelAuthentication,
    clientEndpoints.askPerson,
    (answer, reply) => reply.send(answer),
    'registered',
  );
  clientEndpoint(endpointPaths.introspection, clientEndpoints.introspect, (answer, reply) =>
    answer.form === 'json'
      ? reply.send(answer.introspection)
      : reply.type('application/token-introspection+jwt').send(answer.response),
  );
  clientEndpoint(endpointPaths.provisioningToken, clientEndpoints.provisioningToken, (answer, reply) =>
    reply.send(answer),
  );
  // RFC 7009 section 2.2: the status is the whole response.
  clientEndpoint(endpointPaths.revocation, clientEndpoints.revoke, (_, reply) => reply.status(200).send());

  authorizationServer.codeFlow.mountUserinfo(app, baseUrl);
  if (baseUrl === metadata.issuer) {
    authorizationServer.codeFlow.mountPages(app);
    authorizationServer.backchannelAuthentication.mountPages(app);
  }

  app.get(basePath + endpointPaths.keySet, async (_request, reply) => {
    reply.header('cache-control', cacheControl).type('application/jwk-set+json');
    return authorizationServer.keySet();
  });
  for (const url of [metadataUrl(metadata.issuer), openidConfigurationUrl(metadata.issuer)])
    app.get(new URL(url).pathname, async (_request, reply) => {
      reply.header('cache-control', cacheControl);
      // Not static: detail types change with the policies.
      return authorizationServer.metadata();
    });
  app.get<{ Params: { readonly '*': string } }>(
    `${new URL(protectedResourceMetadataUrl(origin)).pathname}/*`,
    async (request, reply) => {
      const uri = `${new URL(metadata.issuer).origin}/${request.params['*']}`;
      const described = authorizationServer.protectedResource(uri);
      if (described === undefined)
        throw new CodedError({
          code: 'resource_unknown',
          category: 'not-found',
          detail: 'There is no interface of this server at that address.',
        });
      reply.header('cache-control', cacheControl);
      return described;
    },
  );
}

/** @param base of the listener, never from a Host header: proofs are compared with it @throws CodedError `invalid_request` if the body is not a form */
export function clientRequestOf(request: FastifyRequest, base: string): ClientRequest {
  const { body } = request;
  if (
    typeof body !== 'string' ||
    !/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  )
    throw refuse('media_type_unsupported', 'The body must be application/x-www-form-urlencoded.');
  const { accept } = request.headers;
  return {
    ...accessRequestOf(request, new URL(base).origin),
    method: 'POST',
    body,
    ...(accept === undefined ? {} : { accept }),
  };
}
