import {
  type Authentication,
  type Client,
  type Directory,
  type GrantRegister,
  type PolicyEngine,
  type Signer,
  type SignIn,
  satisfies,
} from '@countersign/contracts';
import { type CodedError, isCodedError, newId } from '@countersign/kernel';
import { createSweeper, csrfTokenOf, type Logger, matchesCsrfToken, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import {
  type CheckedRequest,
  checkAuthorizationRequest,
  checkPerson,
  checkResponseTarget,
  grantExpiry,
  isForClient,
  refuse,
} from '../authorization-request/index.ts';
import type { Visit } from '../browser.ts';
import { type ClientRules, checkClient } from '../client-endpoint/index.ts';
import type { createCodes } from '../codes/index.ts';
import { createIdTokenHints } from '../id-tokens.ts';
import type { PushedRequests } from '../pushed-requests/index.ts';
import type { ConsentForm, ConsentQuestion } from './consent-page.ts';
import { allow, type Decision, type DecisionDependencies, deny, endingOf } from './decide.ts';
import { checkGrantManagement, rememberedConsent } from './existing-grant.ts';
import { codeOf, consentFormOf, type InteractionId, interactionOf, keyOf, parseInteractionId } from './interaction.ts';
import { loadRequest } from './load-request.ts';
import { type AuthorizationFacts, refusedRecord } from './record.ts';
import { responseLocation } from './respond.ts';
import { asksForFreshSignIn, classFallsShort, needFor, signInNeed } from './sign-in-need.ts';
import { createInteractionStore, type Ending, type Interaction, type Unit } from './store.ts';

/** From arrival to decision. */
export const interactionLifetimeSeconds = 900;

export interface AuthorizationEndpointDependencies extends Omit<DecisionDependencies, 'interactions'>, ClientRules {
  readonly pool: pg.Pool;
  readonly rowSeal: RowSeal;
  readonly issuer: string;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly policyEngine: Pick<PolicyEngine, 'detailTypes'>;
  readonly authentication: Pick<Authentication, 'begin' | 'current' | 'inBrowser'>;
  readonly grants: GrantRegister;
  readonly signer: Pick<Signer, 'current' | 'sign' | 'publicKeys'>;
  readonly codes: Pick<ReturnType<typeof createCodes>, 'issueAs' | 'find'>;
  readonly pushedRequests: Pick<PushedRequests, 'find' | 'consume'>;
  readonly logger: Logger;
  /** Grant Management for OAuth; otherwise its parameters are ignored. */
  readonly grantManagement: boolean;
}

/** The page to show, or the redirect to send. */
export type Step =
  | { readonly kind: 'sign-in'; readonly location: string }
  | { readonly kind: 'consent'; readonly question: ConsentQuestion; readonly form: Omit<ConsentForm, 'action'> }
  /** A redirect to the client, with a code or an error. */
  | { readonly kind: 'answer'; readonly location: string };

export interface AuthorizationEndpoint {
  /**
   * Handles the parameters of an authorization request.
   *
   * @throws CodedError of `oauthErrors` for the person only, before redirect URI and client are trusted
   */
  arrive(parameters: ReadonlyMap<string, string>, visit: Visit): Promise<Step>;
  /** After the sign-in. @throws as {@link arrive} */
  resume(interaction: string | undefined, visit: Visit): Promise<Step>;
  /** After the decision. @throws as {@link arrive}; `csrf_token_invalid` for a form of another page, session or interaction */
  decide(
    form: {
      readonly interaction: string | undefined;
      readonly csrf: string | undefined;
      readonly decision: string | undefined;
    },
    visit: Visit,
  ): Promise<Step>;
  /** Also runs by itself. */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

interface Attempt {
  readonly id: InteractionId;
  readonly interaction: Interaction;
  readonly kept: boolean;
  readonly client: Client;
  readonly target: ReturnType<typeof checkResponseTarget>;
  readonly visit: Visit;
}

/** RFC 6749 section 3.1. */
export function createAuthorizationEndpoint(dependencies: AuthorizationEndpointDependencies): AuthorizationEndpoint {
  const { pool, clock, random, audit, directory, authentication, grants, codes, pushedRequests, logger } = dependencies;
  const { policyEngine, issuer } = dependencies;
  const interactions = createInteractionStore(pool, dependencies.rowSeal);
  const deciding: DecisionDependencies = { ...dependencies, interactions };
  const hints = createIdTokenHints(dependencies.issuer, dependencies.signer);
  const sweeper = createSweeper({
    what: 'interactions',
    logger,
    removeSlice: (limit) => interactions.removeExpired(clock.now(), limit),
  });

  /** Between a trusted redirect URI and the consent page. */
  async function proceed(attempt: Attempt, arrival: 'arrived' | 'returned' | 'decided'): Promise<Step | Decision> {
    const { client, interaction, visit } = attempt;
    if (interaction.ended !== undefined) return answer(attempt, interaction.ended);
    const facts: { -readonly [Fact in keyof AuthorizationFacts]: AuthorizationFacts[Fact] } = {
      client,
      address: visit.address,
      ...(interaction.pushed === undefined ? {} : { pushedRecord: interaction.pushed.recordId }),
    };
    try {
      const snapshot = directory.snapshot();
      const now = clock.now();
      checkClient(client, snapshot, dependencies);
      const checked = await checkRequest(attempt, now);
      facts.checked = checked;
      const { request, terms } = checked;
      const asked = signInNeed(request, { client, terms, startedAt: interaction.startedAt });
      const signIn = await authentication.current(visit.cookie, asked);
      if (signIn !== undefined) facts.signIn = signIn;
      const need = needFor(signIn, asked);
      const stale = arrival === 'arrived' && asksForFreshSignIn(checked.request);
      if (signIn === undefined || stale || !satisfies(signIn, need)) {
        requireSignInPossible(checked, signIn, arrival);
        // A weaker session was not abandoned: the person lacks a strong enough authenticator.
        if (arrival === 'returned') throw giveUp(signIn ?? (await authentication.inBrowser(visit.cookie))[0], need);
        return await signInStep(attempt, need);
      }
      const person = checkPerson(signIn, { client, directory: snapshot, request: checked.request });
      facts.person = person;
      await checkGrantManagement(checked, { client, person }, grants);
      const until = grantExpiry(checked.terms, { client, now });
      const decision: Decision = {
        id: attempt.id,
        key: keyOf(visit.browser, attempt.id),
        browser: visit.browser,
        until,
        facts: { ...facts, client, checked, person, signIn },
      };
      if (arrival === 'decided') return decision;
      const remembered = await rememberedConsent({ client, person, ...checked, now }, grants);
      if (remembered !== undefined) {
        await keep(attempt);
        return answer(attempt, await allow(decision, remembered, deciding));
      }
      if (checked.request.prompt.includes('none'))
        throw refuse('consent_not_given_yet', 'The person has not consented yet, and the request has prompt=none.');
      await keep(attempt);
      const detailTypes = policyEngine.detailTypes();
      return {
        kind: 'consent',
        question: { client, person, signIn, checked, directory: snapshot, detailTypes, until },
        form: { interaction: attempt.id, csrf: csrfOf(attempt, signIn).token },
      };
    } catch (error) {
      if (!isCodedError(error) || !isForClient(error)) throw error;
      return refuseToClient(attempt, error, facts);
    }
  }

  async function checkRequest({ interaction, client }: Attempt, now: number): Promise<CheckedRequest> {
    const checked = checkAuthorizationRequest(interaction.parameters, {
      ...{ client, now, directory: directory.snapshot() },
      ...{ detailTypes: policyEngine.detailTypes(), issuer },
    });
    const { grantManagement, ...request } = checked.request;
    const hint = request.idTokenHint === undefined ? undefined : await readHint(request.idTokenHint, now);
    // The key of the hint is gone, so the expected person is unknown.
    if (request.idTokenHint !== undefined && hint === undefined && request.prompt.includes('none'))
      throw refuse(
        'sign_in_required',
        'The key of the id_token_hint has been removed. Repeat the request without prompt=none.',
      );
    const subject = request.subject ?? hint;
    return {
      ...checked,
      request: {
        ...request,
        ...(subject === undefined ? {} : { subject }),
        ...(grantManagement === undefined || !dependencies.grantManagement ? {} : { grantManagement }),
      },
    };
  }

  /** OpenID Connect Core section 3.1.2.1: the person whom the client expects. */
  async function readHint(text: string, now: number): Promise<string | undefined> {
    try {
      return (await hints.read(text, now))?.sub;
    } catch (error) {
      if (!isCodedError(error) || error.category === 'unavailable') throw error;
      throw refuse('id_token_hint_invalid', 'The id_token_hint is not an ID token of this server.');
    }
  }

  async function signInStep(attempt: Attempt, need: ReturnType<typeof signInNeed>): Promise<Step> {
    await keep(attempt);
    const location = await authentication.begin({
      returnTo: `${new URL(dependencies.issuer).pathname.replace(/\/$/, '')}${resumePath}?interaction=${attempt.id}`,
      continuesTo: [attempt.target.redirectUri],
      need,
      clientName: attempt.client.name,
      address: attempt.visit.address,
    });
    return { kind: 'sign-in', location };
  }

  async function keep(attempt: Attempt): Promise<void> {
    if (attempt.kept) return;
    const stored = await interactions.begin(keyOf(attempt.visit.browser, attempt.id), attempt.interaction);
    if (stored === undefined) throw unknownInteraction();
  }

  /** Recorded once, however often the page is loaded; not recorded for an unknown caller, who could fill the log. */
  async function refuseToClient(attempt: Attempt, error: CodedError, facts: AuthorizationFacts): Promise<Step> {
    if (facts.pushedRecord === undefined && facts.signIn === undefined) return answer(attempt, endingOf(error));
    await keep(attempt);
    const ending = await interactions.underLock(keyOf(attempt.visit.browser, attempt.id), async (interaction, unit) => {
      if (interaction === undefined) throw unknownInteraction();
      if (interaction.ended !== undefined) return interaction.ended;
      await consumeRequest(interaction, unit);
      await audit.append(refusedRecord(newId('record', { clock, random }), error, facts));
      await unit.end(endingOf(error));
      return endingOf(error);
    });
    return answer(attempt, ending);
  }

  /** An error uses up a pushed request too; otherwise each visit with its URI could cause a record. */
  async function consumeRequest({ client, pushed }: Interaction, { connection }: Unit): Promise<void> {
    if (pushed === undefined || (await pushedRequests.consume(pushed.hash, clock.now(), connection))) return;
    throw usedRequest(directory.snapshot().client(client)?.name ?? client);
  }

  /** A code is repeated only while it can be redeemed, and only to the person it was issued for, not the next at a shared desk. */
  async function answer(attempt: Attempt, ending: Ending): Promise<Step> {
    const { client, target, visit, id } = attempt;
    const to = { client: client.id, ...target };
    if (ending.outcome === 'refused') {
      const response = { error: ending.error, error_description: ending.description };
      return { kind: 'answer', location: await responseLocation(response, to, dependencies) };
    }
    const code = codeOf(visit.browser, id);
    const issued = await codes.find(code);
    const holding = issued?.session === undefined ? [] : await authentication.inBrowser(visit.cookie);
    if (issued === undefined || issued.redeemed || !holding.some(({ session }) => session === issued.session))
      throw refuse('interaction_decided', `You have answered this already. Go back to ${client.name}.`);
    return { kind: 'answer', location: await responseLocation({ code }, to, dependencies) };
  }

  /** Of this browser. */
  async function attemptOf(text: string | undefined, visit: Visit): Promise<Attempt> {
    const id = parseInteractionId(text);
    const interaction = id === undefined ? undefined : await interactions.find(keyOf(visit.browser, id));
    if (id === undefined || interaction === undefined) throw unknownInteraction();
    if (interaction.expiresAt <= clock.now())
      throw refuse('interaction_expired', 'This page has expired. Go back to the application and start again.');
    const client = directory.snapshot().client(interaction.client);
    if (client === undefined)
      throw refuse('client_unknown', 'The application that sent you here is no longer registered.');
    const target = checkResponseTarget(interaction.parameters, client);
    return { id, interaction, kept: true, client, target, visit };
  }

  return {
    async arrive(parameters, visit) {
      const now = clock.now();
      const loaded = await loadRequest(parameters, { directory: directory.snapshot(), pushedRequests, random, now });
      const { client, closed } = loaded;
      const target = checkResponseTarget(loaded.parameters, client);
      const id = interactionOf(visit.browser, loaded.seed);
      const known = loaded.pushed === undefined ? undefined : await interactions.find(keyOf(visit.browser, id));
      const open = known !== undefined && known.expiresAt > now ? known : undefined;
      if (open === undefined && closed === 'used') throw usedRequest(client.name);
      if (open === undefined && closed === 'expired')
        throw refuse('request_uri_expired', `The request of ${client.name} has expired. Go back and start again.`);
      const interaction: Interaction = open ?? {
        client: client.id,
        parameters: loaded.parameters,
        ...(loaded.pushed === undefined ? {} : { pushed: loaded.pushed }),
        startedAt: now,
        expiresAt: now + interactionLifetimeSeconds * 1000,
      };
      return asStep(await proceed({ id, interaction, kept: open !== undefined, client, target, visit }, 'arrived'));
    },

    async resume(interaction, visit) {
      return asStep(await proceed(await attemptOf(interaction, visit), 'returned'));
    },

    async decide(form, visit) {
      const attempt = await attemptOf(form.interaction, visit);
      const decision = await proceed(attempt, 'decided');
      if ('kind' in decision) return decision;
      if (!matchesCsrfToken(form.csrf, csrfOf(attempt, decision.facts.signIn).hash))
        throw refuse(
          'csrf_token_invalid',
          'This form did not come from the page that you were shown. Go back and send it again.',
        );
      const decided = { allow: () => allow(decision, undefined, deciding), refuse: () => deny(decision, deciding) };
      if (form.decision !== 'allow' && form.decision !== 'refuse')
        throw refuse('decision_missing', 'The form does not say whether you allow or refuse.');
      try {
        return await answer(attempt, await decided[form.decision]());
      } catch (error) {
        if (!isCodedError(error) || !isForClient(error)) throw error;
        return refuseToClient(attempt, error, decision.facts);
      }
    },

    sweep: sweeper.sweep,
    stop: sweeper.stop,
  };
}

/** Path under the issuer's path. */
export const resumePath = '/authorize/resume';
export const decisionPath = '/authorize/decision';

function asStep(outcome: Step | Decision): Step {
  if ('kind' in outcome) return outcome;
  throw new Error('a decision was reached without a form');
}

/** For this interaction and session only: the next person cannot submit a form shown to another. */
function csrfOf({ id, visit }: Attempt, { session }: SignIn) {
  return csrfTokenOf(visit.browser, consentFormOf(id, session));
}

function requireSignInPossible(
  { request }: CheckedRequest,
  signIn: SignIn | undefined,
  arrival: 'arrived' | 'returned' | 'decided',
): void {
  if (arrival === 'arrived' && request.prompt.includes('none'))
    throw refuse(
      'sign_in_required',
      signIn === undefined
        ? 'Nobody is signed in, and the request has prompt=none.'
        : 'The sign-in is not sufficient for the request, and the request has prompt=none.',
    );
}

/** After an insufficient sign-in. */
function giveUp(signIn: SignIn | undefined, need: ReturnType<typeof signInNeed>): CodedError {
  if (signIn !== undefined && classFallsShort(signIn, need))
    return refuse('sign_in_class', `The sign-in must be of one of the classes ${need.acrValues.join(' ')}.`);
  return refuse('sign_in_abandoned', 'The person did not sign in.');
}

function usedRequest(clientName: string): CodedError {
  return refuse('request_uri_used', `The request of ${clientName} was answered before. Go back and start again.`);
}

function unknownInteraction(): CodedError {
  return refuse(
    'interaction_unknown',
    'This page belongs to no request of this browser. Go back to the application and start again.',
  );
}
