import { setTimeout } from 'node:timers/promises';
import { type Authentication, authenticationErrors, authenticatorErrors } from '@countersign/contracts';
import { type Digest, defined, digestOf } from '@countersign/kernel';
import { csrfTokenOf, matchesCsrfToken, transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { MethodAttempt, MethodRefusal, SignInMethod } from '../methods/method.ts';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import type { Sessions, Started } from '../sessions/sessions.ts';
import { kindOf, type SessionKind } from '../sessions/tiers.ts';
import {
  type AttemptFrom,
  createJudge,
  type JudgeDependencies,
  type Judged,
  narrowed,
  nobodyOf,
  type RefusedSignIn,
  serves,
} from './judge.ts';
import { ownPath } from './return-to.ts';
import type { SignInStore, StoredSignIn } from './sign-in-store.ts';

/** The nonce to sign or, for intents, a hash over the nonce and the intents. @returns 32 bytes, base64url */
export function challengeOf(nonce: string, intents: readonly Digest[] | undefined): string {
  if (intents === undefined || intents.length === 0) return nonce;
  return digestOf({ typ: 'countersign-step-up+webauthn', intents, nonce });
}

/** Enough for typing errors, useless for guessing. */
const maxAttempts = 10;
const maxIntents = 8;
/** A double click waits this long for the first answer. */
const doubleClickWaits = 40;
const doubleClickWaitMs = 50;

export interface SignInDependencies extends JudgeDependencies {
  readonly pool: pg.Pool;
  readonly store: SignInStore;
  readonly sessions: Sessions;
}

export interface SentForm {
  readonly handle: string;
  readonly browserSecret: string | undefined;
  readonly csrf: string | undefined;
}

export interface OpenSignIn {
  readonly state: 'open';
  readonly signIn: StoredSignIn;
  readonly browserSecret: string;
  readonly csrfToken: string;
  /** For this page only. */
  readonly challenge: string;
}
/** Finished or cancelled: the browser goes back. */
export type LeftSignIn = { readonly state: 'left'; readonly returnTo: string };
export interface FinishedSignIn {
  readonly state: 'finished';
  readonly returnTo: string;
  readonly kind: SessionKind;
  /** For the cookie; a step-up sets none. */
  readonly sessionSecret: string | undefined;
}
export type DepartedSignIn = { readonly state: 'redirect'; readonly location: string };

export interface Arrival {
  readonly handle: string;
  readonly browserSecret: string | undefined;
  /** Of the redirecting attempt. */
  readonly challenge: string;
  readonly method: SignInMethod;
  readonly outcome: Judged['outcome'];
}

export type SignIns = ReturnType<typeof createSignIns>;

export function createSignIns(dependencies: SignInDependencies) {
  const { pool, store, sessions, directory, clock, random, settings, logger, accounts, risk } = dependencies;
  const { judge, refuse } = createJudge(dependencies);

  async function ofForm({ handle, browserSecret, csrf }: SentForm): Promise<StoredSignIn> {
    const signIn = inTime(isSecret(handle) ? await store.find(hashOfSecret(handle)) : undefined, clock.now());
    if (!isSecret(browserSecret) || !belongsTo(signIn, browserSecret)) throw forged('another browser');
    if (!matchesCsrfToken(csrf, csrfTokenOf(browserSecret, formOf(handle)).hash)) throw forged('the token of the form');
    return signIn;
  }

  return {
    /** @returns the path of the page */
    async begin(request: Parameters<Authentication['begin']>[0]): Promise<string> {
      const handle = newSecret(random);
      const { acrValues, notBefore, loginHint, tier = 'market-data', intents, reason } = request.need;
      await store.insert(hashOfSecret(handle), {
        returnTo: ownPath(request.returnTo, settings.origin),
        continuesTo: request.continuesTo ?? [],
        clientName: request.clientName.replace(/\p{Cc}/gu, '\ufffd').slice(0, 200),
        // Unprintable characters must not become a valid or empty class.
        need: {
          acrValues: acrValues.slice(0, 16).map(readable),
          tier,
          ...defined({ notBefore, loginHint: loginHint && readable(loginHint), reason: reason && readable(reason) }),
          ...(intents === undefined ? {} : { intents: boundedIntents(intents) }),
        },
        expiresAt: clock.now() + settings.signInMs,
      });
      return `/sign-in/${handle}`;
    },

    /** Opens the page for the first browser only. @throws CodedError `sign_in_unknown`, `sign_in_expired`, `sign_in_forged` */
    async open(handle: string, browserSecret: string | undefined): Promise<OpenSignIn | LeftSignIn> {
      const secret = isSecret(browserSecret) ? browserSecret : newSecret(random);
      const nonce = newSecret(random);
      const bound = isSecret(handle)
        ? await store.bind(hashOfSecret(handle), hashOfSecret(secret), nonce, clock.now())
        : undefined;
      const signIn = inTime(bound, clock.now());
      if (!belongsTo(signIn, secret)) throw forged('another browser');
      if (signIn.finished) return { state: 'left', returnTo: signIn.returnTo };
      const csrfToken = csrfTokenOf(secret, formOf(handle)).token;
      const challenge = challengeOf(nonce, signIn.need.intents);
      return { state: 'open', signIn, browserSecret: secret, csrfToken, challenge };
    },

    /** The person cancels. @throws CodedError as {@link open} */
    async giveUp(form: SentForm): Promise<LeftSignIn> {
      const { returnTo } = await ofForm(form);
      await store.finish(pool, hashOfSecret(form.handle), clock.now());
      return { state: 'left', returnTo };
    },

    /**
     * One attempt with the challenge that was shown, which it consumes. Of simultaneous attempts one starts a session.
     * @throws CodedError as {@link open}; `method_not_available`, `sign_in_attempts_spent`; `log_unavailable`
     */
    async attempt(
      form: SentForm,
      how: AttemptFrom & {
        readonly method: SignInMethod | undefined;
        readonly fields: ReadonlyMap<string, string>;
      },
    ): Promise<FinishedSignIn | LeftSignIn | RefusedSignIn | DepartedSignIn> {
      const signIn = await ofForm(form);
      if (signIn.finished) return { state: 'left', returnTo: signIn.returnTo };
      const { method, fields, person, address } = how;
      if (method === undefined || !serves(method, signIn, settings.tiers)) throw notAvailable();
      const handleHash = hashOfSecret(form.handle);
      const counted = await store.countAttempt(handleHash, maxAttempts);
      if (counted.state === 'spent')
        throw authenticationErrors.error(
          'sign_in_attempts_spent',
          'There were too many attempts. Go back to the application and start again.',
        );
      if (counted.shown === undefined) return afterAnother(handleHash, method, { fields, address });
      const { nonce, at: shownAt } = counted.shown;

      const { handle } = form;
      const challenge = challengeOf(nonce, signIn.need.intents);
      const need = narrowed(signIn.need, settings.tiers);
      const page = { handle, fields, directory: directory.snapshot(), challenge, shownAt, need, person, address };
      const outcome = await method.attempt(page);
      if (outcome.outcome === 'redirect') {
        await store.depart(handleHash, challenge);
        return { state: 'redirect', location: outcome.location };
      }
      return conclude({ handle, signIn, method, outcome, nonce, proof: fields.get('device'), from: how });
    },

    /**
     * The result of a method that redirected the browser, once for each departure and in the browser of the page.
     * @throws CodedError as {@link open}; `method_not_available`; `challenge_unknown` if it came back before; `log_unavailable`
     */
    async arrive(
      { handle, browserSecret, challenge, method, outcome }: Arrival,
      from: AttemptFrom,
    ): Promise<FinishedSignIn | LeftSignIn | RefusedSignIn> {
      const handleHash = isSecret(handle) ? hashOfSecret(handle) : undefined;
      const signIn = inTime(handleHash === undefined ? undefined : await store.find(handleHash), clock.now());
      if (handleHash === undefined || !isSecret(browserSecret) || !belongsTo(signIn, browserSecret))
        throw forged('another browser');
      if (signIn.finished) return { state: 'left', returnTo: signIn.returnTo };
      if (!serves(method, signIn, settings.tiers)) throw notAvailable();
      if (!(await store.comeBack(handleHash, challenge)))
        throw authenticatorErrors.error(
          'challenge_unknown',
          'This answer was used before, or belongs to another sign-in. Go back to the application and start again.',
        );
      return conclude({ handle, signIn, method, outcome, nonce: challenge, proof: undefined, from });
    },
  };

  /** A double click gets the answer of the first click. */
  async function afterAnother(
    handleHash: Buffer,
    method: SignInMethod,
    answer: Pick<MethodAttempt, 'fields' | 'address'>,
  ): Promise<LeftSignIn | RefusedSignIn> {
    for (let waited = 0; waited < doubleClickWaits; waited++) {
      const signIn = inTime(await store.find(handleHash), clock.now());
      if (signIn.finished) return { state: 'left', returnTo: signIn.returnTo };
      await setTimeout(doubleClickWaitMs);
    }
    await method.replayed?.(answer);
    dependencies.alarm.failed({ method: method.name, code: 'challenge_unknown', address: answer.address });
    return refusedAs('challenge_unknown', 'This form was sent before. Please try again from here.');
  }

  /** Of simultaneous attempts one starts a session. */
  async function conclude(attempt: Judged): Promise<FinishedSignIn | LeftSignIn | RefusedSignIn> {
    const verdict = await judge(attempt);
    if (verdict.state === 'refused') return verdict;
    const { verified } = verdict;
    const { person, address, device, authenticator } = verified;
    const { returnTo } = attempt.signIn;
    const kind = kindOf(verified.tier);
    const handleHash = hashOfSecret(attempt.handle);
    const started = await transaction(pool, async (client): Promise<Started | undefined> => {
      if (inTime(await store.lock(client, handleHash), clock.now()).finished) return undefined;
      const session = await sessions.start(client, verified, attempt.from.secretOf);
      await store.finish(client, handleHash, clock.now());
      return session;
    });
    if (started === undefined) return { state: 'left', returnTo };
    // A lock ends the sessions it sees; this one was not yet committed.
    if (await accounts?.isLocked(person)) {
      await sessions.end(started.session, 'account_locked');
      return refuse({ ...nobodyOf(attempt.method), person }, attempt, 'account_locked');
    }
    await risk
      ?.signedIn({ person, address, userAgent: attempt.from.userAgent, device, authenticator })
      .catch((error: unknown) => logger.warn({ error }, 'a sign-in could not be checked for risk signals'));
    return { state: 'finished', returnTo, kind, sessionSecret: started.secret };
  }
}

function notAvailable(): Error {
  return authenticationErrors.error('method_not_available', 'This sign-in method is not available here.');
}

function boundedIntents(intents: readonly Digest[]): readonly Digest[] {
  if (intents.length < 1 || intents.length > maxIntents)
    throw new Error(`a sign-in can be for 1 to ${maxIntents} intents`);
  return intents;
}

function formOf(handle: string): string {
  return `sign-in ${handle}`;
}

function belongsTo({ browserHash }: StoredSignIn, browserSecret: string): boolean {
  return browserHash?.equals(hashOfSecret(browserSecret)) ?? false;
}

function inTime(signIn: StoredSignIn | undefined, now: number): StoredSignIn {
  if (signIn === undefined)
    throw authenticationErrors.error(
      'sign_in_unknown',
      'This sign-in does not exist, or ended long ago. Go back to the application and start again.',
    );
  if (signIn.expiresAt <= now)
    throw authenticationErrors.error(
      'sign_in_expired',
      'This sign-in took too long and has ended. Go back to the application and start again.',
    );
  return signIn;
}

function forged(internal: string): Error {
  return authenticationErrors.error(
    'sign_in_forged',
    'This sign-in was opened in another browser, or its form was not sent by our page. Go back to the application and start again.',
    { internal },
  );
}

function refusedAs(code: MethodRefusal['code'], detail: string): RefusedSignIn {
  return { state: 'refused', refusal: { outcome: 'refused', code, detail } };
}

/** Other characters become one that no identifier contains. */
function readable(text: string): string {
  return text.slice(0, 256).replace(/[^\x20-\x7e]/g, '\ufffd');
}
