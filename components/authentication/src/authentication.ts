import {
  type AuditAppender,
  type AuditLog,
  type Authentication,
  createStandingCheck,
  type DeviceProof,
  type Devices,
  type Directory,
  type Notices,
  type PersonSignals,
  type PrincipalId,
  type SignIn,
  type StandingReader,
} from '@countersign/contracts';
import { type Clock, CodedError, defined, type Random } from '@countersign/kernel';
import { cookieName, createRounds, type Logger, type Metrics, type RowSeal, readCookie } from '@countersign/runtime';
import type pg from 'pg';
import { createAuthenticators, type RunningAuthenticators } from './authenticators/authenticators.ts';
import { type AuthenticationConfiguration, type Settings, settingsOf } from './config.ts';
import { createMethods } from './methods/create-methods.ts';
import type { SignInMethod } from './methods/method.ts';
import type { Risk } from './risk/risk.ts';
import { createSessionStore } from './sessions/session-store.ts';
import { createSessions } from './sessions/sessions.ts';
import { createStepUpStore } from './sessions/step-up-store.ts';
import { kindOf, sessionCookieNameOf, sessionKinds } from './sessions/tiers.ts';
import { createFailureAlarm } from './sign-ins/failure-alarm.ts';
import { createSignInLimits, type SignInLimits } from './sign-ins/sign-in-limits.ts';
import { createSignInStore } from './sign-ins/sign-in-store.ts';
import { createSignIns, type SignIns } from './sign-ins/sign-ins.ts';

export interface AuthenticationDependencies {
  readonly pool: pg.Pool;
  readonly audit: AuditAppender & StandingReader & Pick<AuditLog, 'query' | 'find'>;
  /** Seals rows that a later step of a sign-in relies on. */
  readonly rowSeal: RowSeal;
  readonly directory: Pick<Directory, 'snapshot' | 'snapshotAtLeast'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: AuthenticationConfiguration;
  /** Without managed devices no tier can require a device. */
  readonly devices?: Pick<Devices, 'recognise' | 'requireFit'>;
  readonly deviceProof?: DeviceProof;
  readonly risk?: Pick<Risk, 'signedIn' | 'failed'>;
  readonly signals?: Pick<PersonSignals, 'raise' | 'clear'>;
  readonly notices?: Notices;
  /** Ends tokens and consents of a locked-out person. Idempotent. */
  readonly cutOff?: (person: PrincipalId, reason: string) => Promise<unknown>;
  /** If the configuration names these methods. */
  readonly certificate?: SignInMethod;
  readonly card?: SignInMethod;
  readonly federated?: SignInMethod;
  readonly metrics?: Pick<Metrics, 'counter'>;
  /** Default 60 seconds. */
  readonly sweepEveryMs?: number;
}

export interface RunningAuthentication extends Authentication {
  /** For the pages. */
  readonly signIns: SignIns;
  readonly methods: readonly SignInMethod[];
  readonly settings: Settings;
  readonly authenticators: RunningAuthenticators;
  readonly limits: SignInLimits;
  readonly deviceProof: DeviceProof | undefined;
  /** Removes expired rows and ends sessions of people who may no longer act; also runs by itself. @returns rows removed */
  sweep(): Promise<number>;
  stop(): Promise<void>;
}

const sliceSize = 1_000;
/** Tolerated difference between the clocks of two nodes. */
const clockDifferenceMs = 60_000;

/** Sign-in of people and their sessions. @throws CodedError `configuration_invalid`; `configuration_unsafe` for a method that this environment refuses */
export function createAuthentication(dependencies: AuthenticationDependencies): RunningAuthentication {
  const { pool, clock, logger } = dependencies;
  const settings = settingsOf(dependencies.config);
  const { devices, deviceProof, risk, metrics } = dependencies;
  requireDevices(settings, devices);
  const sessionStore = createSessionStore(pool);
  const signInStore = createSignInStore(pool);
  const stepUps = createStepUpStore(pool);
  const standings = createStandingCheck({ ...dependencies, log: dependencies.audit, source: 'authentication' });
  const sessions = createSessions({ ...dependencies, standings, store: sessionStore, stepUps, settings });
  const authenticators = createAuthenticators({
    ...dependencies,
    standings,
    settings,
    config: settings.authenticators,
    endUnbacked: (person) => sessions.endUnbacked(person),
    async cutOff(person, reason) {
      await sessions.endAllOf(person, reason);
      await dependencies.cutOff?.(person, reason);
    },
  });
  const methods = createMethods(settings.methods, {
    ...settings,
    authenticators,
    ...defined({
      certificate: dependencies.certificate,
      card: dependencies.card,
      federated: dependencies.federated,
    }),
  });
  const alarm = createFailureAlarm({ clock, logger, metrics });
  const limits = createSignInLimits(clock, settings.limits);
  const signIns = createSignIns({
    ...{ ...dependencies, store: signInStore, sessions, settings, alarm, accounts: authenticators },
    ...defined({ risk }),
  });

  async function sweep(): Promise<number> {
    const before = clock.now() - clockDifferenceMs;
    let removed = 0;
    for (const store of [signInStore, stepUps, sessionStore, authenticators])
      for (;;) {
        // In slices, because a long delete would delay sign-ins.
        const slice = await store.deleteExpired(before, sliceSize);
        removed += slice;
        if (slice < sliceSize) break;
      }
    await sessions.endUnbacked();
    await sessions.endIneligible();
    return removed;
  }
  const rounds = createRounds({
    ...{ what: 'expired sign-ins', logger, everyMs: dependencies.sweepEveryMs ?? 60_000 },
    work: async () => void (await sweep()),
  });

  return {
    current: async (cookieHeader, { tier = 'market-data', intents } = {}) => {
      const secret = readCookie(cookieHeader, cookieName(sessionCookieNameOf(kindOf(tier)), settings));
      return sessions.bySecret(secret, { tier, intents });
    },
    classesFor: (tier) => settings.tiers[tier].acrValues,
    async inBrowser(cookieHeader) {
      const found: SignIn[] = [];
      for (const kind of sessionKinds) {
        const secret = readCookie(cookieHeader, cookieName(sessionCookieNameOf(kind), settings));
        const tier = kind === 'reading' ? 'market-data' : kind;
        const signIn = await sessions.bySecret(secret, { tier }, 'any-strength');
        if (signIn !== undefined) found.push(signIn);
      }
      return found;
    },
    sessionsOf: (person) => sessions.listOf(person),
    async begin(request) {
      limits.requireToBegin(request.address);
      return signIns.begin(request);
    },
    session: (id) => sessions.byId(id),
    end: (id, reason, by) => sessions.end(id, reason, by),
    endAllOf: (person, reason, by) => sessions.endAllOf(person, reason, by),
    signIns,
    methods,
    settings,
    authenticators,
    limits,
    deviceProof,
    sweep,
    stop: rounds.stop,
  };
}

/** @throws CodedError `configuration_invalid` if a tier requires a device and the installation manages none */
function requireDevices({ tiers }: Settings, devices: AuthenticationDependencies['devices']): void {
  if (devices === undefined && Object.values(tiers).some(({ deviceRequired }) => deviceRequired))
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: 'A tier requires a managed device, but this installation does not manage devices.',
    });
}
