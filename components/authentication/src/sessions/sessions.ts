import type {
  Actor,
  AuditAppender,
  Directory,
  ListedSession,
  PrincipalId,
  SignIn,
  StandingCheck,
} from '@countersign/contracts';
import { type Clock, type Digest, defined, newId, type Random, type SessionId, toInstant } from '@countersign/kernel';
import type { Tier } from '@countersign/market';
import { type Logger, transaction } from '@countersign/runtime';
import type pg from 'pg';
import { authenticatorThing, lockThing } from '../authenticators/row-claims.ts';
import { hashOfSecret, isSecret, newSecret } from '../secret.ts';
import { eligibilityOf } from '../standing.ts';
import {
  sessionClaim,
  sessionEnded,
  sessionStarted,
  sessionSteppedUp,
  stepUpClaim,
  type VerifiedSignIn,
} from './records.ts';
import type { OpenSession, SessionStore, StoredSession } from './session-store.ts';
import type { StepUp, StepUpStore } from './step-up-store.ts';
import { kindOf, type SessionKind, sessionKinds, suffices, type TierRules, tierReached } from './tiers.ts';

const clockDifferenceMs = 60_000;
/** `last_seen_at` is written at most this often. */
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

export interface Started {
  readonly session: SessionId;
  /** For the cookie; a step-up sets none. */
  readonly secret: string | undefined;
}

export type Sessions = ReturnType<typeof createSessions>;

