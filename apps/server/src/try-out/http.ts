import { chooseTexts, type Logger, requireSameOriginPost, sendErrorPage, sendPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { tryOutPage, tryOutPath } from './page.ts';
import { de } from './texts/de.ts';
import { en } from './texts/en.ts';
import type { TryOut } from './try-out.ts';

/**
 * The page on which a visitor tries a development installation: `GET /try`, and its two buttons.
 *
 * Its forms hold no secret of a browser: what they do, they do for anybody at this machine, with nobody's rights. That they
 * were sent from our own page keeps other sites from filling the directory.
 */
export function tryOutRoutes(
  app: FastifyInstance,
  { tryOut, issuer, logger }: { readonly tryOut: TryOut; readonly issuer: string; readonly logger: Logger },
): void {
  const { origin } = new URL(issuer);

  const button =
    (press: () => Promise<{ readonly path: string }>) => async (request: FastifyRequest, reply: FastifyReply) => {
      try {
        requireSameOriginPost(request, origin);
        const { path } = await press();
        return reply.header('referrer-policy', 'no-referrer').redirect(path, 303);
      } catch (error) {
        return sendErrorPage(error, request, reply, { logger, banner: chooseTexts(request, { en, de }).texts.banner });
      }
    };

  app.get(tryOutPath, async (request, reply) => {
    const { texts, lang } = chooseTexts(request, { en, de });
    return sendPage(reply, 200, tryOutPage(texts, lang));
  });
  app.post(
    `${tryOutPath}/key`,
    button(() => tryOut.inviteVisitor()),
  );
  app.post(
    `${tryOutPath}/order`,
    button(() => tryOut.placeOrder()),
  );
}
