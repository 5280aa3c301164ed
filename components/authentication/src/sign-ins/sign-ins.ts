import { type AuditAppender, type Authentication, authenticationErrors, type Directory } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import { csrfTokenOf, matchesCsrfToken, transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Settings } from '../config.ts';
import type { MethodOutcome, SignInMethod } from '../methods/method.ts';
import { sessionRefused } from '../records.ts';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import type { Sessions } from '../sessions/sessions.ts';
import { standingOf } from '../sessions/standing.ts';
import { ownPath } from './return-to.ts';
import type { SignInStore, StoredSignIn } from './sign-in-store.ts';

/** Enough for a person who errs; of no use to a program that guesses. */
const mostAttempts = 10;

export interface SignInDependencies {
  readonly pool: pg.Pool;
  readonly store: SignInStore;
  readonly sessions: Sessions;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly settings: Settings;
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
}
/** Done, or given up: the browser goes back to where it came from. */
export interface LeftSignIn {
  readonly state: 'left';
  readonly returnTo: string;
}
/** The person is signed in; the secret is for the cookie. */
export interface FinishedSignIn {
  readonly state: 'finished';
  readonly returnTo: string;
  readonly sessionSecret: string;
}
type Refusal = Extract<MethodOutcome, { outcome: 'refused' }>;
export interface RefusedSignIn {
  readonly state: 'refused';
  readonly refusal: Refusal;
}

export type SignIns = ReturnType<typeof createSignIns>;

/** From being sent to sign in until being sent back. */
export function createSignIns(dependencies: SignInDependencies) {
  const { pool, store, sessions, audit, directory, clock, random, settings } = dependencies;

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
          ...(request.need.notBefore === undefined ? {} : { notBefore: request.need.notBefore }),
          ...(request.need.loginHint === undefined ? {} : { loginHint: readable(request.need.loginHint) }),
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
      const bound = isSecret(handle) ? await store.bind(hashOfSecret(handle), hashOfSecret(secret)) : undefined;
      const signIn = inTime(bound, clock.now());
      if (!belongsTo(signIn, secret)) throw forged('another browser');
      if (signIn.finished) return { state: 'left', returnTo: signIn.returnTo };
      const csrfToken = csrfTokenOf(secret, formOf(handle)).token;
      return { state: 'open', signIn, browserSecret: secret, csrfToken };
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
     * One attempt by one method. Of any number at once, one begins a session.
     *
     * @throws CodedError as {@link open}; `method_not_available`, `sign_in_attempts_spent`; `log_unavailable`
     */
    async attempt(
      form: SentForm,
      how: {
        readonly method: SignInMethod | undefined;
        readonly fields: ReadonlyMap<string, string>;
        readonly previousSecret: string | undefined;
        readonly address: string | undefined;
        readonly zone?: string | undefined;
      },
    ): Promise<FinishedSignIn | LeftSignIn | RefusedSignIn> {
      const signIn = await ofForm(form);
      if (signIn.finished) return { state: 'left', returnTo: signIn.returnTo };
      const { method, fields, previousSecret, address, zone } = how;
      if (method === undefined || !serves(method, signIn))
        throw authenticationErrors.error('method_not_available', 'This way to sign in is not available here.');
      const handleHash = hashOfSecret(form.handle);
      if ((await store.countAttempt(handleHash, mostAttempts)) === 'spent')
        throw authenticationErrors.error(
          'sign_in_attempts_spent',
          'There were too many attempts. Go back to the application and begin again.',
        );

      const snapshot = directory.snapshot();
      const outcome = await method.attempt(fields, snapshot);
      if (outcome.outcome === 'refused') return { state: 'refused', refusal: outcome };
      const found = standingOf(snapshot, outcome.person);
      if (found.standing === 'unknown') return refusedAs(found.code, 'This person is not in the directory.');
      if (found.standing === 'barred') {
        const { institution } = found.person;
        await audit.append(
          sessionRefused(dependencies, {
            person: outcome.person,
            institution,
            method: method.name,
            reason: found.code,
            address,
            zone,
          }),
        );
        return refusedAs(found.code, 'The registration (LEI) of the institution is not in good standing.');
      }

      return transaction(pool, async (client) => {
        const { returnTo, finished } = inTime(await store.lock(client, handleHash), clock.now());
        if (finished) return { state: 'left', returnTo };
        const { institution } = found;
        const { person, acr, amr } = outcome;
        const sessionSecret = await sessions.start(
          client,
          { person, institution, method: method.name, acr, amr, directoryVersion: snapshot.version, address, zone },
          previousSecret,
        );
        await store.finish(client, handleHash, clock.now());
        return { state: 'finished', returnTo, sessionSecret };
      });
    },
  };
}

/** Whether a sign-in by this method can be good enough for who asked. */
export function serves({ acrs }: SignInMethod, { need }: StoredSignIn): boolean {
  return need.acrValues.length === 0 || acrs.some((acr) => need.acrValues.includes(acr));
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

function refusedAs(code: Refusal['code'], detail: string): RefusedSignIn {
  return { state: 'refused', refusal: { outcome: 'refused', code, detail } };
}

/** Printable ASCII; anything else becomes a character that is in no identifier. */
function readable(text: string): string {
  return text.slice(0, 256).replace(/[^\x20-\x7e]/g, '\ufffd');
}
