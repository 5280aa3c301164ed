import type { PartnerSignedIn, PartnerSignIns, PartnerSignInUnderWay } from '@countersign/contracts';
import { type Clock, type CodedError, defined, isCodedError, type Json, type Random } from '@countersign/kernel';
import { chooseTexts, html, type Logger, type RowSeal } from '@countersign/runtime';
import type { FastifyRequest } from 'fastify';
import type pg from 'pg';
import { Type } from 'typebox';
import { Compile } from 'typebox/compile';
import { hashOfSecret, newSecret } from '../../secret.ts';
import { de } from '../../texts/de.ts';
import { en } from '../../texts/en.ts';
import { createDepartureStore, type Departure } from '../departure-store.ts';
import type { MethodOutcome, MethodRefusal, SignInMethod } from '../method.ts';
import { type OfferedProvider, providersOf } from './settings.ts';

export interface FederatedMethodDependencies {
  readonly pool: pg.Pool;
  readonly partners: PartnerSignIns;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly rowSeal: RowSeal;
  /** The redirect URI is below it and the same for every provider. */
  readonly origin: string;
  readonly config: unknown;
}

type Code = keyof typeof en.federated.refusals;
type Ended = Exclude<MethodOutcome, { outcome: 'redirect' }>;

/** To be registered with each provider. */
export const federatedCallbackPath = '/sign-in/federated/callback';

const leg = 'federated';
const awayMs = 600_000;
const maxAnswerLength = 8_192;

/**
 * Sign-in at the identity provider of the person's institution. An answer counts once, in the browser that opened the sign-in,
 * and only from the provider it was sent to. @throws CodedError `configuration_invalid`
 */
export function createFederatedMethod(dependencies: FederatedMethodDependencies): SignInMethod {
  const { pool, partners, clock, random, logger, origin } = dependencies;
  const providers = providersOf(dependencies.config);
  const departures = createDepartureStore(pool, dependencies.rowSeal);
  const redirectUri = `${origin}${federatedCallbackPath}`;

  const method: SignInMethod = {
    name: 'federated',
    acrs: [...new Set(providers.flatMap(({ acrValues }) => acrValues))],
    formAction: [...new Set(providers.map(({ issuer }) => issuer))],
    nobody: refusalOf('person_unknown'),
    draw({ action, hidden, cancel, lang }) {
      const { federated: texts } = lang === 'de' ? de : en;
      return html`<form method="post" action="${action}">
${hidden}
<p>${texts.lead}</p>
<div class="actions">${providers.map(
        ({ name }, index) => html`<button class="primary" name="provider" value="${index}">${texts.use(name)}</button>
`,
      )}${cancel}</div>
</form>`;
    },
    async attempt({ fields, challenge, need, handle }) {
      const chosen = fields.get('provider') ?? '';
      const provider = /^\d{1,2}$/.test(chosen) ? providers[Number(chosen)] : undefined;
      if (provider === undefined) return refusalOf('provider_unknown');
      const secret = newSecret(random);
      try {
        const { location, underWay } = await partners.begin({
          issuer: provider.issuer,
          redirectUri,
          // The handle leads back to the page; the secret can be used once.
          state: `${handle}.${secret}`,
          acrValues:
            need.acrValues.length === 0 ? [] : need.acrValues.filter((acr) => provider.acrValues.includes(acr)),
          ...defined({ notBefore: need.notBefore }),
        });
        const now = clock.now();
        const handleHash = hashOfSecret(handle);
        const departure = { handleHash, leg, challenge, details: { ...underWay }, expiresAt: now + awayMs };
        await departures.insert(hashOfSecret(secret), departure, now);
        return { outcome: 'redirect', location };
      } catch (error) {
        return refusalFor(error, en);
      }
    },

    routes(app, answers) {
      app.get(
        federatedCallbackPath,
        { exposeHeadRoute: false },
        answers.onPage(async (request, reply) => {
          const answer = answerOf(request);
          const [handle = '', secret = ''] = (answer.get('state') ?? '').split('.');
          const departure = await departures.consume(handle, secret, leg, clock.now());
          const { challenge } = departure;
          const outcome = await outcomeOf(departure, answer, chooseTexts(request, { en, de }).texts);
          return answers.arrive(request, reply, { handle, challenge, method, outcome });
        }),
      );
    },
  };
  return method;

  async function outcomeOf(
    { details }: Departure,
    answer: ReadonlyMap<string, string>,
    texts: typeof en,
  ): Promise<Ended> {
    const underWay = underWayOf(details);
    const provider = providers.find(({ issuer }) => issuer === underWay.issuer);
    if (provider === undefined) return refusalOf('provider_unknown', texts);
    let signedIn: PartnerSignedIn;
    try {
      signedIn = await partners.complete(underWay, answer);
    } catch (error) {
      return refusalFor(error, texts);
    }
    return outcomeBy(provider, signedIn, texts);
  }

  function refusalFor(error: unknown, texts: typeof en): MethodRefusal {
    if (!isCodedError(error)) throw error;
    const code = codeFor(error);
    if (code === undefined) throw error;
    logger.debug({ code: error.code, internal: error.internal }, 'federated sign-in refused');
    return refusalOf(code, texts);
  }
}

function outcomeBy(provider: OfferedProvider, signedIn: PartnerSignedIn, texts: typeof en): Ended {
  const { principal, acr, amr, authTime, issuer } = signedIn;
  if (!provider.acrValues.includes(acr)) return { ...refusalOf('provider_answer_refused', texts), person: principal };
  return { outcome: 'identified', person: principal, acr, amr, authTime, issuer };
}

/** The code for the browser; the log has the cause. Undefined for faults of our own. */
function codeFor({ code, category }: CodedError): Code | undefined {
  if (code === 'assertion_subject_unknown') return 'person_unknown';
  if (code === 'partner_sign_in_not_offered' || code === 'assertion_institution') return 'provider_unknown';
  if (code === 'partner_sign_in_denied') return 'provider_refused';
  if (code === 'partner_unavailable' || code === 'partner_keys_unavailable') return 'provider_unavailable';
  return category === 'unavailable' ? undefined : 'provider_answer_refused';
}

function refusalOf(code: Code, texts: typeof en = en): MethodRefusal {
  return { outcome: 'refused', code, detail: texts.federated.refusals[code] };
}

/** Repeated parameters are dropped. */
function answerOf({ query, url }: FastifyRequest): ReadonlyMap<string, string> {
  if (url.length > maxAnswerLength || typeof query !== 'object' || query === null) return new Map();
  return new Map(
    Object.entries(query).flatMap(([name, value]): [string, string][] =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  );
}

const underWayCheck = Compile(
  Type.Object(
    { issuer: Type.String(), redirectUri: Type.String(), nonce: Type.String(), codeVerifier: Type.String() },
    { additionalProperties: false },
  ),
);

function underWayOf(details: Json): PartnerSignInUnderWay {
  const document: unknown = details;
  if (!underWayCheck.Check(document)) throw new Error('a stored sign-in at a provider is not valid');
  return document;
}
