import {
  type AskedStatement,
  type AuditLog,
  type Authentication,
  breakGlassErrors,
  type Declaration,
  type Directory,
  emergencyScopes,
  type Incident,
  parseResourceUri,
  type SignIn,
  type SignInNeed,
  type Statements,
} from '@countersign/contracts';
import {
  type Clock,
  defined,
  type IncidentId,
  isCodedError,
  parseDigest,
  parseId,
  type Random,
} from '@countersign/kernel';
import {
  bannerOf,
  chooseTexts,
  credentialIn,
  type Logger,
  type PageVisit,
  type RefusedForm,
  refusedForm,
  sendPage,
  signedInPages,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RunningBreakGlass } from '../break-glass.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { declarePage } from './declare-page.ts';
import { incidentPage, type RecordedAction } from './incident-page.ts';
import { listPage } from './list-page.ts';
import type { TextContext } from './parts.ts';
import { reviewedPage, reviewPage } from './review-page.ts';

export interface BreakGlassPages {
  readonly breakGlass: RunningBreakGlass;
  readonly authentication: Pick<Authentication, 'begin' | 'current'>;
  readonly statements: Pick<Statements, 'consume'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly log: Pick<AuditLog, 'query'>;
  readonly issuer: string;
  readonly environment: 'development' | 'production';
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

const basePath = '/break-glass';
const maxActions = 200;
type ById = { readonly id: string };
type Fields = ReadonlyMap<string, string>;

/** `/break-glass` lists and declares; `/break-glass/{id}` agrees, ends and reviews. */
export function breakGlassPages(app: FastifyInstance, dependencies: BreakGlassPages): void {
  const { breakGlass, authentication, statements, directory, log, issuer, environment, clock, random, logger } =
    dependencies;
  const banner = bannerOf(environment);
  const secure = new URL(issuer).protocol === 'https:';
  const drawn = (request: FastifyRequest): TextContext => ({ ...chooseTexts(request, { en, de }), banner });
  const need: SignInNeed = { acrValues: [], tier: 'administration' };
  const pages = signedInPages<SignInNeed, SignIn>(app, {
    door: authentication,
    name: 'break-glass',
    clientName: 'Countersign',
    issuer,
    random,
    logger,
    banner,
  });

  const institutionOf = ({ person }: SignIn): string => {
    const institution = directory.snapshot().principal(person)?.institution;
    if (institution === undefined || !(breakGlass.isHolder(person) || breakGlass.isReviewer(person))) throw unknown();
    return institution;
  };
  const signedBy = ({ person }: SignIn, fields: Fields) =>
    statements.consume({ handle: fields.get('handle'), person, credential: credentialIn(fields) });

  async function incidentFor(signIn: SignIn, text: string): Promise<Incident> {
    const id = parseId('incident', text);
    const found = id === undefined ? undefined : await breakGlass.find(id);
    if (found === undefined || found.institution !== institutionOf(signIn)) throw unknown();
    return found;
  }

  /** Our interfaces that offer a scope for emergencies. */
  const resources = (): readonly string[] =>
    [...directory.snapshot().resources()]
      .filter(({ uri, scopes }) => uri.startsWith(`${issuer}/`) && emergencyScopes.some((one) => scopes.includes(one)))
      .map(({ uri }) => uri)
      .sort();

  async function actionsOf(incident: Incident): Promise<readonly RecordedAction[]> {
    if (incident.grantedAt === undefined || incident.endsAt === undefined) return [];
    const found = await log.query({
      person: incident.holder,
      from: Date.parse(incident.grantedAt),
      until: Date.parse(incident.endsAt) + 1_000,
      limit: maxActions,
    });
    return found.map(({ record: { time, type, outcome } }) => ({ time, type, outcome }));
  }

  async function showList(
    { signIn, csrf }: PageVisit<SignIn>,
    request: FastifyRequest,
    reply: FastifyReply,
    again: { readonly typed?: Fields; readonly refused?: RefusedForm } = {},
  ): Promise<FastifyReply> {
    const institution = institutionOf(signIn);
    const content = {
      incidents: await breakGlass.list({ institution }),
      resources: breakGlass.isHolder(signIn.person) ? resources() : undefined,
      csrf,
      path: basePath,
      ...again,
    };
    return sendPage(reply, again.refused?.status ?? 200, listPage(drawn(request), content), { secure });
  }
  pages.get(basePath, need, (visit, request, reply) => showList(visit, request, reply));

  pages.post(basePath, need, async (visit, fields, request, reply) => {
    const { signIn, csrf } = visit;
    if (fields.get('action') === 'change') return showList(visit, request, reply, { typed: fields });
    try {
      const declaration = declarationOf(fields);
      if (fields.get('action') === 'declare') {
        const incident = await breakGlass.declare(declaration, await signedBy(signIn, fields));
        return toIncident(reply, incident.id);
      }
      const asked = await breakGlass.askToDeclare(declaration, signIn.person);
      const document = declarePage(drawn(request), { declaration, asked, csrf, path: basePath });
      return sendPage(reply, 200, document, { secure, script: true });
    } catch (error) {
      // Only holders have a form to correct.
      if (!breakGlass.isHolder(signIn.person)) throw error;
      return showList(visit, request, reply, { refused: refusedForm(error, fields) });
    }
  });

  async function showIncident(
    { signIn, csrf }: PageVisit<SignIn>,
    request: FastifyRequest<{ Params: ById }>,
    reply: FastifyReply,
    again: { readonly typed?: Fields; readonly refused?: RefusedForm } = {},
  ): Promise<FastifyReply> {
    const incident = await incidentFor(signIn, request.params.id);
    const { id, status, holder, second } = incident;
    const { person } = signIn;
    const maySecond = status === 'declared' && person !== holder;
    const asked = maySecond ? await whereAllowed(() => breakGlass.askToSecond(id, person)) : undefined;
    const running = status === 'granted' && Date.parse(incident.endsAt ?? '') > clock.now();
    const isParty = person === holder || person === second;
    const isEnded = (status === 'granted' || status === 'overdue') && !running;
    const toReview = isEnded && breakGlass.isReviewer(person) && !isParty;
    const content = {
      incident,
      csrf,
      path: `${basePath}/${id}`,
      back: basePath,
      ...defined({ second: asked }),
      mayEnd: running && isParty,
      mayCollect: running && person === holder,
      ...(toReview ? { review: { actions: await actionsOf(incident), ...again } } : {}),
    };
    const document = incidentPage(drawn(request), content);
    return sendPage(reply, again.refused?.status ?? 200, document, { secure, script: asked !== undefined });
  }
  pages.get<ById>(`${basePath}/:id`, need, (visit, request, reply) => showIncident(visit, request, reply));

  pages.post<ById>(`${basePath}/:id`, need, async (visit, fields, request, reply) => {
    const { signIn, csrf } = visit;
    const incident = await incidentFor(signIn, request.params.id);
    const { id } = incident;
    switch (fields.get('action')) {
      case 'second':
        await breakGlass.second(id, await signedBy(signIn, fields));
        return toIncident(reply, id);
      case 'end':
        await breakGlass.end(id, signIn.person);
        return toIncident(reply, id);
      case 'change-review':
        return showIncident(visit, request, reply, { typed: fields });
      case 'prepare-review':
        try {
          const { verdict, note } = reviewOf(fields);
          const asked = await breakGlass.askToReview(id, verdict, note, signIn.person);
          const content = { incident, verdict, note, asked, csrf, path: `${basePath}/${id}` };
          return sendPage(reply, 200, reviewPage(drawn(request), content), { secure, script: true });
        } catch (error) {
          if (!breakGlassErrors.is(error, 'incident_malformed')) throw error;
          return showIncident(visit, request, reply, { refused: refusedForm(error, fields) });
        }
      case 'review': {
        const { verdict, note } = reviewOf(fields);
        await breakGlass.review(id, verdict, note, await signedBy(signIn, fields));
        return sendPage(reply, 200, reviewedPage(drawn(request), basePath), { secure });
      }
      default:
        throw breakGlassErrors.error('incident_malformed', 'The form does not say what you want to do.');
    }
  });
}

/** Undefined if the signed-in person is not allowed to sign it. */
async function whereAllowed(ask: () => Promise<AskedStatement>): Promise<AskedStatement | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isCodedError(error) && (error.category === 'forbidden' || error.category === 'conflict')) return undefined;
    throw error;
  }
}

