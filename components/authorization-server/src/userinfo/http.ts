import { accessErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { accessRequestOf, presentedCertificateOf, statusOf } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Userinfo } from './userinfo.ts';

export interface UserinfoRoutes {
  readonly userinfo: Userinfo;
  /** Of this listener; the issuer on the main one. */
  readonly baseUrl: string;
}

/** `GET` and `POST /userinfo` (OpenID Connect Core section 5.3.1). The token comes in the header and nowhere else. */
export function userinfoRoutes(app: FastifyInstance, { userinfo, baseUrl }: UserinfoRoutes): void {
  const { origin, pathname } = new URL(baseUrl);
  const url = `${pathname === '/' ? '' : pathname}/userinfo`;
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const certificate = presentedCertificateOf(request);
    try {
      reply.header('cache-control', 'no-store');
      return await userinfo.answer({
        ...accessRequestOf(request, origin),
        ...(certificate === undefined ? {} : { certificate: { der: certificate.der } }),
      });
    } catch (error) {
      if (!isCodedError(error) || !Object.hasOwn(accessErrors.codes, error.code)) throw error;
      return reply
        .status(statusOf(error))
        .header('www-authenticate', challengeOf(error, request))
        .send({ error: errorOf(error), error_description: error.detail, reason: error.code });
    }
  };
  app.get(url, { exposeHeadRoute: false }, handler);
  app.post(url, handler);
}

const algorithms = 'algs="ES256 EdDSA PS256"';

/** RFC 6750 section 3 and RFC 9449 section 7.1: in the scheme that was tried, with what would help. */
function challengeOf(error: CodedError, request: FastifyRequest): string {
  // Both schemes are taken, and nothing was tried (RFC 9449 section 7.2).
  if (error.code === 'token_missing') return `Bearer scope="openid", DPoP scope="openid", ${algorithms}`;
  const bearer = /^bearer\s/i.test(request.headers.authorization ?? '');
  const parameters = [
    `error="${errorOf(error)}"`,
    ...(error.code === 'insufficient_scope' ? ['scope="openid"'] : []),
    ...(bearer ? [] : [algorithms]),
  ];
  return `${bearer ? 'Bearer' : 'DPoP'} ${parameters.join(', ')}`;
}

function errorOf({ code }: CodedError): string {
  if (code === 'insufficient_scope') return code;
  if (code === 'proof_nonce') return 'use_dpop_nonce';
  return code.startsWith('proof_') ? 'invalid_dpop_proof' : 'invalid_token';
}
