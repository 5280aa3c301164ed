import { chooseTexts, type Logger, requireSameOriginPost, sendErrorPage, sendPage } from '@countersign/runtime';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { tryOutPage, tryOutPath } from './page.ts';
import type { Proof } from './proof.ts';
import { proofPage, proofPathOf } from './proof-page.ts';
import { de } from './texts/de.ts';
import { en } from './texts/en.ts';
import type { TryOut } from './try-out.ts';

/**
 * The page on which a visitor tries a development installation: `GET /try`, its two buttons, and the evidence of an order (`GET
 * /try/proof/{transaction}`) with its bundle and trust file as downloads.
 * Its forms use no cookie: they act for any user of this machine and need no rights. The origin check keeps other sites from
 * filling the directory.
 */
export function tryOutRoutes(
  app: FastifyInstance,
  {
    tryOut,
    issuer,
    logger,
    evidencePath,
  }: {
    readonly tryOut: TryOut;
    readonly issuer: string;
    readonly logger: Logger;
    /** The path of the page that verifies bundles, if it is served. */
    readonly evidencePath: string | undefined;
  },
): void {
  const { origin } = new URL(issuer);
  const latest = latestProof(tryOut);

  const onPage =
    <Request extends FastifyRequest>(handler: (request: Request, reply: FastifyReply) => Promise<FastifyReply>) =>
    async (request: Request, reply: FastifyReply): Promise<FastifyReply> => {
      try {
        return await handler(request, reply);
      } catch (error) {
        return sendErrorPage(error, request, reply, { logger, banner: chooseTexts(request, { en, de }).texts.banner });
      }
    };
  const button = (press: () => Promise<{ readonly path: string }>) =>
    onPage(async (request, reply) => {
      requireSameOriginPost(request, origin);
      const { path } = await press();
      return reply.header('referrer-policy', 'no-referrer').redirect(path, 303);
    });
  const file = (contentOf: (proof: Proof) => string) =>
    onPage(async (request: OfTransaction, reply) =>
      reply
        .headers({ 'content-disposition': 'attachment', 'cache-control': 'no-store' })
        .type('application/json')
        .send(contentOf(await latest.again(request.params.transaction))),
    );

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

  // No HEAD route: a link preview must not cause an export.
  const quiet = { exposeHeadRoute: false };
  const proofPath = proofPathOf(':transaction');
  app.get(
    proofPath,
    quiet,
    onPage(async (request: OfTransaction, reply) => {
      const { texts, lang } = chooseTexts(request, { en, de });
      const proof = await latest.anew(request.params.transaction);
      return sendPage(reply, 200, proofPage(proof, evidencePath, texts, lang));
    }),
  );
  app.get(
    `${proofPath}/bundle`,
    quiet,
    file(({ bundle }) => bundle),
  );
  app.get(
    `${proofPath}/trust`,
    quiet,
    file(({ trust }) => trust),
  );
}

type OfTransaction = FastifyRequest<{ Params: { readonly transaction: string } }>;

/** Serves the files of the export that the page showed, because a later export has a later checkpoint. */
function latestProof(tryOut: Pick<TryOut, 'proofOf'>) {
  let kept: Proof | undefined;
  const anew = async (transaction: string): Promise<Proof> => {
    kept = await tryOut.proofOf(transaction);
    return kept;
  };
  return {
    anew,
    again: async (transaction: string): Promise<Proof> =>
      kept?.transaction === transaction ? kept : anew(transaction),
  };
}