/** A session is valid until it expires and while its person may act. */
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
  async function whileEligible(session: StoredSession | undefined): Promise<StoredSession | undefined> {
    if (session === undefined) return undefined;
    const newest = directory.snapshot();
    const snapshot =
      newest.version >= session.directoryVersion ? newest : await directory.snapshotAtLeast(session.directoryVersion);
    const found = eligibilityOf(snapshot, session.person);
    if (found.status === 'eligible') return session;
    // Refused even if the end cannot be recorded now; the next request tries again.
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
     * The session of a browser's secret. A secret opens only a session of its own kind, whichever cookie it comes from.
     * @param asking `any-strength` does not extend the idle time
     */
    async bySecret(
      secret: string | undefined,
      need: { readonly tier: Tier; readonly intents?: readonly Digest[] | undefined },
      asking: 'for-it' | 'any-strength' = 'for-it',
    ): Promise<SignIn | undefined> {
      if (!isSecret(secret)) return undefined;
      const now = clock.now();
      const found = await store.findBySecret(hashOfSecret(secret), now);
      if (found === undefined || isFromTheFuture(found.session, now)) return undefined;
      if (!servesTier(found.session, need.tier) || !(await isProven(found))) return undefined;
      const session = await whileEligible(found.session);
      if (session === undefined) return undefined;
      if (asking === 'for-it' && now - session.lastSeenAt >= touchEveryMs)
        await store.touch(session.id, now, now + settings.tiers[session.tier].idleMs);
      if (need.intents === undefined || need.intents.length === 0) return signInOf(session);
      const made = await stepUps.find(session.id, need.intents, now);
      const counts = made !== undefined && made.authTime <= now + clockDifferenceMs;
      return signInOf(session, counts ? await provenStepUp(made) : undefined);
    },

    /** Ends the sessions of people who may no longer act, so that applications are notified even if no browser comes back. */
    async endIneligible(): Promise<void> {
      for (const person of await store.people()) {
        if (eligibilityOf(directory.snapshot(), person).status === 'eligible') continue;
        for (const session of await store.findByPerson(person, clock.now())) await whileEligible(session);
      }
    },

    /**
     * Ends the sessions, of one person or of all, whose account is locked or whose key is gone. They open nothing anyway; the
     * record of the end notifies applications.
     */
    async endUnbacked(person?: PrincipalId): Promise<void> {
      for (;;) {
        const unbacked = await store.findUnbacked(person, unbackedAtOnce);
        for (const { id, reason } of unbacked) await end(id, reason);
        if (unbacked.length < unbackedAtOnce) return;
      }
    },

    async endAllOf(person: PrincipalId, reason: string, by?: Actor): Promise<number> {
      const open = await store.findByPerson(person, clock.now());
      for (const { id } of open) await end(id, reason, by);
      return open.length;
    },

    async listOf(person: PrincipalId): Promise<readonly ListedSession[]> {
      const open = await store.findByPerson(person, clock.now());
      return open.map(({ id: session, acr, tier, device, described: where, createdAt, lastSeenAt, absoluteEndAt }) => ({
        session,
        person,
        acr,
        tier,
        startedAt: toInstant(createdAt),
        lastSeenAt: toInstant(lastSeenAt),
        endsAt: toInstant(absoluteEndAt),
        ...defined({ device, where }),
      }));
    },

    async byId(id: SessionId): Promise<SignIn | undefined> {
      const now = clock.now();
      const found = await store.findById(id, now);
      if (found === undefined || isFromTheFuture(found.session, now) || !(await isProven(found))) return undefined;
      const session = await whileEligible(found.session);
      return session === undefined ? undefined : signInOf(session);
    },

    /**
     * Starts a session in the caller's transaction. If the same person signs in again in this browser, the session continues with
     * a new secret, because the old one may have been planted or seen. Sessions of other people in the browser end: desks are shared.
     * A sign-in for intents in an existing session is a step-up: the session is unchanged and the step-up counts for these intents.
     * @param secretOf from the browser's cookie for a kind of session
     */
    async start(
      client: pg.PoolClient,
      verified: VerifiedSignIn,
      secretOf: (kind: SessionKind) => string | undefined,
    ): Promise<Started> {
      const now = clock.now();
      let own: StoredSession | undefined;
      for (const kind of sessionKinds) {
        const secret = secretOf(kind);
        if (!isSecret(secret)) continue;
        const found = (await store.lockBySecret(client, hashOfSecret(secret), now))?.session;
        if (found === undefined || kindOf(found.tier) !== kind) continue;
        if (kind === kindOf(verified.tier)) own = found;
        else if (found.person !== verified.person) await endLocked(client, found, 'another_person_signed_in');
      }
      const previous = own;
      const samePerson = previous?.person === verified.person;
      const continues = previous !== undefined && samePerson && !isFromTheFuture(previous, now);
      if (continues && verified.stepUp !== undefined && servesTier(previous, verified.tier)) {
        await stepUp(client, previous.id, verified, verified.stepUp);
        return { session: previous.id, secret: undefined };
      }
      // A session continues only within its tier, so a weaker sign-in does not inherit more.
      const tier = tierReached(verified.tier, verified.acr, settings.tiers);
      const goesOn = previous !== undefined && samePerson && previous.tier === tier;
      if (previous !== undefined && !goesOn)
        await endLocked(client, previous, samePerson ? 'tier_changed' : 'another_person_signed_in');
      const absoluteEndAt = now + settings.tiers[tier].absoluteMs;
      const { person, acr, amr, device, authenticator, issuer, described, directoryVersion } = verified;
      const session: StoredSession = {
        ...{ person, acr, amr, tier, device, authenticator, issuer, described, directoryVersion },
        id: goesOn ? previous.id : newId('session', { clock, random }),
        authTime: verified.authTime ?? now,
        lastSeenAt: now,
        absoluteEndAt,
        expiresAt: Math.min(now + settings.tiers[tier].idleMs, absoluteEndAt),
      };
      const secret = newSecret(random);
      const secretHash = hashOfSecret(secret);
      await audit.append(sessionStarted(dependencies, session, { ...verified, secretHash, goesOn }));
      await store.put(client, secretHash, session);
      if (verified.stepUp !== undefined) await stepUp(client, session.id, verified, verified.stepUp);
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
    verified: VerifiedSignIn,
    { intents, reason, nonce }: NonNullable<VerifiedSignIn['stepUp']>,
  ): Promise<void> {
    const now = clock.now();
    const { acr, amr, authenticator } = verified;
    const made: StepUp = {
      session,
      intents: [...intents].sort(),
      acr,
      amr,
      authTime: verified.authTime ?? now,
      expiresAt: now + settings.stepUpMs,
      authenticator,
    };
    await audit.append(sessionSteppedUp(dependencies, made, { ...verified, intents, reason, nonce }));
    await stepUps.put(client, made);
  }
}

/** The clock was ahead when the session was used, so its age is unknown. The person signs in again. */
function isFromTheFuture({ authTime, lastSeenAt }: StoredSession, now: number): boolean {
  return Math.max(authTime, lastSeenAt) > now + clockDifferenceMs;
}

/** With a step-up, class and time are those of its assertion and count for its intents only. */
function signInOf({ id: session, person, tier, device, issuer, ...own }: StoredSession, stepUp?: StepUp): SignIn {
  const { acr, amr, authTime, authenticator } = stepUp ?? own;
  return {
    session,
    person,
    acr,
    amr,
    authTime: Math.floor(authTime / 1000),
    tier,
    ...defined({ device, authenticator, issuer: stepUp === undefined ? issuer : undefined, boundTo: stepUp?.intents }),
  };
}
