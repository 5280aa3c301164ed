import { readFile } from 'node:fs/promises';
import {
  type AuditAppender,
  type AuditLog,
  appendOnce,
  type Directory,
  type Notices,
  type PersonSignal,
  type PersonSignals,
  type PrincipalId,
} from '@countersign/contracts';
import {
  type AuthenticatorId,
  type Clock,
  CodedError,
  newId,
  parseInstant,
  type Random,
  sha256,
} from '@countersign/kernel';
import {
  type ComponentAccess,
  createSweeper,
  keepFresh,
  type Logger,
  networkOf,
  transaction,
} from '@countersign/runtime';
import type pg from 'pg';
import { aboutPerson } from '../authenticators/records.ts';
import { describedBrowser } from '../described-browser.ts';
import { en } from '../texts/en.ts';
import { type RiskConfiguration, riskSettingsOf } from './config.ts';
import { createHistoryStore, type Trait } from './history-store.ts';
import { type Networks, noNetworks, parseNetworks } from './networks.ts';
import { longestSignalMs } from './recorded-signals.ts';
import { signalCleared, signalRaised } from './records.ts';
import { createSignalMemory } from './signal-memory.ts';
import { createSignalStore, type StoredSignal, signalsChannel } from './signal-store.ts';
import { isImpossible } from './travel.ts';

export interface RiskDependencies {
  readonly pool: pg.Pool;
  /** To listen for signals of other nodes. */
  readonly access: ComponentAccess;
  readonly audit: AuditAppender & Pick<AuditLog, 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config?: RiskConfiguration | undefined;
  readonly notices?: Notices | undefined;
}

interface Finding extends Pick<StoredSignal, 'name' | 'until'> {
  readonly name: Extract<PersonSignal, 'impossible-travel' | 'device-new' | 'failed-attempts'>;
  readonly why: string;
}

/** Ended signals are kept for nodes whose clocks are behind. */
const keepEndedMs = 24 * 3_600_000;

