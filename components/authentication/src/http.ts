import { authenticationErrors } from '@countersign/contracts';
import { csrfTokenOf, endedCookie, matchesCsrfToken, readForm, sendPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { enrolmentRoutes } from './enrolment/http.ts';
import { sessionCookieNameOf, sessionKinds } from './sessions/tiers.ts';
import { createSignInAnswers, type SignInAnswersDependencies } from './sign-in-answers.ts';
import { withoutHeldConnection } from './sign-ins/sign-in-page.ts';
import { signedOutPage, signOutPage } from './sign-out-page.ts';

export type AuthenticationRoutes = SignInAnswersDependencies;

const signOutForm = 'sign-out';

type ToSignIn = FastifyRequest<{ Params: { readonly handle: string } }>;

/** `/sign-in/{handle}`, `/sign-out`, and the pages of the sign-in methods. */
export function authenticationRoutes(app: FastifyInstance, routes: AuthenticationRoutes): void {
  const { authentication } = routes;
  const { settings, signIns, methods } = authentication;
  const { secure } = settings;
  const answers = createSignInAnswers(routes);
  const { onPage, requireOwnForm, browserSecretOf, banner } = answers;

  // No HEAD: a link checker must not open the sign-in.
  app.get(
    '/sign-in/:handle',
    { exposeHeadRoute: false },
    onPage(async (request: ToSignIn, reply) => {
      answers.requireWithinLimits(request);
      return answers.open(request, reply, request.params.handle);
    }),
  );

  app.post(
    '/sign-in/:handle',
    onPage(async (request: ToSignIn, reply) => {
      requireOwnForm(request);
      const fields = readForm(request.body);
      const { handle } = request.params;
      const form = { handle, browserSecret: browserSecretOf(request), csrf: fields.get('csrf') };
      if (fields.get('action') === 'cancel') return reply.redirect((await signIns.giveUp(form)).returnTo, 303);
      answers.requireWithinLimits(request);
      const from = await answers.fromOf(request);
      const outcome = await signIns.attempt(form, {
        ...from,
        person: fields.has(withoutHeldConnection) ? undefined : from.person,
        method: methods.find(({ name }) => name === fields.get('method')),
        fields,
      });
      return answers.answer(request, reply, handle, outcome);
    }),
  );

  for (const method of methods) method.routes?.(app, answers);
  enrolmentRoutes(app, {
    ...{ authenticators: authentication.authenticators, directory: routes.directory, logger: routes.logger },
    ...{ origin: settings.origin, secure, banner },
  });

  /** The sign-out form is bound to the secret of the first session. */
  async function signedIn(request: FastifyRequest) {
    const [first] = await authentication.inBrowser(request.headers.cookie);
    const secret = sessionKinds
      .map((kind) => answers.cookieOf(request, sessionCookieNameOf(kind)))
      .find((each) => each !== undefined);
    return first === undefined || secret === undefined ? undefined : { person: first.person, secret };
  }

  function withoutCookies(request: FastifyRequest, reply: FastifyReply): FastifyReply {
    for (const kind of sessionKinds)
      if (kind === 'reading' || answers.cookieOf(request, sessionCookieNameOf(kind)) !== undefined)
        reply.header('set-cookie', endedCookie(sessionCookieNameOf(kind), { secure }));
    return reply;
  }

  app.get(
    '/sign-out',
    onPage(async (request, reply) => {
      const found = await signedIn(request);
      if (found === undefined) return sendPage(reply, 200, signedOutPage(banner), { secure });
      const csrfToken = csrfTokenOf(found.secret, signOutForm).token;
      return sendPage(reply, 200, signOutPage({ person: found.person, csrfToken, banner }), { secure });
    }),
  );

  app.post(
    '/sign-out',
    onPage(async (request, reply) => {
      requireOwnForm(request);
      const found = await signedIn(request);
      if (found !== undefined) {
        if (!matchesCsrfToken(readForm(request.body).get('csrf'), csrfTokenOf(found.secret, signOutForm).hash))
          throw authenticationErrors.error(
            'sign_in_forged',
            'This form did not come from our page. Open the page again.',
          );
        for (const { session } of await authentication.inBrowser(request.headers.cookie))
          await authentication.end(session, 'person_signed_out');
      }
      return sendPage(withoutCookies(request, reply), 200, signedOutPage(banner), { secure });
    }),
  );
}
