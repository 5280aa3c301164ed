import { authenticationErrors, type Directory } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import {
  cookieName,
  csrfTokenOf,
  endedCookie,
  type Logger,
  matchesCsrfToken,
  readCookie,
  readForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
  sessionCookie,
  zoneOf,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { type RunningAuthentication, sessionCookieName } from './authentication.ts';
import { signInPage } from './pages/sign-in-page.ts';
import { signedOutPage, signOutPage } from './pages/sign-out-page.ts';
import { type OpenSignIn, type RefusedSignIn, serves } from './sign-ins/sign-ins.ts';

export interface AuthenticationRoutes {
  readonly authentication: RunningAuthentication;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly logger: Logger;
}

/** Holds the secret of the browser in which a sign-in was opened. */
const browserCookieName = 'sign-in';
const signOutForm = 'sign-out';

type ToSignIn = FastifyRequest<{ Params: { readonly handle: string } }>;
type Handler<Request extends FastifyRequest> = (request: Request, reply: FastifyReply) => Promise<FastifyReply>;

/** The pages for people: `/sign-in/{handle}` and `/sign-out`. They work without JavaScript; their stylesheet is the runtime's. */
export function authenticationRoutes(
  app: FastifyInstance,
  { authentication, directory, logger }: AuthenticationRoutes,
): void {
  const { settings, signIns, methods } = authentication;
  const { secure } = settings;
  const banner =
    settings.environment === 'development' ? 'Development installation. Not for real business.' : undefined;
  const cookie = (request: FastifyRequest, name: string) =>
    readCookie(request.headers.cookie, cookieName(name, settings));

  /** Whatever goes wrong is told on a page; nobody is sent anywhere. */
  const onPage =
    <Request extends FastifyRequest>(handler: Handler<Request>): Handler<Request> =>
    async (request, reply) => {
      try {
        return await handler(request, reply);
      } catch (error) {
        return sendErrorPage(error, request, reply, { logger, banner, secure });
      }
    };
  const requireOwnForm = (request: FastifyRequest) => {
    try {
      requireSameOriginPost(request, settings.origin);
    } catch (error) {
      if (!isCodedError(error, 'form_forged')) throw error;
      throw authenticationErrors.error('sign_in_forged', error.detail, { cause: error });
    }
  };

  function show(reply: FastifyReply, request: ToSignIn, open: OpenSignIn, refused?: RefusedSignIn): FastifyReply {
    const document = signInPage({
      open,
      action: `/sign-in/${request.params.handle}`,
      methods,
      directory: directory.snapshot(),
      query: queryOf(request),
      problem: refused?.refusal,
      banner,
    });
    reply.header(
      'set-cookie',
      sessionCookie(browserCookieName, open.browserSecret, { secure, maxAgeSeconds: settings.signInMs / 1000 }),
    );
    const possible = refused === undefined && methods.some((method) => serves(method, open.signIn));
    return sendPage(reply, possible ? 200 : 403, document, { secure, formAction: open.signIn.continuesTo });
  }

  // No HEAD: what only looks at links must not take the page from the person it is for.
  app.get(
    '/sign-in/:handle',
    { exposeHeadRoute: false },
    onPage(async (request: ToSignIn, reply) => {
      const opened = await signIns.open(request.params.handle, cookie(request, browserCookieName));
      return opened.state === 'left' ? reply.redirect(opened.returnTo, 303) : show(reply, request, opened);
    }),
  );

  app.post(
    '/sign-in/:handle',
    onPage(async (request: ToSignIn, reply) => {
      requireOwnForm(request);
      const fields = readForm(request.body);
      const { handle } = request.params;
      const browserSecret = cookie(request, browserCookieName);
      const form = { handle, browserSecret, csrf: fields.get('csrf') };
      if (fields.get('action') === 'cancel') return reply.redirect((await signIns.giveUp(form)).returnTo, 303);

      const outcome = await signIns.attempt(form, {
        method: methods.find(({ name }) => name === fields.get('method')),
        fields,
        previousSecret: cookie(request, sessionCookieName),
        address: request.ip,
        zone: zoneOf(request),
      });
      if (outcome.state === 'left') return reply.redirect(outcome.returnTo, 303);
      if (outcome.state === 'finished')
        return reply
          .header('set-cookie', sessionCookie(sessionCookieName, outcome.sessionSecret, { secure }))
          .redirect(outcome.returnTo, 303);
      const again = await signIns.open(handle, browserSecret);
      return again.state === 'left' ? reply.redirect(again.returnTo, 303) : show(reply, request, again, outcome);
    }),
  );

  app.get(
    '/sign-out',
    onPage(async (request, reply) => {
      const signIn = await authentication.current(request.headers.cookie);
      const secret = cookie(request, sessionCookieName);
      if (signIn === undefined || secret === undefined) return sendPage(reply, 200, signedOutPage(banner), { secure });
      const csrfToken = csrfTokenOf(secret, signOutForm).token;
      return sendPage(reply, 200, signOutPage({ person: signIn.person, csrfToken, banner }), { secure });
    }),
  );

  app.post(
    '/sign-out',
    onPage(async (request, reply) => {
      requireOwnForm(request);
      const signIn = await authentication.current(request.headers.cookie);
      const secret = cookie(request, sessionCookieName);
      if (signIn !== undefined && secret !== undefined) {
        if (!matchesCsrfToken(readForm(request.body).get('csrf'), csrfTokenOf(secret, signOutForm).hash))
          throw authenticationErrors.error(
            'sign_in_forged',
            'This form was not sent from a page of ours. Open the page again.',
          );
        await authentication.end(signIn.session, 'person_signed_out');
      }
      reply.header('set-cookie', endedCookie(sessionCookieName, { secure }));
      return sendPage(reply, 200, signedOutPage(banner), { secure });
    }),
  );
}

/** The query of the page's own address, for a method's filter; doubled members do not count. */
function queryOf(request: FastifyRequest): ReadonlyMap<string, string> {
  const { query } = request;
  if (typeof query !== 'object' || query === null) return new Map();
  return new Map(
    Object.entries(query).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value.slice(0, 200)]] : [],
    ),
  );
}
