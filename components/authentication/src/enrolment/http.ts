import type { Directory } from '@countersign/contracts';
import {
  chooseTexts,
  credentialFieldName,
  type Logger,
  readForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { isRefusal } from '../authenticators/assertions.ts';
import type { RunningAuthenticators } from '../authenticators/authenticators.ts';
import { unknownInvitation } from '../authenticators/registrations.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { enrolledPage, enrolmentPage } from './enrolment-page.ts';

export interface EnrolmentRoutes {
  readonly authenticators: RunningAuthenticators;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly logger: Logger;
  readonly origin: string;
  readonly secure: boolean;
  readonly banner: string | undefined;
}

type ToEnrol = FastifyRequest<{ Params: { readonly secret: string } }>;

/** `/enrol/{secret}`: the first authenticator of an invited person. A registration uses up the link. */
export function enrolmentRoutes(
  app: FastifyInstance,
  { authenticators, directory, logger, origin, secure, banner }: EnrolmentRoutes,
): void {
  const onPage =
    (handler: (request: ToEnrol, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (request: ToEnrol, reply: FastifyReply) => {
      try {
        return await handler(request, reply);
      } catch (error) {
        return sendErrorPage(error, request, reply, { logger, banner, secure });
      }
    };

  async function show(request: ToEnrol, reply: FastifyReply, refused?: { readonly code: string }, typedName?: string) {
    const { secret } = request.params;
    const invitation = await authenticators.invitationOf(secret);
    if (invitation === undefined) throw unknownInvitation();
    const { lang, texts } = chooseTexts(request, { en, de });
    const snapshot = directory.snapshot();
    const institution = snapshot.institution(snapshot.principal(invitation.person)?.institution ?? '');
    const document = enrolmentPage({
      ...{ texts, lang, banner, action: `/enrol/${secret}`, typedName, problem: refused?.code },
      ...{ person: invitation.person, institution: institution?.name ?? '', expiresAt: invitation.expiresAt },
      asked: await authenticators.askInvited(secret),
      needsHardware: authenticators.needsHardware(invitation.person),
    });
    return sendPage(reply, refused === undefined ? 200 : 403, document, { secure, script: true });
  }

  // No HEAD: a link checker must not create a challenge.
  app.get(
    '/enrol/:secret',
    { exposeHeadRoute: false },
    onPage((request, reply) => show(request, reply)),
  );

  app.post(
    '/enrol/:secret',
    onPage(async (request, reply) => {
      requireSameOriginPost(request, origin);
      const fields = readForm(request.body);
      const invitation = await authenticators.invitationOf(request.params.secret);
      if (invitation === undefined) return show(request, reply);
      try {
        const authenticator = await authenticators.register({
          ...{ handle: fields.get('handle'), person: invitation.person, name: fields.get('name') },
          ...{ credential: fields.get(credentialFieldName), address: request.ip },
        });
        const { lang, texts } = chooseTexts(request, { en, de });
        return sendPage(reply, 200, enrolledPage({ texts, lang, banner, authenticator }), { secure });
      } catch (error) {
        if (!isRefusal(error)) throw error;
        return show(request, reply, error, fields.get('name'));
      }
    }),
  );
}
