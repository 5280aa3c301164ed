import { type Directory, type GuardedRequest, oauthErrors, type ResourceGuard } from '@countersign/contracts';

/** OpenID Connect Core section 5.3.2, with what this installation knows of a person that is not personal data. */
export interface UserinfoResponse {
  /** Principal id, as in the ID token. */
  readonly sub: string;
  /** LEI of the institution the person acts for. */
  readonly lei: string;
  readonly roles: readonly string[];
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
      const { subject, institution } = await guard.check(request, { scope: 'openid' });
      const principal = directory.snapshot().principal(subject);
      // The guard has just found it; a change of the directory in between is an offboarding.
      if (principal === undefined)
        throw oauthErrors.error('access_denied', 'The subject of the access token is no longer in the directory.');
      return { sub: principal.id, lei: institution, roles: principal.roles };
    },
  };
}
