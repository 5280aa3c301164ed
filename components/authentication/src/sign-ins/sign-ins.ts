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

/**
 * What an authenticator is asked to sign: the nonce of this showing of the page, or, where it is for intents, a hash
 * that holds both, so that the assertion is for these intents and for nothing else.
 *
 * @returns 32 bytes, base64url
 */
export function challengeOf(nonce: string, intents: readonly Digest[] | undefined): string {
  if (intents === undefined || intents.length === 0) return nonce;
  return digestOf({ typ: 'countersign-step-up+webauthn', intents, nonce });
}

/** Enough for a person who errs; of no use to a program that guesses. */
const mostAttempts = 10;
const mostIntents = 8;
/** How long a second form of one page waits for what becomes of the first. */
const doubleClickWaits = 40;
const doubleClickWaitMs = 50;

export interface SignInDependencies extends JudgeDependencies {
  readonly pool: pg.Pool;
  readonly store: SignInStore;
  readonly sessions: Sessions;
}

/** What the browser that opened the page sent back with its form. */
export interface SentForm {
  readonly handle: string;
  readonly browserSecret: string | undefined;
  readonly csrf: string | undefined;
}

/** A sign-in in the browser it belongs to. */
export interface OpenSignIn {
  readonly state: 'open';
  readonly signIn: StoredSignIn;
  readonly browserSecret: string;
  readonly csrfToken: string;
  /** For the authenticator; of this showing alone. */
  readonly challenge: string;
}
/** Done, or given up: the browser goes back to where it came from. */
export interface LeftSignIn {
  readonly state: 'left';
  readonly returnTo: string;
}
/** The person is signed in. */
export interface FinishedSignIn {
  readonly state: 'finished';
  readonly returnTo: string;
  readonly kind: SessionKind;
  /** For the cookie; none where a step-up leaves the session and its cookie as they are. */
  readonly sessionSecret: string | undefined;
}
/** The person shows who they are somewhere else, and comes back. */
export interface DepartedSignIn {
  readonly state: 'elsewhere';
  readonly location: string;
}

/** The person comes back from where a method sent them. */
export interface Arrival {
  readonly handle: string;
  readonly browserSecret: string | undefined;
  /** Of the attempt that sent them away. */
  readonly challenge: string;
  readonly method: SignInMethod;
  readonly outcome: Judged['outcome'];
}

export type SignIns = ReturnType<typeof createSignIns>;

