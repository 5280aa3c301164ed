import { CodedError, isCodedError, type Random } from '@countersign/kernel';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { cookieName, readCookie, sessionCookie } from '../http/index.ts';
import type { Logger } from '../observability/index.ts';
import { csrfField, csrfTokenOf, matchesCsrfToken } from './csrf.ts';
import { sendErrorPage } from './error-page.ts';
import { formErrors, readForm } from './form.ts';
import { type Html, html } from './html.ts';
import { requireSameOriginPost } from './same-origin.ts';

/** The part of a sign-in that these pages need: the signed-in person, and where to send others. */
export interface SignInDoor<Need, SignIn> {
  current(cookieHeader: string | undefined, need: Need): Promise<SignIn | undefined>;
  begin(request: {
    readonly returnTo: string;
    readonly need: Need;
    readonly clientName: string;
    readonly address: string | undefined;
  }): Promise<string>;
}

/** A person's visit to one of the pages. */
export interface PageVisit<SignIn> {
  readonly signIn: SignIn;
  /** The hidden field that binds a form to this page, person and browser. */
  readonly csrf: Html;
}

export interface SignedInPages<Need, SignIn> {
  /** A page. A visitor without a sufficient sign-in is sent to sign in once and then returns. */
  get<Params>(
    path: string,
    need: Need,
    handler: (visit: PageVisit<SignIn>, request: FastifyRequest<{ Params: Params }>, reply: FastifyReply) => Answer,
  ): void;
  /** Handles the form of the page at the same path. */
  post<Params>(
    path: string,
    need: Need,
    handler: (
      visit: PageVisit<SignIn>,
      fields: ReadonlyMap<string, string>,
      request: FastifyRequest<{ Params: Params }>,
      reply: FastifyReply,
    ) => Answer,
  ): void;
}
type Answer = Promise<FastifyReply>;

const returned = 'after=sign-in';

/**
 * Pages for signed-in people: redirect to the sign-in and back, CSRF protection of forms, and all errors as pages. Redirects are
 * 303 and send no `Referer`.
 *
 * @param options.name of the cookie that forms are bound to
 * @param options.clientName shown on the sign-in page
 */
export function signedInPages<Need, SignIn extends { readonly session: string }>(
  app: FastifyInstance,
  options: {
    readonly door: SignInDoor<Need, SignIn>;
    readonly name: string;
    readonly clientName: string;
    readonly issuer: string;
    readonly random: Random;
    readonly logger: Logger;
    readonly banner?: string | undefined;
  },
): SignedInPages<Need, SignIn> {
  const { door, name, clientName, random, logger, banner } = options;
  const { origin, protocol } = new URL(options.issuer);
  const secure = protocol === 'https:';
  const cookie = cookieName(name, { secure });

  const pathOf = (request: FastifyRequest): string => request.url.split('?', 1)[0] ?? '/';

  function browserOf(request: FastifyRequest, reply: FastifyReply): string {
    const kept = readCookie(request.headers.cookie, cookie);
    if (kept !== undefined && kept.length === 43) return kept;
    const made = Buffer.from(random.bytes(32)).toString('base64url');
    reply.header('set-cookie', sessionCookie(name, made, { secure }));
    return made;
  }
  const tokenOf = (request: FastifyRequest, signIn: SignIn, browser: string) =>
    csrfTokenOf(browser, `${name} ${pathOf(request)} ${signIn.session}`);

  async function visitOf(request: FastifyRequest, reply: FastifyReply, need: Need) {
    const signIn = await door.current(request.headers.cookie, need);
    if (signIn === undefined) return undefined;
    const token = tokenOf(request, signIn, browserOf(request, reply));
    return { visit: { signIn, csrf: csrfField(token.token) }, hash: token.hash };
  }

  async function toSignIn(request: FastifyRequest, reply: FastifyReply, need: Need): Answer {
    if (request.method === 'GET' && request.url.split('?', 2)[1] === returned)
      throw new CodedError({
        code: 'sign_in_abandoned',
        category: 'unauthenticated',
        detail: 'You did not sign in, or not as this page asks. Nothing was done.',
      });
    const location = await door.begin({
      returnTo: `${pathOf(request)}?${returned}`,
      ...{ need, clientName, address: request.ip },
    });
    return reply.header('referrer-policy', 'no-referrer').redirect(location, 303);
  }

  const onPage =
    <Request extends FastifyRequest>(handler: (request: Request, reply: FastifyReply) => Answer) =>
    async (request: Request, reply: FastifyReply): Answer => {
      try {
        return await handler(request, reply);
      } catch (error) {
        const next = isCodedError(error, 'sign_in_abandoned')
          ? html`<div class="actions"><a class="button" href="${pathOf(request)}">Sign in again</a></div>`
          : undefined;
        return sendErrorPage(error, request, reply, { logger, banner, secure, next });
      }
    };

  return {
    get(path, need, handler) {
      // No HEAD: a link checker must not start a sign-in.
      app.get(
        path,
        { exposeHeadRoute: false },
        onPage(async (request: Parameters<typeof handler>[1], reply) => {
          const found = await visitOf(request, reply, need);
          return found === undefined ? toSignIn(request, reply, need) : handler(found.visit, request, reply);
        }),
      );
    },
    post(path, need, handler) {
      app.post(
        path,
        onPage(async (request: Parameters<typeof handler>[2], reply) => {
          requireSameOriginPost(request, origin);
          const fields = readForm(request.body);
          const found = await visitOf(request, reply, need);
          if (found === undefined) return toSignIn(request, reply, need);
          if (!matchesCsrfToken(fields.get('csrf'), found.hash))
            throw formErrors.error(
              'csrf_token_invalid',
              'This form was not sent from the page that you were shown. Open it again.',
            );
          return handler(found.visit, fields, request, reply);
        }),
      );
    },
  };
}
