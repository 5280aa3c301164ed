import {
  type Authenticator,
  authenticationErrors,
  authenticatorErrors,
  type Directory,
  type PrincipalId,
  type SignIn,
  type SignInNeed,
} from '@countersign/contracts';
import { type AuthenticatorId, type Clock, parseId, type Random, type SessionId } from '@countersign/kernel';
import {
  bannerOf,
  chooseTexts,
  credentialFieldName,
  type Html,
  type Logger,
  type PageVisit,
  sendPage,
  signedInPages,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RunningAuthentication } from '../authentication.ts';
import { isRefusal } from '../authenticators/assertions.ts';
import { authenticatorName } from '../authenticators/stored-authenticator.ts';
import { accountPath, type TextContext, textFor } from '../page-parts.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import {
  activityPath,
  devicesPath,
  grantsPath,
  keysPath,
  mandatesPath,
  otherSessionsPath,
  sessionsPath,
} from './drawing.ts';
import { addKeyPage, keyPage, keysPage, newKeyPage, renamePage } from './key-pages.ts';
import { activityPageOf, devicesPage, grantsPage, mandatesPage, overviewPage } from './reading-pages.ts';
import { type OwnSessions, otherSessionsPage, sessionPage, sessionsPage } from './session-pages.ts';
import { type Change, createSigning } from './signing.ts';
import type { SelfServiceSources } from './sources.ts';

