import type {
  Actor,
  AuditAppender,
  Directory,
  Institution,
  ListedSession,
  PrincipalId,
  SignIn,
  StandingCheck,
} from '@countersign/contracts';
import {
  type AuthenticatorId,
  type Clock,
  type Digest,
  defined,
  newId,
  type Random,
  type SessionId,
  toInstant,
} from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { authenticatorThing, lockThing } from '../authenticators/row-claims.ts';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import { standingOf } from '../standing.ts';
import { sessionClaim, sessionEnded, sessionStarted, sessionSteppedUp, stepUpClaim } from './records.ts';
import type { OpenSession, SessionStore, StoredSession } from './session-store.ts';
import type { StepUp, StepUpStore } from './step-up-store.ts';
import { kindOf, type SessionKind, sessionKinds, suffices, type TierRules, tierReached } from './tiers.ts';

/** The clock of another node may be this far ahead of ours. */
const clockDifferenceMs = 60_000;
/** `last_seen_at` is written at most this often, so that most requests only read. */
const touchEveryMs = 30_000;
const unbackedAtOnce = 100;

export interface SessionDependencies {
  readonly pool: pg.Pool;
  readonly store: SessionStore;
  readonly stepUps: StepUpStore;
  readonly audit: AuditAppender;
  readonly standings: StandingCheck;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly settings: { readonly tiers: TierRules; readonly stepUpMs: number };
}

/** A successful sign-in: who, how and where. */
export interface Shown {
  readonly person: PrincipalId;
  readonly institution: Institution;
  readonly method: string;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Milliseconds since the epoch, where it was not now. */
  readonly authTime?: number | undefined;
  /** The tier of the session that it starts. */
  readonly tier: Tier;
  readonly device: string | undefined;
  readonly authenticator: AuthenticatorId | undefined;
  readonly issuer: string | undefined;
  /** SHA-256 of the certificate that was shown, base64url. */
  readonly certificate: string | undefined;
  readonly directoryVersion: number;
  readonly address: string | undefined;
  readonly zone?: string | undefined;
  /** The browser and its address, in words. */
  readonly described: string | undefined;
  /** The intents that it was made for, and the code of the reason: then it is a step-up of the session. */
  readonly stepUp?: {
    readonly intents: readonly Digest[];
    readonly reason: string | undefined;
    readonly nonce: string;
  };
}

/** The session that a sign-in started or continued. */
export interface Started {
  readonly session: SessionId;
  /** For the cookie; none where a step-up leaves the session and its cookie as they are. */
  readonly secret: string | undefined;
}

export type Sessions = ReturnType<typeof createSessions>;

