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
  /** As the component's own role. */
  readonly pool: pg.Pool;
  /** For the connection that listens for what other nodes raised. */
  readonly access: ComponentAccess;
  readonly audit: AuditAppender & Pick<AuditLog, 'find'>;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config?: RiskConfiguration | undefined;
  /** Tells people what was unusual about their account. */
  readonly notices?: Notices | undefined;
}

interface Unusual {
  readonly name: Extract<PersonSignal, 'impossible-travel' | 'device-new' | 'failed-attempts'>;
  readonly until: number;
  readonly why: string;
}

/** A signal that is over is kept for other nodes to read, whose clock may be behind. */
const keepEndedMs = 24 * 3_600_000;

/**
 * What is unusual about how people sign in, for the policies of every node.
 *
 * @throws CodedError `configuration_invalid` for a file of networks that cannot be read; `database_unavailable`
 */
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

  /** In one go for a person: all is recorded, then it stands. */
  async function raiseIn(
    client: pg.PoolClient,
    person: PrincipalId,
    raised: readonly { readonly name: PersonSignal; readonly until: number; readonly why: string }[],
  ): Promise<void> {
    const about = aboutPerson(directory, person);
    const stored: StoredSignal[] = [];
    for (const signal of raised) {
      // What stands longer already is not shortened by something smaller that comes after it.
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
    // At once on this node; the others hear of it. It stands in any case, and is looked for each second.
    await memory.refresh().catch((error: unknown) => logger.warn({ error }, 'signals could not be read again'));
    return result;
  }

  async function look(client: pg.PoolClient, seen: SeenSignIn): Promise<readonly Unusual[]> {
    const { person, address } = seen;
    const now = clock.now();
    const unusual: Unusual[] = [];
    const place = address === undefined ? undefined : networks.placeOf(address);
    if (place !== undefined) {
      const before = await history.move(client, person, { ...place, at: now });
      if (before !== undefined && isImpossible(before, { ...place, at: now }, settings.travel))
        unusual.push({
          name: 'impossible-travel',
          until: now + settings.impossibleTravelMs,
          why: `signed in from ${place.country} too soon after the sign-in before, which was far away`,
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

  /** After it was recorded. That somebody cannot be told changes nothing about what stands. */
  async function tell(person: PrincipalId, unusual: readonly Unusual[], where: string): Promise<void> {
    for (const { name } of unusual) {
      if (name === 'failed-attempts') continue;
      const kind = name === 'device-new' ? 'signed-in-on-new-device' : name;
      const text = name === 'device-new' ? en.notices.newDevice(where) : en.notices.impossibleTravel(where);
      try {
        await notices?.notify({ id: newId('notice', dependencies), to: person, kind, text });
      } catch (error) {
        logger.error({ error, person, signal: name }, 'a person could not be told of an unusual sign-in');
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
          const found = await look(client, seen);
          await raiseIn(client, seen.person, found);
          return found;
        });
        await tell(seen.person, unusual, whereOf(seen));
      } catch (error) {
        logger.error({ error }, 'what is unusual about a sign-in could not be looked at');
      }
    },

    async failed({ person, code }) {
      if (person === undefined) return;
      const { most, windowMs, signalMs } = settings.failures;
      try {
        await alone(person, async (client) => {
          const now = clock.now();
          const count = await history.countFailure(client, person, now, windowMs);
          // Once each time the number is full: not a record for every attempt that follows.
          if (count % most !== 0) return;
          const why = `${count} attempts that showed a key of theirs failed, the last with ${code}`;
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

/** The managed device where there is one, else the kind of browser in its network; and the key. */
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
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    throw new CodedError({
      code: 'configuration_invalid',
      category: 'invalid',
      detail: 'The file of networks cannot be read.',
      cause,
    });
  }
  return parseNetworks(text);
}

/** A person has shown who they are, from there. */
export interface SeenSignIn {
  readonly person: PrincipalId;
  readonly address: string | undefined;
  readonly userAgent: string | undefined;
  readonly device: string | undefined;
  readonly authenticator: AuthenticatorId | undefined;
}

/** An attempt that named a person by a proof of theirs, and failed all the same. */
export interface FailedAttempt {
  readonly person: PrincipalId | undefined;
  readonly address: string | undefined;
  readonly code: string;
}

/** Risk signals from sign-ins. */
export interface Risk extends PersonSignals {
  /** Looks at a sign-in that has been recorded; raises what is unusual. Never fails the sign-in. */
  signedIn(seen: SeenSignIn): Promise<void>;
  failed(attempt: FailedAttempt): Promise<void>;
  stop(): Promise<void>;
}
