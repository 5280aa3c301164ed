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

/** OpenID Connect Core section 5.3.2: the subject, and the claims that the person consented to (section 5.4). */
export interface UserinfoResponse {
  /** Principal id, as in the ID token. */
  readonly sub: string;
  /** LEI of the institution the person acts for. */
  readonly lei: string;
  readonly roles: readonly string[];
  /** Included with the scope `profile` if the directory has it. */
  readonly name?: string;
  /** Included with the scope `email` if the directory has it. This server has not verified it. */
  readonly email?: string;
  readonly email_verified?: false;
}

export interface UserinfoDependencies {
  /** For the audience `userinfoAudience(issuer)`; the only guard that accepts unbound tokens. */
  readonly guard: ResourceGuard;
  readonly directory: Pick<Directory, 'snapshot'>;
}

export interface Userinfo {
  /** @throws CodedError of `accessErrors` */
  answer(request: GuardedRequest): Promise<UserinfoResponse>;
}

/** The userinfo endpoint: claims about the subject of an access token. */
export function createUserinfo({ guard, directory }: UserinfoDependencies): Userinfo {
  return {
    async answer(request) {
      const { subject, client, institution, scope } = await guard.check(request, { scope: 'openid' });
      const snapshot = directory.snapshot();
      const principal = snapshot.principal(subject);
      // The guard has just found the person; if the directory changed since, this is an offboarding.
      if (principal === undefined)
        throw oauthErrors.error('access_denied', 'The subject of the access token is no longer in the directory.');
      const { name, email } = snapshot.personalClaims(principal.id) ?? {};
      // A consent may outlive the client's registered scopes. A client that loses a scope stops receiving its claims at
      // once.
      const registered = snapshot.client(client);
      const tells = (claims: ProtocolScope): boolean =>
        scope.includes(claims) && registered?.profile === 'oidc' && registered.scopes.includes(claims);
      return {
        sub: principal.id,
        lei: institution,
        roles: principal.roles,
        ...(name === undefined || !tells('profile') ? {} : { name }),
        ...(email === undefined || !tells('email') ? {} : { email, email_verified: false }),
      };
    },
  };
}

export interface UserinfoRoutes {
  readonly userinfo: Userinfo;
  /** Base URL of this listener; the issuer on the main one. */
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

/** RFC 6750 section 3 and RFC 9449 section 7.1: a challenge in the scheme that the request used, with what it needs. */
function challengeOf(error: CodedError, request: FastifyRequest): string {
  // Both schemes are accepted and the request used neither (RFC 9449 section 7.2).
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
