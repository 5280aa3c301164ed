import { type AuthorizationServer, oauthErrors } from '@countersign/contracts';
import type { CodedError } from '@countersign/kernel';
import { metadataUrl } from '@countersign/oauth';
import { accessRequestOf } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asOAuthError, reasonOf } from './refusal.ts';

/** How long verifiers may keep the key set and the metadata; keys are published for longer before their first use. */
const cacheControl = 'public, max-age=60';

/** `POST /token`, `GET /jwks` and the metadata, under the path of the issuer. */
export function authorizationServerRoutes(
  app: FastifyInstance,
  { authorizationServer }: { readonly authorizationServer: AuthorizationServer },
): void {
  const metadata = authorizationServer.metadata();
  const { origin } = new URL(metadata.issuer);
  const pathOf = (url: string): string => new URL(url).pathname;

  app.post(pathOf(metadata.token_endpoint), async (request, reply) => {
    // RFC 6749 section 5.1.
    reply.header('cache-control', 'no-store');
    try {
      return await authorizationServer.token({ ...formOf(request, origin), address: request.ip });
    } catch (error) {
      const refusal = asOAuthError(error);
      // A fault of ours: the server's own error handler logs it and answers without detail.
      if (refusal === undefined) throw error;
      return sendRefusal(refusal, request, reply);
    }
  });
  app.get(pathOf(metadata.jwks_uri), async (_request, reply) => {
    reply.header('cache-control', cacheControl).type('application/jwk-set+json');
    return authorizationServer.keySet();
  });
  app.get(pathOf(metadataUrl(metadata.issuer)), async (_request, reply) => {
    reply.header('cache-control', cacheControl);
    return metadata;
  });
}

function formOf(request: FastifyRequest, origin: string) {
  const { body } = request;
  if (
    typeof body !== 'string' ||
    !/^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')
  )
    throw oauthErrors.error('invalid_request', 'The body must be application/x-www-form-urlencoded.');
  const { authorization, dpop } = accessRequestOf(request, origin);
  return { body, authorization, dpop };
}

/** RFC 6749 section 5.2: 400 for everything but a client that is not known, and, beyond it, our own inability. */
function statusOf(refusal: CodedError): 400 | 401 | 503 {
  if (refusal.code === 'invalid_client') return 401;
  return refusal.category === 'unavailable' ? 503 : 400;
}

function sendRefusal(refusal: CodedError, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = statusOf(refusal);
  // RFC 6749 section 5.2: a challenge for clients that came with an Authorization header, which none should.
  if (status === 401 && request.headers.authorization !== undefined)
    reply.header('www-authenticate', 'Basic realm="not accepted: clients authenticate by private_key_jwt"');
  if (status === 503) reply.header('retry-after', '1');
  return reply.status(status).send({
    error: refusal.code,
    error_description: describe(refusal.detail),
    reason: reasonOf(refusal),
  });
}

/** The characters RFC 6749 section 5.2 allows: printable ASCII without quotation mark and backslash. */
function describe(detail: string): string {
  return detail
    .slice(0, 500)
    .replaceAll('"', "'")
    .replaceAll(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '?');
}