export interface SelfServicePages {
  readonly authentication: Pick<
    RunningAuthentication,
    'current' | 'begin' | 'inBrowser' | 'sessionsOf' | 'end' | 'authenticators' | 'settings'
  >;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly sources: SelfServiceSources;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

type Visit = PageVisit<SignIn>;
type Refused = { readonly code: string };
type ById = { readonly id: string };

/** Reading needs any session; every change is signed. */
const toRead: SignInNeed = { acrValues: [] };

/** Account pages under `/me`. */
export function selfServicePages(app: FastifyInstance, parts: SelfServicePages): void {
  const { authentication, directory, sources, clock, random, logger } = parts;
  const { authenticators, settings } = authentication;
  const { secure } = settings;
  const banner = bannerOf(settings.environment);
  const signing = createSigning({ authenticators, clock, random });
  const pages = signedInPages<SignInNeed, SignIn>(app, {
    ...{ door: authentication, name: 'account', clientName: 'Countersign', issuer: settings.origin },
    ...{ random, logger, banner },
  });
  const drawn = (request: FastifyRequest): TextContext => ({ ...chooseTexts(request, { en, de }), banner });
  const send = (reply: FastifyReply, document: Html, refused?: Refused) =>
    sendPage(reply, refused === undefined ? 200 : 403, document, { secure, script: true });
  const look = (reply: FastifyReply, document: Html) => sendPage(reply, 200, document, { secure });
  const goTo = (reply: FastifyReply, path: string, done: keyof TextContext['texts']['selfService']['done']) =>
    reply.header('referrer-policy', 'no-referrer').redirect(`${path}?done=${done}`, 303);

  function doneOf(request: FastifyRequest, { texts }: TextContext): string | undefined {
    const done = queryOf(request, 'done');
    return done === undefined ? undefined : textFor(texts.selfService.done, done);
  }

  // ---- The keys ----

  async function keyOf({ signIn }: Visit, { params }: FastifyRequest<{ Params: ById }>) {
    const keys = await authenticators.of(signIn.person);
    const key = keys.find(({ id }) => id === params.id);
    if (key === undefined)
      throw authenticatorErrors.error('authenticator_not_found', 'You have no such key; it may have been removed.');
    const isLast = !keys.some(({ id, suspendedAt }) => id !== key.id && suspendedAt === undefined);
    return { key, isLast };
  }
  const removal = (authenticator: AuthenticatorId): Change => ({ kind: 'remove', about: { authenticator } });
  const renaming = ({ id }: Authenticator, name: string): Change => ({
    kind: 'rename',
    about: { authenticator: id, name },
  });

  pages.get(keysPath, toRead, async ({ signIn }, request, reply) => {
    const draw = drawn(request);
    const keys = await authenticators.of(signIn.person);
    return look(reply, keysPage(draw, { keys, done: doneOf(request, draw) }));
  });

  async function showKey(
    visit: Visit,
    request: FastifyRequest<{ Params: ById }>,
    reply: FastifyReply,
    refused?: Refused,
    typedName?: string,
  ): Promise<FastifyReply> {
    const { key, isLast } = await keyOf(visit, request);
    const asked = isLast ? undefined : await signing.ask(visit.signIn.person, removal(key.id));
    const path = `${keysPath}/${key.id}`;
    const content = { key, isLast, asked, path, csrf: visit.csrf, problem: refused?.code, typedName };
    return send(reply, keyPage(drawn(request), content), refused);
  }
  pages.get<ById>(`${keysPath}/:id`, toRead, (visit, request, reply) => showKey(visit, request, reply));
  pages.post<ById>(`${keysPath}/:id`, toRead, async (visit, fields, request, reply) => {
    const { person } = visit.signIn;
    const { key } = await keyOf(visit, request);
    const name = authenticatorName(fields.get('name'), 1);
    const change = fields.get('action') === 'remove' ? removal(key.id) : renaming(key, name);
    if (fields.get('action') === 'name') {
      const path = `${keysPath}/${key.id}`;
      const content = { key, name, path, csrf: visit.csrf, asked: await signing.ask(person, change) };
      return send(reply, renamePage(drawn(request), content));
    }
    try {
      await signing.consume(person, change, fields);
      if (change.kind === 'remove') await authenticators.removeOwn(person, key.id);
      else await authenticators.renameOwn(person, key.id, name);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return showKey(visit, request, reply, error, change.kind === 'rename' ? fields.get('name') : undefined);
    }
    return goTo(reply, keysPath, change.kind === 'remove' ? 'removed' : 'renamed');
  });

  const addPath = `${keysPath}/add`;
  const addition: Change = { kind: 'add', about: {} };
  async function showAdd(
    { signIn, csrf }: Visit,
    request: FastifyRequest,
    reply: FastifyReply,
    refused?: Refused,
    typedName?: string,
  ) {
    const asked = await signing.ask(signIn.person, addition);
    const content = { path: addPath, csrf, asked, problem: refused?.code, typedName };
    return send(reply, addKeyPage(drawn(request), content), refused);
  }
  pages.get(addPath, toRead, (visit, request, reply) => showAdd(visit, request, reply));
  pages.post(addPath, toRead, async (visit, fields, request, reply) => {
    const { person } = visit.signIn;
    try {
      if (fields.get('action') !== 'register') {
        const statement = await signing.consume(person, addition, fields);
        const asked = await authenticators.registrationFor(person, statement);
        const needsHardware = authenticators.needsHardware(person);
        const typedName = fields.get('name');
        const content = { path: addPath, csrf: visit.csrf, asked, needsHardware, typedName };
        return send(reply, newKeyPage(drawn(request), content));
      }
      await authenticators.register({
        ...{ handle: fields.get('handle'), person, credential: fields.get(credentialFieldName) },
        ...{ name: fields.get('name'), address: request.ip },
      });
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return showAdd(visit, request, reply, error, fields.get('name'));
    }
    return goTo(reply, keysPath, 'added');
  });

  // ---- The sessions ----

  async function sessionsOf(request: FastifyRequest, person: PrincipalId): Promise<OwnSessions> {
    const here = await authentication.inBrowser(request.headers.cookie);
    return { all: await authentication.sessionsOf(person), here: new Set(here.map(({ session }) => session)) };
  }
  const othersIn = ({ all, here }: OwnSessions) => all.filter(({ session }) => !here.has(session));
  /** People who sign in by federation or certificate may have no key to sign with. */
  const withoutKey = async (person: PrincipalId) => (await authenticators.of(person)).length === 0;
  async function endingOf(visit: Visit, path: string, change: Change, refused?: Refused) {
    const { person } = visit.signIn;
    const isWithout = await withoutKey(person);
    const asked = isWithout ? undefined : await signing.ask(person, change);
    return { path, csrf: visit.csrf, asked, withoutKey: isWithout, problem: refused?.code };
  }
  async function requireSigned({ signIn: { person } }: Visit, change: Change, fields: ReadonlyMap<string, string>) {
    if (!(await withoutKey(person))) await signing.consume(person, change, fields);
  }

  pages.get(sessionsPath, toRead, async ({ signIn }, request, reply) => {
    const draw = drawn(request);
    const sessions = await sessionsOf(request, signIn.person);
    return look(reply, sessionsPage(draw, { sessions, done: doneOf(request, draw) }));
  });

  const endOfOne = (session: SessionId): Change => ({ kind: 'endSession', about: { session } });
  async function sessionOf({ signIn }: Visit, request: FastifyRequest<{ Params: ById }>) {
    const id = parseId('session', request.params.id);
    const { all, here } = await sessionsOf(request, signIn.person);
    const session = all.find((each) => each.session === id);
    if (session === undefined) throw unknownSession();
    return { session, isHere: here.has(session.session) };
  }
  async function showSession(
    visit: Visit,
    request: FastifyRequest<{ Params: ById }>,
    reply: FastifyReply,
    refused?: Refused,
  ): Promise<FastifyReply> {
    const { session, isHere } = await sessionOf(visit, request);
    const path = `${sessionsPath}/${session.session}`;
    const ending = await endingOf(visit, path, endOfOne(session.session), refused);
    return send(reply, sessionPage(drawn(request), { session, isHere, ending }), refused);
  }
  pages.get<ById>(`${sessionsPath}/:id`, toRead, (visit, request, reply) => showSession(visit, request, reply));
  pages.post<ById>(`${sessionsPath}/:id`, toRead, async (visit, fields, request, reply) => {
    const { session } = await sessionOf(visit, request);
    try {
      await requireSigned(visit, endOfOne(session.session), fields);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return showSession(visit, request, reply, error);
    }
    await authentication.end(session.session, 'ended_by_its_person');
    return goTo(reply, sessionsPath, 'ended');
  });

  /** The sessions to keep are signed, so a session started meanwhile ends too. */
  const endOfOthers = ({ here }: OwnSessions): Change => ({
    kind: 'endOtherSessions',
    about: { keep: [...here].sort() },
  });
  async function showOthers(visit: Visit, request: FastifyRequest, reply: FastifyReply, refused?: Refused) {
    const sessions = await sessionsOf(request, visit.signIn.person);
    const ending = await endingOf(visit, otherSessionsPath, endOfOthers(sessions), refused);
    return send(reply, otherSessionsPage(drawn(request), { others: othersIn(sessions), ending }), refused);
  }
  pages.get(otherSessionsPath, toRead, (visit, request, reply) => showOthers(visit, request, reply));
  pages.post(otherSessionsPath, toRead, async (visit, fields, request, reply) => {
    const sessions = await sessionsOf(request, visit.signIn.person);
    try {
      await requireSigned(visit, endOfOthers(sessions), fields);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      return showOthers(visit, request, reply, error);
    }
    for (const { session } of othersIn(sessions)) await authentication.end(session, 'ended_by_its_person');
    return goTo(reply, sessionsPath, 'ended-others');
  });

  // ---- What there is to see ----

  pages.get(accountPath, toRead, async ({ signIn: { person } }, request, reply) => {
    const draw = drawn(request);
    const { keys, sessions, devices, mandates, grants, activity } = draw.texts.selfService;
    const snapshot = directory.snapshot();
    const [ownDevices, ownMandates, ownGrants] = await Promise.all([
      sources.devicesOf?.(person),
      sources.mandatesOf?.(person),
      sources.grantsOf?.(person),
    ]);
    const counted = (
      words: { readonly title: string; about(count: number): string; readonly none?: string },
      path: string,
      items: readonly unknown[] | undefined,
    ) => {
      if (items === undefined) return [];
      const about = items.length === 0 && words.none !== undefined ? words.none : words.about(items.length);
      return [{ title: words.title, about, path }];
    };
    const document = overviewPage(draw, {
      person,
      institution: snapshot.institution(snapshot.principal(person)?.institution ?? '')?.name ?? '',
      signals: sources.signals?.of(person) ?? [],
      sections: [
        ...counted(keys, keysPath, await authenticators.of(person)),
        ...counted(sessions, sessionsPath, await authentication.sessionsOf(person)),
        ...counted(devices, devicesPath, ownDevices),
        ...counted(mandates, mandatesPath, ownMandates),
        ...counted(grants, grantsPath, ownGrants),
        ...(sources.activityOf === undefined
          ? []
          : [{ title: activity.title, about: activity.about, path: activityPath }]),
      ],
    });
    return look(reply, document);
  });

  const { devicesOf, mandatesOf, grantsOf, activityOf } = sources;
  if (devicesOf !== undefined)
    pages.get(devicesPath, toRead, async ({ signIn }, request, reply) =>
      look(reply, devicesPage(drawn(request), await devicesOf(signIn.person))),
    );
  if (mandatesOf !== undefined)
    pages.get(mandatesPath, toRead, async ({ signIn }, request, reply) =>
      look(reply, mandatesPage(drawn(request), await mandatesOf(signIn.person), directory.snapshot())),
    );
  if (grantsOf !== undefined)
    pages.get(grantsPath, toRead, async ({ signIn }, request, reply) =>
      look(reply, grantsPage(drawn(request), await grantsOf(signIn.person))),
    );
  if (activityOf !== undefined)
    pages.get(activityPath, toRead, async ({ signIn }, request, reply) => {
      const before = queryOf(request, 'before');
      const found = await activityOf(signIn.person, before);
      return look(reply, activityPageOf(drawn(request), found, { isNewest: before === undefined }));
    });
}

function queryOf({ query }: FastifyRequest, name: string): string | undefined {
  if (typeof query !== 'object' || query === null) return undefined;
  const value = Object.entries(query).find(([key]) => key === name)?.[1];
  return typeof value === 'string' && value.length <= 64 ? value : undefined;
}

function unknownSession(): Error {
  return authenticationErrors.error('session_unknown', 'You have no such session; it may have ended.');
}
