import {
  type AuditAppender,
  type ConfiguredDocuments,
  type ConfiguredExchange,
  type Directory,
  hardwareAcr,
  parsePrincipalId,
  phishingResistantAcr,
} from '@countersign/contracts';
import { type Clock, defined, type Json, type Random } from '@countersign/kernel';
import {
  chooseTexts,
  html,
  type Logger,
  presentedCertificateOf,
  type RowSeal,
  sendErrorPage,
} from '@countersign/runtime';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type pg from 'pg';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { hashOfSecret, newSecret } from '../../secret.ts';
import { de } from '../../texts/de.ts';
import { en } from '../../texts/en.ts';
import { createDepartureStore } from '../departure-store.ts';
import type { MethodRefusal, SignInMethod } from '../method.ts';
import { type CertificateRefusal, type CertificateVerdict, createCertificateJudge } from './judge-certificate.ts';
import { createRevocation } from './revocation.ts';
import { createRevocationLists } from './revocation-lists.ts';
import { certificateSettingsOf } from './settings.ts';

export interface CertificateMethodDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rowSeal: RowSeal;
  /** For the configured lists and the responder. */
  readonly outbound: Pick<ConfiguredExchange, 'exchange'> & ConfiguredDocuments;
  readonly origin: string;
  readonly mutualTlsUrl: string;
  readonly config: unknown;
}

export interface CertificateMethod extends SignInMethod {
  /** For the mutual TLS listener. */
  mutualTlsRoutes(app: FastifyInstance): void;
}

/** Long enough to find the card and to type a PIN. */
const awayMs = 300_000;
const wayBackMs = 60_000;
const shownLeg = 'certificate';
const backLeg = 'certificate-back';

type ToShow = FastifyRequest<{ Params: { readonly handle: string; readonly ticket: string } }>;
type ToReturn = FastifyRequest<{ Params: { readonly handle: string; readonly answer: string } }>;

/**
 * Sign-in with a certificate or smart card on the mutual TLS listener. The browser goes there with a ticket and comes back with
 * a secret, each usable once. The cookie on our own origin ties both to the browser that opened the sign-in.
 * @throws CodedError `configuration_invalid`, `secret_unavailable`
 */
export function createCertificateMethod(dependencies: CertificateMethodDependencies): CertificateMethod {
  const { pool, clock, random, logger, outbound, origin, mutualTlsUrl } = dependencies;
  const settings = certificateSettingsOf(dependencies.config);
  const departures = createDepartureStore(pool, dependencies.rowSeal);
  const { lists: sources, responder, maxAgeMs } = settings.revocation;
  const lists = createRevocationLists({
    sources,
    candidates: [...settings.roots, ...settings.intermediates],
    get: (url, limits) => outbound.get(url, limits),
    clock,
    logger,
  });
  const exchange: ConfiguredExchange['exchange'] = (url, message) => outbound.exchange(url, message);
  const revocation = createRevocation({ lists, responder, exchange, maxAgeMs, clock, logger });
  const judge = createCertificateJudge({ ...dependencies, settings, revocation });

  const refusalOf = (code: CertificateRefusal, texts: typeof en = en): MethodRefusal => ({
    outcome: 'refused',
    code,
    detail: texts.certificate.refusals[code],
  });

  const method: CertificateMethod = {
    name: 'certificate',
    acrs: settings.hardwarePolicies.size === 0 ? [phishingResistantAcr] : [phishingResistantAcr, hardwareAcr],
    formAction: [mutualTlsUrl],
    nobody: refusalOf('person_unknown'),
    draw({ action, hidden, cancel, lang }) {
      const { certificate: texts } = lang === 'de' ? de : en;
      return html`<form method="post" action="${action}">
${hidden}
<p>${texts.lead}</p>
<div class="actions"><button class="primary" name="action" value="sign-in">${texts.use}</button>${cancel}</div>
</form>`;
    },
    async attempt({ challenge, handle }) {
      const ticket = newSecret(random);
      const now = clock.now();
      const handleHash = hashOfSecret(handle);
      const departure = { handleHash, leg: shownLeg, challenge, details: null, expiresAt: now + awayMs };
      await departures.insert(hashOfSecret(ticket), departure, now);
      return { outcome: 'redirect', location: `${mutualTlsUrl}/sign-in/${handle}/certificate/${ticket}` };
    },

    mutualTlsRoutes(app) {
      app.get('/sign-in/:handle/certificate/:ticket', { exposeHeadRoute: false }, async (request: ToShow, reply) => {
        try {
          const { handle, ticket } = request.params;
          const departure = await departures.consume(handle, ticket, shownLeg, clock.now());
          const presented = presentedCertificateOf(request);
          const verdict: CertificateVerdict =
            presented === undefined
              ? { outcome: 'refused', code: 'certificate_missing' }
              : await judge({ der: presented.der, others: presented.others ?? [] });
          const answer = newSecret(random);
          const now = clock.now();
          await departures.insert(
            hashOfSecret(answer),
            { ...departure, leg: backLeg, details: documentOf(verdict), expiresAt: now + wayBackMs },
            now,
          );
          // Each sign-in needs a new handshake: the card may have been removed.
          reply.header('connection', 'close');
          return reply.redirect(`${origin}/sign-in/${handle}/certificate/done/${answer}`, 303);
        } catch (error) {
          return sendErrorPage(error, request, reply, { logger, banner: undefined, secure: true });
        }
      });
    },

    routes(app, answers) {
      app.get(
        '/sign-in/:handle/certificate/done/:answer',
        { exposeHeadRoute: false },
        answers.onPage(async (request: ToReturn, reply) => {
          const { handle, answer } = request.params;
          const { challenge, details } = await departures.consume(handle, answer, backLeg, clock.now());
          const { texts } = chooseTexts(request, { en, de });
          const verdict = verdictOf(details);
          const outcome =
            verdict.outcome === 'identified'
              ? verdict
              : { ...refusalOf(verdict.code, texts), ...defined({ person: verdict.person }) };
          return answers.arrive(request, reply, { handle, challenge, method, outcome });
        }),
      );
    },
  };

  return method;
}

const principal = Type.String({ maxLength: 256 });
const closed = { additionalProperties: false } as const;
const documentCheck = Compile(
  Type.Union([
    Type.Object(
      {
        outcome: Type.Literal('identified'),
        person: principal,
        acr: Type.String(),
        amr: Type.Array(Type.String()),
        certificate: Type.String(),
      },
      closed,
    ),
    Type.Object(
      {
        outcome: Type.Literal('refused'),
        code: Type.Enum(Object.keys(en.certificate.refusals)),
        person: Type.Optional(principal),
      },
      closed,
    ),
  ]),
);

function documentOf(verdict: CertificateVerdict): Json {
  return verdict.outcome === 'identified' ? { ...verdict, amr: [...verdict.amr] } : { ...verdict };
}

function verdictOf(details: Json): CertificateVerdict {
  const document: unknown = details;
  if (!documentCheck.Check(document)) throw invalidVerdict();
  const person = parsePrincipalId(document.person);
  if (document.outcome === 'refused') {
    if (!isRefusal(document.code)) throw invalidVerdict();
    return { outcome: 'refused', code: document.code, ...defined({ person }) };
  }
  if (person === undefined) throw invalidVerdict();
  return { ...document, person };
}

function isRefusal(code: string): code is CertificateRefusal {
  return Object.hasOwn(en.certificate.refusals, code);
}

function invalidVerdict(): Error {
  return new Error('a stored certificate verdict is not valid');
}