/** Sessions. A session is valid until it expires and while its person may act. */
export function createSessions(dependencies: SessionDependencies) {
  const { pool, store, stepUps, audit, standings, directory, clock, random, logger, settings } = dependencies;

  async function end(id: SessionId, reason: string, by?: Actor): Promise<void> {
    await transaction(pool, async (client) => {
      const session = await store.lockById(client, id);
      if (session === undefined) return;
      await endLocked(client, session, reason, by);
    });
  }

  async function endLocked(client: pg.PoolClient, session: StoredSession, reason: string, by?: Actor): Promise<void> {
    await audit.append(sessionEnded(dependencies, session, reason, by));
    await store.markEnded(client, session.id, clock.now());
  }

  /** Returns the session while its person may act; otherwise ends it. */
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

  /** Whether the log confirms the session, its account is not locked, and the key that started it is still active. */
  async function isProven({ session, secretHash }: OpenSession): Promise<boolean> {
    const { person, authenticator } = session;
    const key = authenticator === undefined ? [] : [authenticatorThing(authenticator)];
    const [holds, standing] = await Promise.all([
      standings.holds(sessionClaim(session, secretHash)),
      standings.standing([lockThing(person), ...key]),
    ]);
    return holds && !standing.has(lockThing(person)) && key.every((thing) => standing.has(thing));
  }

  async function provenStepUp(made: StepUp): Promise<StepUp | undefined> {
    const key = made.authenticator === undefined ? [] : [authenticatorThing(made.authenticator)];
    const [holds, standing] = await Promise.all([standings.holds(stepUpClaim(made)), standings.standing(key)]);
    return holds && key.every((thing) => standing.has(thing)) ? made : undefined;
  }

  return {
    end,

    /**
     * The session that a browser's secret opens; being asked for keeps it from idling out. A secret opens a session of
     * its own kind alone, from whichever cookie it comes.
     *
     * @param asking who only looks at what stands in a browser keeps nothing from idling out
     */
    async bySecret(
      secret: string | undefined,
      need: { readonly tier: Tier; readonly intents?: readonly Digest[] | undefined },
      asking: 'for-it' | 'what-stands' = 'for-it',
    ): Promise<SignIn | undefined> {
      if (!isSecret(secret)) return undefined;
      const now = clock.now();
      const found = await store.findBySecret(hashOfSecret(secret), now);
      if (found === undefined || liesAhead(found.session, now)) return undefined;
      if (!servesTier(found.session, need.tier) || !(await isProven(found))) return undefined;
      const session = await whileStanding(found.session);
      if (session === undefined) return undefined;
      if (asking === 'for-it' && now - session.lastSeenAt >= touchEveryMs)
        await store.touch(session.id, now, now + settings.tiers[session.tier].idleMs);
      if (need.intents === undefined || need.intents.length === 0) return signInOf(session);
      const made = await stepUps.find(session.id, need.intents, now);
      const counts = made !== undefined && made.authTime <= now + clockDifferenceMs;
      return signInOf(session, counts ? await provenStepUp(made) : undefined);
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

    /**
     * Ends what stands on a lock that fell or a key that is gone, of one person or of anybody. It opens nothing as it is;
     * its end is recorded so that the applications that wait for it are told.
     */
    async endUnbacked(person?: PrincipalId): Promise<void> {
      for (;;) {
        const unbacked = await store.findUnbacked(person, unbackedAtOnce);
        for (const { id, reason } of unbacked) await end(id, reason);
        if (unbacked.length < unbackedAtOnce) return;
      }
    },

    async endAllOf(person: PrincipalId, reason: string, by?: Actor): Promise<number> {
      const standing = await store.findByPerson(person, clock.now());
      for (const { id } of standing) await end(id, reason, by);
      return standing.length;
    },

    /** The open sessions of one person, newest first. */
    async listOf(person: PrincipalId): Promise<readonly ListedSession[]> {
      const standing = await store.findByPerson(person, clock.now());
      return standing.map((session) => ({
        session: session.id,
        person: session.person,
        acr: session.acr,
        tier: session.tier,
        startedAt: toInstant(session.createdAt),
        lastSeenAt: toInstant(session.lastSeenAt),
        endsAt: toInstant(session.absoluteEndAt),
        ...defined({ device: session.device, where: session.described }),
      }));
    },

    async byId(id: SessionId): Promise<SignIn | undefined> {
      const now = clock.now();
      const found = await store.findById(id, now);
      if (found === undefined || liesAhead(found.session, now) || !(await isProven(found))) return undefined;
      const session = await whileStanding(found.session);
      return session === undefined ? undefined : signInOf(session);
    },

    /**
     * Begins a session, in the caller's transaction. When the same person signs in again in a browser where they
     * are signed in, the session goes on with the new sign-in, so that what was given under it stays; a session of
     * somebody else in that browser ends. The secret is new in every case: one that was planted or seen before
     * the sign-in opens nothing after it.
     *
     * A sign-in for intents of a person who is signed in here already is a step-up: it leaves the session as it is, and
     * counts for these intents alone.
     *
     * @param secretOf from the browser's cookie for a kind of session. Whichever belong to somebody else end: whoever sits
     *   down at a shared desk does not go on with what the last one was let into.
     */
    async start(
      client: pg.PoolClient,
      shown: Shown,
      secretOf: (kind: SessionKind) => string | undefined,
    ): Promise<Started> {
      const now = clock.now();
      let own: StoredSession | undefined;
      for (const kind of sessionKinds) {
        const secret = secretOf(kind);
        if (!isSecret(secret)) continue;
        const found = (await store.lockBySecret(client, hashOfSecret(secret), now))?.session;
        if (found === undefined || kindOf(found.tier) !== kind) continue;
        if (kind === kindOf(shown.tier)) own = found;
        else if (found.person !== shown.person) await endLocked(client, found, 'another_person_signed_in');
      }
      const previous = own;
      const samePerson = previous?.person === shown.person;
      const standing = previous !== undefined && samePerson && !liesAhead(previous, now);
      if (standing && shown.stepUp !== undefined && servesTier(previous, shown.tier)) {
        await stepUp(client, previous.id, shown, shown.stepUp);
        return { session: previous.id, secret: undefined };
      }
      // What a weaker sign-in was given stays the weaker one's: a session goes on only within its tier.
      const tier = tierReached(shown.tier, shown.acr, settings.tiers);
      const goesOn = previous !== undefined && samePerson && previous.tier === tier;
      if (previous !== undefined && !goesOn)
        await endLocked(client, previous, samePerson ? 'tier_changed' : 'another_person_signed_in');
      const absoluteEndAt = now + settings.tiers[tier].absoluteMs;
      const session: StoredSession = {
        id: goesOn ? previous.id : newId('session', { clock, random }),
        person: shown.person,
        acr: shown.acr,
        amr: shown.amr,
        authTime: shown.authTime ?? now,
        lastSeenAt: now,
        absoluteEndAt,
        expiresAt: Math.min(now + settings.tiers[tier].idleMs, absoluteEndAt),
        directoryVersion: shown.directoryVersion,
        tier,
        device: shown.device,
        authenticator: shown.authenticator,
        issuer: shown.issuer,
        described: shown.described,
      };
      const secret = newSecret(random);
      const secretHash = hashOfSecret(secret);
      await audit.append(
        sessionStarted(dependencies, session, {
          secretHash,
          institution: shown.institution.lei,
          method: shown.method,
          goesOn,
          address: shown.address,
          zone: shown.zone,
          certificate: shown.certificate,
        }),
      );
      await store.put(client, secretHash, session);
      if (shown.stepUp !== undefined) await stepUp(client, session.id, shown, shown.stepUp);
      return { session: session.id, secret };
    },
  };

  /** Whether the session is of the requested kind and its class satisfies the current configuration. */
  function servesTier(session: StoredSession, tier: Tier): boolean {
    if (kindOf(session.tier) !== kindOf(tier) || !suffices(settings.tiers[session.tier], session.acr)) return false;
    return session.tier === tier || tier === 'market-data';
  }

  async function stepUp(
    client: pg.PoolClient,
    session: SessionId,
    shown: Shown,
    { intents, reason, nonce }: NonNullable<Shown['stepUp']>,
  ): Promise<void> {
    const now = clock.now();
    const made: StepUp = {
      session,
      intents: [...intents].sort(),
      acr: shown.acr,
      amr: shown.amr,
      authTime: shown.authTime ?? now,
      expiresAt: now + settings.stepUpMs,
      authenticator: shown.authenticator,
    };
    await audit.append(
      sessionSteppedUp(dependencies, made, {
        person: shown.person,
        institution: shown.institution.lei,
        method: shown.method,
        tier: shown.tier,
        device: shown.device,
        address: shown.address,
        zone: shown.zone,
        intents,
        reason,
        nonce,
      }),
    );
    await stepUps.put(client, made);
  }
}

/**
 * Whether the session was begun, or used, at a time that has not come yet: the clock was ahead then, and nobody can tell how
 * old it is. The person signs in again, and it goes on with that sign-in.
 */
function liesAhead({ authTime, lastSeenAt }: StoredSession, now: number): boolean {
  return Math.max(authTime, lastSeenAt) > now + clockDifferenceMs;
}

/** With a step-up, class and time are those of its assertion and count for its intents only. */
function signInOf(session: StoredSession, stepUp?: StepUp): SignIn {
  const { acr, amr, authTime, authenticator } = stepUp ?? session;
  return {
    session: session.id,
    person: session.person,
    acr,
    amr,
    authTime: Math.floor(authTime / 1000),
    tier: session.tier,
    ...defined({ device: session.device, authenticator }),
    ...(session.issuer === undefined || stepUp !== undefined ? {} : { issuer: session.issuer }),
    ...(stepUp === undefined ? {} : { boundTo: stepUp.intents }),
  };
}
