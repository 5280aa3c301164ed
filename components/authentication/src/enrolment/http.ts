import { authenticatorErrors, type Directory } from '@countersign/contracts';
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

/** Where an invited person registers the first authenticator: `/enrol/{secret}`. The link is used up by a registration. */
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

  async function show(
    request: ToEnrol,
    reply: FastifyReply,
    refused?: { readonly code: string },
    typedName?: string,
  ): Promise<FastifyReply> {
    const { secret } = request.params;
    const invitation = await authenticators.invitationOf(secret);
    if (invitation === undefined)
      throw authenticatorErrors.error(
        'invitation_unknown',
        'This link is not known: it was used, it is too old, or it was replaced. Ask for a new one.',
      );
    const { lang, texts } = chooseTexts(request, { en, de });
    const snapshot = directory.snapshot();
    const institution = snapshot.institution(snapshot.principal(invitation.person)?.institution ?? '');
    const document = enrolmentPage({
      ...{ texts, lang, banner },
      action: `/enrol/${secret}`,
      asked: await authenticators.askInvited(secret),
      person: invitation.person,
      institution: institution?.name ?? '',
      expiresAt: invitation.expiresAt,
      needsHardware: authenticators.needsHardware(invitation.person),
      problem: refused?.code,
      typedName,
    });
    return sendPage(reply, refused === undefined ? 200 : 403, document, { secure, script: true });
  }

  // No HEAD: what only looks at links asks for nothing.
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
          handle: fields.get('handle'),
          person: invitation.person,
          credential: fields.get(credentialFieldName),
          name: fields.get('name'),
          address: request.ip,
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