/** From being sent to sign in until being sent back. */
export function createSignIns(dependencies: SignInDependencies) {
  const { pool, store, sessions, directory, clock, random, settings, logger, accounts, risk } = dependencies;
  const { judge, refuse } = createJudge(dependencies);

  /** The sign-in, if it is this browser's and its form is ours. */
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
      await store.insert(hashOfSecret(handle), {
        returnTo: ownPath(request.returnTo, settings.origin),
        continuesTo: request.continuesTo ?? [],
        clientName: request.clientName.replace(/\p{Cc}/gu, '\ufffd').slice(0, 200),
        need: {
          // What a request brought along: kept so that nothing unreadable becomes readable, or "any class".
          acrValues: request.need.acrValues.slice(0, 16).map(readable),
          ...defined({ notBefore: request.need.notBefore }),
          ...(request.need.loginHint === undefined ? {} : { loginHint: readable(request.need.loginHint) }),
          tier: request.need.tier ?? 'market-data',
          ...(request.need.intents === undefined ? {} : { intents: boundedIntents(request.need.intents) }),
          ...(request.need.reason === undefined ? {} : { reason: readable(request.need.reason) }),
        },
        expiresAt: clock.now() + settings.signInMs,
      });
      return `/sign-in/${handle}`;
    },

    /**
     * Opens the page for the first browser that asks, and from then on for no other.
     *
     * @throws CodedError `sign_in_unknown`, `sign_in_expired`, `sign_in_forged`
     */
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

    /**
     * The person gives up.
     *
     * @throws CodedError as {@link open}
     */
    async giveUp(form: SentForm): Promise<LeftSignIn> {
      const { returnTo } = await ofForm(form);
      await store.finish(pool, hashOfSecret(form.handle), clock.now());
      return { state: 'left', returnTo };
    },

    /**
     * One attempt by one method, with the challenge that was shown, which it uses up. Of any number at once, one begins a
     * session.
     *
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
      const counted = await store.countAttempt(handleHash, mostAttempts);
      if (counted.state === 'spent')
        throw authenticationErrors.error(
          'sign_in_attempts_spent',
          'There were too many attempts. Go back to the application and begin again.',
        );
      if (counted.shown === undefined) return afterAnother(handleHash, method, { fields, address });
      const { nonce, at: shownAt } = counted.shown;

      const { need } = signIn;
      const challenge = challengeOf(nonce, need.intents);
      const snapshot = directory.snapshot();
      const outcome = await method.attempt({
        fields,
        directory: snapshot,
        challenge,
        shownAt,
        need: narrowed(need, settings.tiers),
        person,
        address,
        handle: form.handle,
      });
      if (outcome.outcome === 'elsewhere') {
        await store.depart(handleHash, challenge);
        return { state: 'elsewhere', location: outcome.location };
      }
      return conclude({ handle: form.handle, signIn, method, outcome, nonce, proof: fields.get('device'), from: how });
    },

    /**
     * The same end for a method that sent the browser elsewhere ({@link MethodOutcome} `elsewhere`): in the browser that
     * the page was opened in, once for each departure.
     *
     * @throws CodedError as {@link open}; `method_not_available`; `challenge_unknown` when it has come back before, or was
     *   never sent away with this challenge; `log_unavailable`
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
          'This answer was used before, or belongs to another sign-in. Go back to the application and begin again.',
        );
      return conclude({ handle, signIn, method, outcome, nonce: challenge, proof: undefined, from });
    },
  };

  /** Another form of the same page is being judged, or was: a double click leads where the first one led. */
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

  /** The end of every attempt: of any number at once, one begins a session. */
  async function conclude(attempt: Judged): Promise<FinishedSignIn | LeftSignIn | RefusedSignIn> {
    const verdict = await judge(attempt);
    if (verdict.state === 'refused') return verdict;
    const { shown } = verdict;
    const { person, address, device, authenticator } = shown;
    const { returnTo } = attempt.signIn;
    const kind = kindOf(shown.tier);
    const handleHash = hashOfSecret(attempt.handle);
    const started = await transaction(pool, async (client): Promise<Started | undefined> => {
      if (inTime(await store.lock(client, handleHash), clock.now()).finished) return undefined;
      const session = await sessions.start(client, shown, attempt.from.secretOf);
      await store.finish(client, handleHash, clock.now());
      return session;
    });
    if (started === undefined) return { state: 'left', returnTo };
    // Whoever locks a person out ends the sessions that they see; this one was not to be seen before it was committed.
    if (await accounts?.isLocked(person)) {
      await sessions.end(started.session, 'account_locked');
      return refuse({ ...nobodyOf(attempt.method), person }, attempt, 'account_locked');
    }
    await risk
      ?.signedIn({ person, address, userAgent: attempt.from.userAgent, device, authenticator })
      .catch((error: unknown) => logger.warn({ error }, 'what is unusual about a sign-in could not be looked at'));
    return { state: 'finished', returnTo, kind, sessionSecret: started.secret };
  }
}

function notAvailable(): Error {
  return authenticationErrors.error('method_not_available', 'This way to sign in is not available here.');
}

function boundedIntents(intents: readonly Digest[]): readonly Digest[] {
  if (intents.length < 1 || intents.length > mostIntents) throw new Error('a sign-in is for 1 to 8 intents');
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
      'This sign-in does not exist, or is long over. Go back to the application and begin again.',
    );
  if (signIn.expiresAt <= now)
    throw authenticationErrors.error(
      'sign_in_expired',
      'This sign-in took too long and is over. Go back to the application and begin again.',
    );
  return signIn;
}

function forged(internal: string): Error {
  return authenticationErrors.error(
    'sign_in_forged',
    'This sign-in was opened in another browser, or its form was not sent by our page. Go back to the application and begin again.',
    { internal },
  );
}

function refusedAs(code: MethodRefusal['code'], detail: string): RefusedSignIn {
  return { state: 'refused', refusal: { outcome: 'refused', code, detail } };
}

/** Printable ASCII; anything else becomes a character that is in no identifier. */
function readable(text: string): string {
  return text.slice(0, 256).replace(/[^\x20-\x7e]/g, '\ufffd');
}
