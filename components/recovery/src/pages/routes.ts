import {
  type Authentication,
  recoveryErrors,
  type SignIn,
  type SignInNeed,
  type Statements,
} from '@countersign/contracts';
import { parseId, type Random, type RecoveryId } from '@countersign/kernel';
import {
  bannerOf,
  chooseTexts,
  credentialIn,
  type Logger,
  type PageVisit,
  type RefusedForm,
  readForm,
  refusedForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
  signedInPages,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { RunningRecovery } from '../recoveries.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { approvePage } from './approve-page.ts';
import { cancelPage } from './cancel-page.ts';
import { donePage, recoveryPath, type TextContext } from './done-page.ts';
import { listPage } from './list-page.ts';
import { requestedPage, requestPage } from './request-page.ts';

export interface RecoveryPages {
  readonly recovery: RunningRecovery;
  readonly authentication: Pick<Authentication, 'begin' | 'current'>;
  readonly statements: Pick<Statements, 'consume'>;
  readonly issuer: string;
  readonly environment: 'development' | 'production';
  readonly random: Random;
  readonly logger: Logger;
}

const publicPath = '/recover';
type ById = { readonly id: string };

/** `/recover` is public; `/recovery` and `/recovery/{id}` are for approvers; `/recovery/{id}/cancel` is for the person concerned. */
export function recoveryPages(app: FastifyInstance, dependencies: RecoveryPages): void {
  const { recovery, authentication, statements, issuer, environment, random, logger } = dependencies;
  const banner = bannerOf(environment);
  const { origin, protocol } = new URL(issuer);
  const secure = protocol === 'https:';
  const drawn = (request: FastifyRequest): TextContext => ({ ...chooseTexts(request, { en, de }), banner });
  const pages = signedInPages<SignInNeed, SignIn>(app, {
    door: authentication,
    name: 'recovery',
    clientName: 'Countersign',
    issuer,
    random,
    logger,
    banner,
  });
  const toApprove: SignInNeed = { acrValues: [], tier: 'approval' };
  const toCancel: SignInNeed = { acrValues: [] };

  const signedBy = ({ person }: SignIn, fields: ReadonlyMap<string, string>) =>
    statements.consume({ handle: fields.get('handle'), person, credential: credentialIn(fields) });

  app.get(publicPath, (request, reply) => sendPage(reply, 200, requestPage(drawn(request), publicPath), { secure }));
  app.post(publicPath, async (request, reply) => {
    try {
      requireSameOriginPost(request, origin);
      const fields = readForm(request.body);
      try {
        await recovery.publicRequests.ask(fields.get('person') ?? '', request.ip);
      } catch (error) {
        const refused = refusedForm(error, fields);
        return sendPage(reply, refused.status, requestPage(drawn(request), publicPath, refused), { secure });
      }
      return sendPage(reply, 200, requestedPage(drawn(request)), { secure });
    } catch (error) {
      return sendErrorPage(error, request, reply, { logger, banner, secure });
    }
  });

  pages.get(recoveryPath, toApprove, async ({ signIn }, request, reply) => {
    const waiting = await recovery.waitingFor(signIn.person);
    const content = { person: signIn.person, waiting, path: recoveryPath };
    return sendPage(reply, 200, listPage(drawn(request), content), { secure });
  });

  async function showToApprove(
    { signIn, csrf }: PageVisit<SignIn>,
    request: FastifyRequest<{ Params: ById }>,
    reply: FastifyReply,
    refused?: RefusedForm,
  ): Promise<FastifyReply> {
    const id = idOf(request.params.id);
    const asked = await recovery.askToApprove(id, signIn.person);
    const found = await recovery.find(id);
    if (found === undefined) throw unknown();
    const content = { recovery: found, asked, csrf, path: `${recoveryPath}/${id}`, refused };
    return sendPage(reply, refused?.status ?? 200, approvePage(drawn(request), content), { secure, script: true });
  }
  pages.get<ById>(`${recoveryPath}/:id`, toApprove, (visit, request, reply) => showToApprove(visit, request, reply));

  pages.post<ById>(`${recoveryPath}/:id`, toApprove, async (visit, fields, request, reply) => {
    const { signIn } = visit;
    const id = idOf(request.params.id);
    const draw = drawn(request);
    const { done } = draw.texts;
    if (fields.get('action') === 'refuse') {
      try {
        await recovery.refuse(id, signIn.person, fields.get('reason') ?? '');
      } catch (error) {
        // Only an invalid reason can be corrected in the form.
        if (!recoveryErrors.is(error, 'recovery_malformed')) throw error;
        return showToApprove(visit, request, reply, refusedForm(error, fields));
      }
      const content = { title: done.refusedTitle, lead: done.refusedLead, next: 'back' as const };
      return sendPage(reply, 200, donePage(draw, content), { secure });
    }
    const after = await recovery.approve(id, await signedBy(signIn, fields));
    const lead = after.missing.length === 0 ? done.approvedAll : done.approvedWaits;
    return sendPage(reply, 200, donePage(draw, { title: done.approvedTitle, lead, next: 'back' }), { secure });
  });

  pages.get<ById>(`${recoveryPath}/:id/cancel`, toCancel, async ({ signIn, csrf }, request, reply) => {
    const id = idOf(request.params.id);
    const asked = await recovery.askToCancel(id, signIn.person);
    const found = await recovery.find(id);
    if (found === undefined) throw unknown();
    const content = { recovery: found, asked, csrf, path: `${recoveryPath}/${id}/cancel` };
    return sendPage(reply, 200, cancelPage(drawn(request), content), { secure, script: true });
  });

  pages.post<ById>(`${recoveryPath}/:id/cancel`, toCancel, async ({ signIn }, fields, request, reply) => {
    await recovery.cancelOwn(idOf(request.params.id), await signedBy(signIn, fields));
    const draw = drawn(request);
    const { cancelledTitle: title, cancelledLead: lead } = draw.texts.done;
    return sendPage(reply, 200, donePage(draw, { title, lead, next: 'account' }), { secure });
  });
}

function idOf(text: string): RecoveryId {
  const id = parseId('recovery', text);
  if (id === undefined) throw unknown();
  return id;
}

function unknown() {
  return recoveryErrors.error('recovery_unknown', 'No recovery awaits you at this address.');
}