/** @throws CodedError `configuration_invalid` for a file of networks that cannot be read; `database_unavailable` */
export async function createRisk(dependencies: RiskDependencies): Promise<Risk> {
  const { pool, access, audit, directory, clock, logger, notices } = dependencies;
  const settings = riskSettingsOf(dependencies.config);
  const networks = await networksOf(settings.networksFile);
  const store = createSignalStore(pool);
  const history = createHistoryStore(pool);
  const memory = createSignalMemory(store, clock);
  const following = await keepFresh({
    ...{ access, logger, channel: signalsChannel, pollMs: 1_000 },
    refresh: () => memory.refresh(),
  });
  const sweeper = createSweeper({
    what: 'history of sign-ins',
    logger,
    everyMs: 60_000,
    async removeSlice(limit) {
      const now = clock.now();
      const signals = await store.deleteExpired(now - keepEndedMs, limit);
      return Math.max(signals, await history.deleteOlder(now - settings.rememberMs, limit));
    },
  });

  /** Records first, then stores, in the caller's transaction. */
  async function raiseIn(
    client: pg.PoolClient,
    person: PrincipalId,
    raised: readonly (Pick<StoredSignal, 'name' | 'until'> & { readonly why: string })[],
  ): Promise<void> {
    const about = aboutPerson(directory, person);
    const stored: StoredSignal[] = [];
    for (const signal of raised) {
      // A shorter signal does not shorten a longer one.
      const was = await store.endOf(client, person, signal.name);
      const until = Math.max(signal.until, was ?? 0);
      await appendOnce(audit, signalRaised(dependencies, about, { ...signal, until, was }));
      stored.push({ person, name: signal.name, until });
    }
    await store.put(client, stored);
  }

  async function alone<Result>(person: PrincipalId, work: (client: pg.PoolClient) => Promise<Result>): Promise<Result> {
    const result = await transaction(pool, async (client) => {
      await store.lockPerson(client, person);
      return work(client);
    });
    // Other nodes are notified, and poll every second.
    await memory.refresh().catch((error: unknown) => logger.warn({ error }, 'signals could not be read again'));
    return result;
  }

  async function findingsOf(client: pg.PoolClient, seen: SeenSignIn): Promise<readonly Finding[]> {
    const { person, address } = seen;
    const now = clock.now();
    const unusual: Finding[] = [];
    const place = address === undefined ? undefined : networks.placeOf(address);
    if (place !== undefined) {
      const before = await history.move(client, person, { ...place, at: now });
      if (before !== undefined && isImpossible(before, { ...place, at: now }, settings.travel))
        unusual.push({
          name: 'impossible-travel',
          until: now + settings.impossibleTravelMs,
          why: `signed in from ${place.country} too soon after the sign-in before, from far away`,
        });
    }
    const traits = traitsOf(seen);
    const known = await history.traits(client, person, now - settings.rememberMs);
    await history.see(client, person, traits, now);
    const strange = traits.filter(
      (trait) => !known.some(({ kind, hash }) => kind === trait.kind && hash.equals(trait.hash)),
    );
    // Without history everything is new, so the first sign-in raises no signal.
    if (known.length > 0 && strange.length > 0)
      unusual.push({
        name: 'device-new',
        until: now + settings.deviceNewMs,
        why: `signed in with a new ${strange.map(({ kind }) => (kind === 'place' ? 'device or network' : 'key')).join(' and a new ')}: ${whereOf(seen)}`,
      });
    return unusual;
  }

  /** A failed notice does not affect the signal. */
  async function notify(person: PrincipalId, unusual: readonly Finding[], where: string): Promise<void> {
    for (const { name } of unusual) {
      if (name === 'failed-attempts') continue;
      const kind = name === 'device-new' ? 'signed-in-on-new-device' : name;
      const text = name === 'device-new' ? en.notices.newDevice(where) : en.notices.impossibleTravel(where);
      try {
        await notices?.notify({ id: newId('notice', dependencies), to: person, kind, text });
      } catch (error) {
        logger.error({ error, person, signal: name }, 'the notice of an unusual sign-in failed');
      }
    }
  }

  return {
    of: (person) => memory.of(person),

    async raise({ person, name, until, why }) {
      const end = parseInstant(until);
      if (end === undefined || end > clock.now() + longestSignalMs)
        throw new Error('a signal is raised until a time within a year');
      await alone(person, (client) => raiseIn(client, person, [{ name, until: end, why }]));
    },

    async clear(person, name, by) {
      await alone(person, async (client) => {
        const now = clock.now();
        const end = await store.endOf(client, person, name);
        if (end === undefined || end <= now) return;
        await appendOnce(audit, signalCleared(aboutPerson(directory, person), { name, was: end, by }));
        await store.put(client, [{ person, name, until: now }]);
      });
    },

    async signedIn(seen) {
      try {
        const unusual = await alone(seen.person, async (client) => {
          const found = await findingsOf(client, seen);
          await raiseIn(client, seen.person, found);
          return found;
        });
        await notify(seen.person, unusual, whereOf(seen));
      } catch (error) {
        logger.error({ error }, 'a sign-in could not be checked for risk signals');
      }
    },

    async failed({ person, code }) {
      if (person === undefined) return;
      const { max, windowMs, signalMs } = settings.failures;
      try {
        await alone(person, async (client) => {
          const now = clock.now();
          const count = await history.countFailure(client, person, now, windowMs);
          // Once per full count, not for every further attempt.
          if (count % max !== 0) return;
          const why = `${count} attempts with a key of the person failed, the last with ${code}`;
          await raiseIn(client, person, [{ name: 'failed-attempts', until: now + signalMs, why }]);
        });
      } catch (error) {
        logger.error({ error }, 'a failed attempt could not be counted');
      }
    },

    async stop() {
      await sweeper.stop();
      await following.stop();
    },
  };
}

/** The managed device or else the browser and network; and the key. */
function traitsOf({ person, device, userAgent, address, authenticator }: SeenSignIn): readonly Trait[] {
  const hashOf = (...parts: readonly string[]) => sha256(JSON.stringify([person, ...parts]));
  const place =
    device === undefined
      ? hashOf('browser', describedBrowser(userAgent, undefined) ?? '', networkOf(address))
      : hashOf('device', device);
  return [
    { kind: 'place', hash: place },
    ...(authenticator === undefined ? [] : [{ kind: 'authenticator', hash: hashOf(authenticator) } as const]),
  ];
}

function whereOf({ device, userAgent, address }: SeenSignIn): string {
  return device ?? describedBrowser(userAgent, address) ?? 'an unknown browser';
}

async function networksOf(file: string | undefined): Promise<Networks> {
  if (file === undefined) return noNetworks;
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    const detail = 'The file of networks cannot be read.';
    throw new CodedError({ code: 'configuration_invalid', category: 'invalid', detail, cause });
  });
  return parseNetworks(text);
}

export interface SeenSignIn {
  readonly person: PrincipalId;
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  readonly device: string | undefined;
  readonly authenticator: AuthenticatorId | undefined;
}

/** `person` if the attempt used a key of theirs. */
export interface FailedAttempt {
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  readonly code: string;
}

export interface Risk extends PersonSignals {
  /** Raises signals for a recorded sign-in. Never throws. */
  signedIn(seen: SeenSignIn): Promise<void>;
  failed(attempt: FailedAttempt): Promise<void>;
  stop(): Promise<void>;
}
