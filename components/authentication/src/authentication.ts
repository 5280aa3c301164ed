import type { AuditAppender, Authentication, Directory } from '@countersign/contracts';
import type { Clock, Random } from '@countersign/kernel';
import { cookieName, type Logger, readCookie } from '@countersign/runtime';
import type pg from 'pg';
import { type AuthenticationConfiguration, type Settings, settingsOf } from './config.ts';
import { createMethods } from './methods/index.ts';
import type { SignInMethod } from './methods/method.ts';
import { createSessionStore } from './sessions/session-store.ts';
import { createSessions } from './sessions/sessions.ts';
import { createSignInStore } from './sign-ins/sign-in-store.ts';
import { createSignIns, type SignIns } from './sign-ins/sign-ins.ts';

export interface AuthenticationDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: AuthenticationConfiguration;
  /** Default 60 seconds. */
  readonly sweepEveryMs?: number;
}

export interface RunningAuthentication extends Authentication {
  /** What the pages do. */
  readonly signIns: SignIns;
  readonly methods: readonly SignInMethod[];
  readonly settings: Settings;
  /** Removes what is over, and ends the sessions of whoever may not act any more; runs by itself. @returns rows removed */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

/** The cookie that a session is found by. */
export const sessionCookieName = 'session';

const sliceSize = 1_000;
/** Kept for a minute beyond its end, for a node whose clock is behind. */
const clockDifferenceMs = 60_000;

/**
 * Who a person is, in which browser, and for how long.
 *
 * @throws CodedError `configuration_invalid`; `configuration_unsafe` for a sign-in method that this environment refuses
 */
export function createAuthentication(dependencies: AuthenticationDependencies): RunningAuthentication {
  const { pool, clock, logger } = dependencies;
  const settings = settingsOf(dependencies.config);
  const methods = createMethods(settings.methods, settings);
  const sessionStore = createSessionStore(pool);
  const signInStore = createSignInStore(pool);
  const sessions = createSessions({ ...dependencies, store: sessionStore, settings });
  const signIns = createSignIns({ ...dependencies, store: signInStore, sessions, settings });

  async function sweep(): Promise<number> {
    const before = clock.now() - clockDifferenceMs;
    let removed = 0;
    for (const store of [signInStore, sessionStore])
      for (;;) {
        // In slices: a long delete would hold back the vacuum and whoever signs in meanwhile.
        const slice = await store.deleteExpired(before, sliceSize);
        removed += slice;
        if (slice < sliceSize) break;
      }
    await sessions.endOfTheBarred();
    return removed;
  }
  let sweeping: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    sweeping = sweep().catch((error: unknown) =>
      logger.warn({ error }, 'sign-ins that are over could not be ended and removed'),
    );
  }, dependencies.sweepEveryMs ?? 60_000);
  timer.unref();

  return {
    current: (cookieHeader) => sessions.bySecret(readCookie(cookieHeader, cookieName(sessionCookieName, settings))),
    begin: (request) => signIns.begin(request),
    session: (id) => sessions.byId(id),
    end: (id, reason) => sessions.end(id, reason),
    endAllOf: (person, reason) => sessions.endAllOf(person, reason),
    signIns,
    methods,
    settings,
    sweep,
    async stop() {
      clearInterval(timer);
      await sweeping;
    },
  };
}
