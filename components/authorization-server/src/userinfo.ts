import {
  accessErrors,
  type Directory,
  type GuardedRequest,
  oauthErrors,
  type ProtocolScope,
  type ResourceGuard,
} from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { accessRequestOf, presentedCertificateOf, statusOf } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/** OpenID Connect Core sections 5.3.2 and 5.4. */
export interface UserinfoResponse {
  /** Principal id. */
  readonly sub: string;
  readonly lei: string;
  readonly roles: readonly string[];
  readonly name?: string;
  /** Not verified by this server. */
  readonly email?: string;
  readonly email_verified?: false;
}

export interface UserinfoDependencies {
  /** The only guard that accepts unbound tokens. */
  readonly guard: ResourceGuard;
  readonly directory: Pick<Directory, 'snapshot'>;
}

export interface Userinfo {
  /** @throws CodedError of `accessErrors` */
  answer(request: GuardedRequest): Promise<UserinfoResponse>;
}

export function createUserinfo({ guard, directory }: UserinfoDependencies): Userinfo {
  return {
    async answer(request) {
      const { subject, client, institution, scope } = await guard.check(request, { scope: 'openid' });
      const snapshot = directory.snapshot();
      const principal = snapshot.principal(subject);
      // Offboarded since the guard's check.
      if (principal === undefined)
        throw oauthErrors.error('access_denied', 'The subject of the access token is no longer in the directory.');
      const { name, email } = snapshot.personalClaims(principal.id) ?? {};
      // A consent may outlive the client's registered scopes; claims stop at once.
      const registered = snapshot.client(client);
      const includes = (claims: ProtocolScope): boolean =>
        scope.includes(claims) && registered?.profile === 'oidc' && registered.scopes.includes(claims);
      return {
        sub: principal.id,
        lei: institution,
        roles: principal.roles,
        ...(name === undefined || !includes('profile') ? {} : { name }),
        ...(email === undefined || !includes('email') ? {} : { email, email_verified: false }),
      };
    },
  };
}

export interface UserinfoRoutes {
  readonly userinfo: Userinfo;
  readonly baseUrl: string;
}

/** `GET` and `POST /userinfo` (OpenID Connect Core section 5.3.1). The token is accepted in the header only. */
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

/** RFC 6750 section 3 and RFC 9449 section 7.1: in the scheme of the request. */
function challengeOf(error: CodedError, request: FastifyRequest): string {
  // RFC 9449 section 7.2.
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