function declarationOf(fields: Fields): Declaration {
  const resource = parseResourceUri(fields.get('resource'));
  const jkt = parseDigest(fields.get('jkt')?.trim());
  if (resource === undefined)
    throw breakGlassErrors.error('incident_malformed', 'Choose the interface that the access is for.', {
      facts: { field: 'resource' },
    });
  if (jkt === undefined)
    throw breakGlassErrors.error(
      'incident_malformed',
      'The thumbprint of your tool’s key has 43 characters. Copy it from the output of countersign incident key.',
      { facts: { field: 'jkt' } },
    );
  return {
    reason: (fields.get('reason') ?? '').replace(/\s+/g, ' ').trim(),
    reference: fields.get('reference') ?? '',
    resource,
    scopes: emergencyScopes.filter((scope) => fields.get(`scope-${scope}`) === 'yes'),
    jkt,
  };
}

function reviewOf(fields: Fields): { readonly verdict: 'justified' | 'not-justified'; readonly note: string } {
  const verdict = fields.get('verdict');
  if (verdict !== 'justified' && verdict !== 'not-justified')
    throw breakGlassErrors.error('incident_malformed', 'Choose whether the emergency access was justified.', {
      facts: { field: 'verdict' },
    });
  return { verdict, note: (fields.get('note') ?? '').replace(/\s+/g, ' ').trim() };
}

/** Redirects after a form, so that reloading the page does not send it again. */
function toIncident(reply: FastifyReply, id: IncidentId): FastifyReply {
  return reply.header('referrer-policy', 'no-referrer').redirect(`${basePath}/${id}`, 303);
}

function unknown() {
  return breakGlassErrors.error('incident_unknown', 'No incident awaits you at this address.');
}
