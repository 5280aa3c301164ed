import type { AuditAppender, Directory, Institution, PrincipalId, SignIn } from '@countersign/contracts';
import { type Clock, newId, type Random, type SessionId } from '@countersign/kernel';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import type { Settings } from '../config.ts';
import { sessionEnded, sessionStarted } from '../records.ts';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import type { SessionStore, StoredSession } from './session-store.ts';
import { standingOf } from './standing.ts';

/** Being seen is written down at most this often: asking who is signed in mostly only reads. */
const touchEveryMs = 30_000;

export interface SessionDependencies {
  readonly pool: pg.Pool;
  readonly store: SessionStore;
  readonly audit: AuditAppender;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: Settings;
}

/** What a method has established, and where. */
export interface Shown {
  readonly person: PrincipalId;
  readonly institution: Institution;
  readonly method: string;
  readonly acr: string;
  readonly amr: readonly string[];
  readonly directoryVersion: number;
  readonly address: string | undefined;
  readonly zone?: string | undefined;
}

export type Sessions = ReturnType<typeof createSessions>;

/** Who is signed in where. A session stands while it is in time and its person may act. */
export function createSessions(dependencies: SessionDependencies) {
  const { pool, store, audit, directory, clock, random, logger, settings } = dependencies;

  async function end(id: SessionId, reason: string): Promise<void> {
    await transaction(pool, async (client) => {
      const session = await store.lockById(client, id);
      if (session === undefined) return;
      await endLocked(client, session, reason);
    });
  }

  async function endLocked(client: pg.PoolClient, session: StoredSession, reason: string): Promise<void> {
    await audit.append(sessionEnded(dependencies, session, reason));
    await store.markEnded(client, session.id, clock.now());
  }

  /** The session while its person may act; otherwise it ends, so that nobody finds it again when they come back. */
  async function whileStanding(session: StoredSession | undefined): Promise<StoredSession | undefined> {
    if (session === undefined) return undefined;
    const newest = directory.snapshot();
    const snapshot =
      newest.version >= session.directoryVersion ? newest : await directory.snapshotAtLeast(session.directoryVersion);
    const found = standingOf(snapshot, session.person);
    if (found.standing === 'may-act') return session;
    // The answer is no whether or not the end can be recorded now; it will be tried again when somebody asks again.
    await end(session.id, found.code).catch((error: unknown) =>
      logger.warn({ error, session: session.id }, 'a session of somebody who may not act could not be ended'),
    );
    return undefined;
  }

  return {
    end,

    /** The session that a browser's secret opens; being asked for keeps it from idling out. */
    async bySecret(secret: string | undefined): Promise<SignIn | undefined> {
      if (!isSecret(secret)) return undefined;
      const now = clock.now();
      const session = await whileStanding(await store.findBySecret(hashOfSecret(secret), now));
      if (session === undefined) return undefined;
      if (now - session.lastSeenAt >= touchEveryMs) await store.touch(session.id, now, now + settings.idleMs);
      return signInOf(session);
    },

    /**
     * Ends the sessions of whoever may not act any more. Where no browser comes back nobody else asks about them, and
     * the applications that they signed in to are waiting to be told.
     */
    async endOfTheBarred(): Promise<void> {
      for (const person of await store.people()) {
        if (standingOf(directory.snapshot(), person).standing === 'may-act') continue;
        for (const session of await store.findByPerson(person, clock.now())) await whileStanding(session);
      }
    },

    async endAllOf(person: PrincipalId, reason: string): Promise<number> {
      const standing = await store.findByPerson(person, clock.now());
      for (const { id } of standing) await end(id, reason);
      return standing.length;
    },

    async byId(id: SessionId): Promise<SignIn | undefined> {
      const session = await whileStanding(await store.findById(id, clock.now()));
      return session === undefined ? undefined : signInOf(session);
    },

    /**
     * Begins a session, in the caller's transaction. When the same person signs in again in a browser where they
     * are signed in, the session goes on with the new sign-in, so that what was given under it stays; a session of
     * somebody else in that browser ends. The secret is new in every case: one that was planted or seen before
     * the sign-in opens nothing after it.
     *
     * @param previousSecret from the browser's cookie
     * @returns the secret for the cookie
     */
    async start(client: pg.PoolClient, shown: Shown, previousSecret: string | undefined): Promise<string> {
      const now = clock.now();
      const previous = isSecret(previousSecret)
        ? await store.lockBySecret(client, hashOfSecret(previousSecret), now)
        : undefined;
      const goesOn = previous?.person === shown.person;
      if (previous !== undefined && !goesOn) await endLocked(client, previous, 'another_person_signed_in');
      const absoluteEndAt = now + settings.absoluteMs;
      const session: StoredSession = {
        id: goesOn ? previous.id : newId('session', { clock, random }),
        person: shown.person,
        acr: shown.acr,
        amr: shown.amr,
        authTime: now,
        lastSeenAt: now,
        absoluteEndAt,
        expiresAt: Math.min(now + settings.idleMs, absoluteEndAt),
        directoryVersion: shown.directoryVersion,
      };
      await audit.append(
        sessionStarted(dependencies, session, {
          institution: shown.institution.lei,
          method: shown.method,
          goesOn,
          address: shown.address,
          zone: shown.zone,
        }),
      );
      const secret = newSecret(random);
      await store.put(client, hashOfSecret(secret), session);
      return secret;
    },
  };
}

function signInOf({ id, person, acr, amr, authTime }: StoredSession): SignIn {
  return { session: id, person, acr, amr, authTime: Math.floor(authTime / 1000) };
}
