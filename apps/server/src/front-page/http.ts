import { CodedError } from '@countersign/kernel';
import { bannerOf, chooseTexts, sendPage } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Configuration } from '../configuration/index.ts';
import { forSoftware, frontPage } from './front-page.ts';
import { de } from './texts/de.ts';
import { en } from './texts/en.ts';

export interface FrontPageOptions {
  readonly configuration: Pick<Configuration, 'environment' | 'issuer' | 'operator'>;
  /** The path of the try-out, if it is served. */
  readonly tryOutPath: string | undefined;
  /** The path of the page that verifies evidence, if it is served. */
  readonly evidencePath: string | undefined;
}

/**
 * `GET /`: an entry page for people. Programs (no `text/html` in `Accept`) get a coded error with the address of the interface
 * description.
 */
export function frontPageRoutes(
  app: FastifyInstance,
  { configuration, tryOutPath, evidencePath }: FrontPageOptions,
): void {
  const { environment, issuer, operator } = configuration;
  const secure = issuer.startsWith('https:');
  app.get('/', async (request, reply) => {
    reply.header('vary', 'Accept, Accept-Language');
    if (!acceptsHtml(request.headers.accept))
      throw new CodedError({
        code: 'route_not_found',
        category: 'not-found',
        detail: 'No interface is served at this address. The links lead to the descriptions of all interfaces.',
        facts: { links: Object.fromEntries(forSoftware.map(([name, path]) => [name, issuer + path])) },
      });
    const { texts, lang } = chooseTexts(request, { en, de });
    const content = { operator: operator.name, issuer, banner: bannerOf(environment), tryOutPath, evidencePath };
    return sendPage(reply, 200, frontPage(content, texts, lang), { secure });
  });
}

/** On the mutual TLS address, sends people to the main listener. */
export function frontPageRedirect(app: FastifyInstance, { issuer }: Pick<Configuration, 'issuer'>): void {
  app.get('/', (_request, reply) => reply.header('referrer-policy', 'no-referrer').redirect(`${issuer}/`, 303));
}

/** Browsers name `text/html` when a person opens an address; programs that take anything (`*\/*`) do not. */
function acceptsHtml(accept = ''): boolean {
  return accept.split(',').some((range) => {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    return type === 'text/html' && !parameters.some((parameter) => /^q=0(?:\.0{0,3})?$/.test(parameter));
  });
}
