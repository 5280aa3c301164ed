import { authenticationErrors, type Directory } from '@countersign/contracts';
import { sha256Base64Url } from '@countersign/kernel';
import {
  bannerOf,
  chooseTexts,
  cookieName,
  formErrors,
  type Logger,
  presentedCertificateOf,
  readCookie,
  readForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
  sessionCookie,
  zoneOf,
} from '@countersign/runtime';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { RunningAuthentication } from './authentication.ts';
import type { MethodAnswers } from './methods/method.ts';
import { sessionCookieNameOf } from './sessions/tiers.ts';
import { type AttemptFrom, narrowed, type RefusedSignIn, serves } from './sign-ins/judge.ts';
import { signInPage, withoutHeldConnection } from './sign-ins/sign-in-page.ts';
import type { Arrival, OpenSignIn, SignIns } from './sign-ins/sign-ins.ts';
import { de } from './texts/de.ts';
import { en } from './texts/en.ts';

export interface SignInAnswersDependencies {
  readonly authentication: RunningAuthentication;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly logger: Logger;
}

const browserCookieName = 'sign-in';

type Handler<Request extends FastifyRequest> = (request: Request, reply: FastifyReply) => Promise<FastifyReply>;
type Outcome = Awaited<ReturnType<SignIns['attempt']>>;

export function createSignInAnswers({ authentication, directory, logger }: SignInAnswersDependencies) {
  const { settings, signIns, methods, limits, deviceProof } = authentication;
  const { secure } = settings;
  const banner = bannerOf(settings.environment);
  const cookieOf = (request: FastifyRequest, name: string) =>
    readCookie(request.headers.cookie, cookieName(name, settings));
  const browserSecretOf = (request: FastifyRequest) => cookieOf(request, browserCookieName);

  async function fromOf(request: FastifyRequest): Promise<AttemptFrom> {
    const [signedIn] = await authentication.inBrowser(request.headers.cookie);
    const certificate = presentedCertificateOf(request);
    return {
      ...(certificate === undefined ? {} : { connectionCertificate: sha256Base64Url(certificate.der) }),
      secretOf: (kind) => cookieOf(request, sessionCookieNameOf(kind)),
      person: signedIn?.person,
      address: request.ip,
      zone: zoneOf(request),
      userAgent: request.headers['user-agent'],
    };
  }

  async function show(
    request: FastifyRequest,
    reply: FastifyReply,
    handle: string,
    open: OpenSignIn,
    refused?: RefusedSignIn,
  ): Promise<FastifyReply> {
    const usable = methods.filter((method) => serves(method, open.signIn, settings.tiers));
    const [signedIn] = await authentication.inBrowser(request.headers.cookie);
    const query = new Map([...queryOf(request), ...keptOf(request)]);
    const device = deviceProof && { script: deviceProof.script, challenge: deviceProof.challenge(handle) };
    const document = await signInPage({
      ...{
        open,
        action: `/sign-in/${handle}`,
        methods,
        usable,
        directory: directory.snapshot(),
        query,
        banner,
        device,
      },
      need: narrowed(open.signIn.need, settings.tiers),
      person: query.has(withoutHeldConnection) ? undefined : signedIn?.person,
      signedIn: signedIn?.person,
      problem: refused?.refusal,
      ...chooseTexts(request, { en, de }),
    });
    const maxAgeSeconds = settings.signInMs / 1000;
    reply.header('set-cookie', sessionCookie(browserCookieName, open.browserSecret, { secure, maxAgeSeconds }));
    return sendPage(reply, refused === undefined && usable.length > 0 ? 200 : 403, document, {
      secure,
      formAction: [...open.signIn.continuesTo, ...usable.flatMap(({ formAction = [] }) => formAction)],
      script: deviceProof !== undefined || usable.some(({ script }) => script === true),
    });
  }

  /** The sign-in page; a finished sign-in redirects back. */
  async function open(
    request: FastifyRequest,
    reply: FastifyReply,
    handle: string,
    refused?: RefusedSignIn,
  ): Promise<FastifyReply> {
    const opened = await signIns.open(handle, browserSecretOf(request));
    return opened.state === 'left'
      ? reply.redirect(opened.returnTo, 303)
      : show(request, reply, handle, opened, refused);
  }

  async function answer(
    request: FastifyRequest,
    reply: FastifyReply,
    handle: string,
    outcome: Outcome,
  ): Promise<FastifyReply> {
    switch (outcome.state) {
      case 'left':
        return reply.redirect(outcome.returnTo, 303);
      case 'redirect':
        return reply.redirect(outcome.location, 303);
      case 'finished':
        if (outcome.sessionSecret !== undefined) {
          const name = sessionCookieNameOf(outcome.kind);
          reply.header('set-cookie', sessionCookie(name, outcome.sessionSecret, { secure }));
        }
        return reply.redirect(outcome.returnTo, 303);
      case 'refused':
        return open(request, reply, handle, outcome);
    }
  }

  /** @throws CodedError `sign_in_too_many` */
  function requireWithinLimits(request: FastifyRequest): void {
    limits.require({ address: request.ip, browserSecret: browserSecretOf(request) });
  }

  return {
    ...{ requireWithinLimits, banner, cookieOf, browserSecretOf, fromOf, open, answer },

    /** See {@link MethodAnswers}. */
    onPage:
      <Request extends FastifyRequest>(handler: Handler<Request>): Handler<Request> =>
      async (request, reply) => {
        try {
          return await handler(request, reply);
        } catch (error) {
          return sendErrorPage(error, request, reply, { logger, banner, secure });
        }
      },

    /** @throws CodedError `sign_in_forged` */
    requireOwnForm(request: FastifyRequest): void {
      try {
        requireSameOriginPost(request, settings.origin);
      } catch (error) {
        if (!formErrors.is(error, 'csrf_token_invalid')) throw error;
        throw authenticationErrors.error('sign_in_forged', error.detail, { cause: error });
      }
    },

    /** See {@link MethodAnswers}; throws as {@link SignIns.arrive}. */
    async arrive(
      request: FastifyRequest,
      reply: FastifyReply,
      arrival: Omit<Arrival, 'browserSecret'>,
    ): Promise<FastifyReply> {
      requireWithinLimits(request);
      const from = await fromOf(request);
      const outcome = await signIns.arrive({ ...arrival, browserSecret: browserSecretOf(request) }, from);
      return answer(request, reply, arrival.handle, outcome);
    },
  };
}

/** Fields that a repeated form keeps; never a key's answer. */
function keptOf({ method, body }: FastifyRequest): readonly (readonly [string, string])[] {
  if (method !== 'POST' || typeof body !== 'string') return [];
  const fields = readForm(body);
  return ['find', 'person', withoutHeldConnection].flatMap((name): [string, string][] => {
    const value = fields.get(name);
    return value === undefined ? [] : [[name, value.slice(0, 200)]];
  });
}

/** Without repeated members. */
function queryOf(request: FastifyRequest): ReadonlyMap<string, string> {
  const { query } = request;
  if (typeof query !== 'object' || query === null) return new Map();
  return new Map(
    Object.entries(query).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value.slice(0, 200)]] : [],
    ),
  );
}
