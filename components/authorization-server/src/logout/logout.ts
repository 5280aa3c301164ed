import type { Authentication, Client, Directory, Signer, SignIn } from '@countersign/contracts';
import type { Clock } from '@countersign/kernel';
import { defined } from '@countersign/kernel';
import { csrfTokenOf, matchesCsrfToken } from '@countersign/runtime';
import { type Visit, withParameters } from '../browser.ts';
import { createIdTokenHints } from '../id-tokens.ts';
import type { BackchannelLogout } from './backchannel-logout.ts';
import { type LogoutRequest, readLogoutRequest, refuseLogout } from './logout-request.ts';

export interface LogoutDependencies {
  readonly issuer: string;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly authentication: Pick<Authentication, 'inBrowser' | 'end'>;
  readonly signer: Pick<Signer, 'publicKeys'>;
  readonly backchannelLogout: Pick<BackchannelLogout, 'sessionEnded'>;
  readonly clock: Clock;
}

export type LogoutStep =
  /** A link alone does not end a session. */
  | {
      readonly kind: 'question';
      readonly person: string;
      readonly client?: Client;
      readonly csrf: string;
      readonly fields: ReadonlyMap<string, string>;
      readonly postLogoutRedirectUri?: string;
    }
  /** All sessions of the browser have ended. */
  | { readonly kind: 'ended'; readonly location?: string }
  | { readonly kind: 'kept'; readonly client?: Client };

export interface Logout {
  /** OpenID Connect RP-Initiated Logout 1.0, section 2. @throws CodedError `invalid_request` */
  request(parameters: ReadonlyMap<string, string>, visit: Visit): Promise<LogoutStep>;
  /** After the confirmation page. @throws CodedError `invalid_request` */
  decide(fields: ReadonlyMap<string, string>, visit: Visit): Promise<LogoutStep>;
}

/** Carried over by the confirmation page. */
const carried = ['post_logout_redirect_uri', 'state'] as const;

export function createLogout(dependencies: LogoutDependencies): Logout {
  const { issuer, directory, authentication, signer, backchannelLogout, clock } = dependencies;
  const hints = createIdTokenHints(issuer, signer);
  const read = (parameters: ReadonlyMap<string, string>) =>
    readLogoutRequest(parameters, { hints, directory: directory.snapshot(), now: clock.now() });

  /** Of every tier. */
  async function end(signIns: readonly SignIn[], asked: LogoutRequest): Promise<LogoutStep> {
    for (const { session } of signIns) {
      await authentication.end(session, asked.client === undefined ? 'logout' : 'relying_party_logout');
      await backchannelLogout.sessionEnded(session);
    }
    return ended(asked);
  }

  return {
    async request(parameters, visit) {
      const asked = await read(parameters);
      const signIns = await authentication.inBrowser(visit.cookie);
      const [signIn] = signIns;
      if (signIn === undefined) return ended(asked);
      // With an ID token of this session, the client knows the session.
      if (signIns.some(({ session }) => asked.hint?.sid === session)) return end(signIns, asked);
      const fields = new Map<string, string>();
      if (asked.client !== undefined) fields.set('client_id', asked.client.id);
      for (const name of carried) {
        const value = parameters.get(name);
        if (value !== undefined) fields.set(name, value);
      }
      return {
        kind: 'question',
        person: signIn.person,
        csrf: formOf(signIn, visit).token,
        fields,
        ...defined({ client: asked.client, postLogoutRedirectUri: asked.postLogoutRedirectUri }),
      };
    },
    async decide(fields, visit) {
      const asked = await read(new Map([...fields].filter(([, value]) => value !== '')));
      const signIns = await authentication.inBrowser(visit.cookie);
      const [signIn] = signIns;
      if (signIn === undefined) return ended(asked);
      if (!matchesCsrfToken(fields.get('csrf'), formOf(signIn, visit).hash))
        throw refuseLogout('csrf_token_invalid', 'This form did not come from our page. Go back and send it again.');
      if (fields.get('decision') === 'end') return end(signIns, asked);
      return { kind: 'kept', ...defined({ client: asked.client }) };
    },
  };
}

function formOf({ session }: SignIn, { browser }: Visit) {
  return csrfTokenOf(browser, `logout ${session}`);
}

function ended({ postLogoutRedirectUri, state }: LogoutRequest): LogoutStep {
  if (postLogoutRedirectUri === undefined) return { kind: 'ended' };
  return { kind: 'ended', location: withParameters(postLogoutRedirectUri, state === undefined ? {} : { state }) };
}
