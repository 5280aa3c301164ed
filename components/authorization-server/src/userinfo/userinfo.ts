import {
  type Directory,
  type GuardedRequest,
  oauthErrors,
  type ProtocolScope,
  type ResourceGuard,
} from '@countersign/contracts';

/** OpenID Connect Core section 5.3.2: who it is, and what the person allowed to be told (section 5.4). */
export interface UserinfoResponse {
  /** Principal id, as in the ID token. */
  readonly sub: string;
  /** LEI of the institution the person acts for. */
  readonly lei: string;
  readonly roles: readonly string[];
  /** With the scope `profile`, where the directory knows it. */
  readonly name?: string;
  /** With the scope `email`, where the directory knows it. Nobody here has verified it. */
  readonly email?: string;
  readonly email_verified?: false;
}

export interface UserinfoDependencies {
  /** Of the audience `userinfoAudience(issuer)`; the one that accepts tokens which are bound to nothing. */
  readonly guard: ResourceGuard;
  readonly directory: Pick<Directory, 'snapshot'>;
}

export interface Userinfo {
  /** @throws CodedError of `accessErrors` */
  answer(request: GuardedRequest): Promise<UserinfoResponse>;
}

/** The userinfo endpoint: who the subject of an access token is. */
export function createUserinfo({ guard, directory }: UserinfoDependencies): Userinfo {
  return {
    async answer(request) {
      const { subject, client, institution, scope } = await guard.check(request, { scope: 'openid' });
      const snapshot = directory.snapshot();
      const principal = snapshot.principal(subject);
      // The guard has just found it; a change of the directory in between is an offboarding.
      if (principal === undefined)
        throw oauthErrors.error('access_denied', 'The subject of the access token is no longer in the directory.');
      const { name, email } = snapshot.personalClaims(principal.id) ?? {};
      // A consent may outlive what the client is registered for: that it hears nothing personal any more holds at once.
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
