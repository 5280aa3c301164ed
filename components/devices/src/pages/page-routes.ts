import { type Directory, deviceErrors } from '@countersign/contracts';
import { defined } from '@countersign/kernel';
import {
  chooseTexts,
  type Logger,
  pageScriptRoute,
  readForm,
  requireSameOriginPost,
  sendErrorPage,
  sendPage,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { deviceScript } from '../challenge.ts';
import type { RunningDevices } from '../devices.ts';
import { de } from '../texts/de.ts';
import { en } from '../texts/en.ts';
import { enrolledPage, enrolPage } from './enrol-page.ts';

type WithCode = FastifyRequest<{ Params: { readonly code: string } }>;

/** `/device/{code}`, where a browser enrols as a device, and the script that sign-in pages also use. */
export function devicePages(
  app: FastifyInstance,
  {
    devices: { enrolment, settings },
    directory,
    logger,
  }: {
    readonly devices: RunningDevices;
    readonly directory: Pick<Directory, 'snapshot'>;
    readonly logger: Logger;
  },
): void {
  const { issuer, secure, environment } = settings;
  const development = environment === 'development';
  pageScriptRoute(app, deviceScript);

  const onPage =
    (handler: (request: WithCode, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (request: WithCode, reply: FastifyReply): Promise<FastifyReply> => {
      try {
        return await handler(request, reply);
      } catch (error) {
        const banner = development ? chooseTexts(request, { en, de }).texts.banner : undefined;
        return sendErrorPage(error, request, reply, { logger, banner, secure });
      }
    };

  async function show(
    request: WithCode,
    reply: FastifyReply,
    problem?: { readonly code: string; readonly detail: string },
  ): Promise<FastifyReply> {
    const { code } = request.params;
    const { device, challenge } = await enrolment.show(code);
    const document = enrolPage({
      chosen: chooseTexts(request, { en, de }),
      ...{ device, challenge, development },
      firm: directory.snapshot().institution(device.institution)?.name ?? device.institution,
      action: `/device/${code}`,
      ...defined({ problem }),
    });
    return sendPage(reply, problem === undefined ? 200 : 403, document, { secure, script: true });
  }

  app.get(
    '/device/:code',
    { exposeHeadRoute: false },
    onPage((request, reply) => show(request, reply)),
  );

  app.post(
    '/device/:code',
    onPage(async (request, reply) => {
      // The code in the address protects the form: another site does not know it.
      requireSameOriginPost(request, issuer);
      try {
        const { device } = await enrolment.register(request.params.code, readForm(request.body).get('key'));
        const document = enrolledPage(chooseTexts(request, { en, de }), device, { development });
        return sendPage(reply, 200, document, { secure, script: true });
      } catch (error) {
        if (!deviceErrors.is(error, 'device_proof_wrong')) throw error;
        return show(request, reply, error);
      }
    }),
  );
}
