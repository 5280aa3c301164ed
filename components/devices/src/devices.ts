import { createCommands, createRecordedThings } from '@countersign/commands';
import {
  type AuditLog,
  createStandingCheck,
  type DepartureEffect,
  type Device,
  type DevicePosture,
  type DeviceProof,
  type Devices,
  type Directory,
  type PostureStream,
} from '@countersign/contracts';
import { type Clock, defined, type Random, toInstant } from '@countersign/kernel';
import { type ComponentAccess, createSweeper, keepFresh, type Logger, type RowSeal } from '@countersign/runtime';
import type pg from 'pg';
import { createChallenges, createDeviceProof } from './challenge.ts';
import { type DevicesConfiguration, type Settings, settingsOf } from './config.ts';
import { deviceIndexOf } from './device-index.ts';
import { createEnrolment, devicesEffect, type Enrolment } from './enrolment/enrolment.ts';
import { createCredentialKind } from './enrolment/recorded-credential.ts';
import { createLinkKind } from './enrolment/recorded-link.ts';
import { requireFit } from './fitness.ts';
import { createPostureMemory, createPostureStream } from './posture/posture-memory.ts';
import { createProvenPostures } from './posture/proven-postures.ts';
import { createReportTaker, type ReportTaker } from './posture/take-report.ts';
import { watchFiles } from './posture/watch-files.ts';
import { createRecognition } from './recognition.ts';
import { credentialClaim } from './row-claims.ts';
import { createCredentialStore, type StoredCredential } from './store/credentials.ts';
import { createEnrolmentStore } from './store/enrolments.ts';
import { createPostureStore, posturesChannel } from './store/postures.ts';

export interface DevicesDependencies {
  /** As the component's own role. */
  readonly pool: pg.Pool;
  /** For the connection that listens for reports received by other nodes. */
  readonly access: ComponentAccess;
  readonly audit: Pick<AuditLog, 'append' | 'standings' | 'find' | 'search' | 'newest'>;
  /** Its key is the same on every node and is not in the database. It also makes challenges. */
  readonly rowSeal: RowSeal;
  readonly directory: Pick<Directory, 'snapshot'>;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly config: DevicesConfiguration;
}

export interface ManagedDevice extends Pick<Device, 'id' | 'institution' | 'holder'> {
  readonly posture: DevicePosture;
  readonly shownBy: readonly {
    readonly by: 'certificate' | 'key';
    readonly thumbprint: string;
    /** RFC 3339. */
    readonly enrolledAt: string;
  }[];
}

export interface RunningDevices extends Devices, PostureStream {
  readonly settings: Settings;
  readonly proof: DeviceProof;
  readonly enrolment: Enrolment;
  readonly takeReport: ReportTaker;
  /** Devices of an institution by their ids, after one of them; at most 200. */
  list(institution: string, after: string | undefined, limit: number): Promise<readonly ManagedDevice[]>;
  /** Reads the files of feeds; it also runs by itself. */
  readFiles(): Promise<void>;
  readonly departureEffect: DepartureEffect;
  stop(): Promise<void>;
}

/** @throws CodedError `configuration_invalid`, `database_unavailable`; `key_malformed`, `key_private`, `key_unsupported` */
export async function createDevices(dependencies: DevicesDependencies): Promise<RunningDevices> {
  const { pool, access, audit, rowSeal, directory, clock, random, logger } = dependencies;
  const settings = settingsOf(dependencies.config);
  const standings = createStandingCheck({ ...dependencies, log: audit, source: 'devices' });
  const credentials = createCredentialStore(pool, clock);
  const enrolments = createEnrolmentStore(pool);
  const store = createPostureStore(pool, rowSeal);
  const proven = createProvenPostures(dependencies);
  const memory = createPostureMemory({ store, proven, audit, directory });
  const challenges = createChallenges({ secret: rowSeal.seal('challenges', {}), clock, random });
  const recording = { pool, log: audit, check: standings, source: 'devices', clock } as const;
  const kinds = { credential: createCredentialKind(credentials, enrolments), link: createLinkKind(enrolments) };
  const things = createRecordedThings(kinds.credential, recording);
  const shared = {
    ...{ ...dependencies, standings, settings, credentials, enrolments, challenges, store, proven, memory },
    ...{ kinds, things, commands: createCommands(recording) },
  };
  const enrolment = createEnrolment(shared);
  const takeReport = createReportTaker(shared);
  const postureOf = (device: string) => memory.of(device, directory.snapshot());

  async function shownBy(ids: readonly string[]): Promise<readonly StoredCredential[]> {
    const kept = await credentials.of(ids);
    const holding = await standings.holding(kept.map((credential) => ({ ...credentialClaim(credential), credential })));
    return holding.map(({ credential }) => credential);
  }

  const refresh = () => memory.refresh();
  const following = await keepFresh({ access, logger, channel: posturesChannel, pollMs: 1_000, refresh });
  const feeds = [...settings.feeds.values()];
  const files = watchFiles({ feeds, take: takeReport, everyMs: settings.pollMs, logger });
  const sweeper = createSweeper({
    what: 'links of devices',
    logger,
    removeSlice: (limit) => enrolments.deleteExpired(new Date(clock.now()), limit),
  });

  return {
    settings,
    enrolment,
    takeReport,
    postureOf,
    ...createPostureStream(store),
    challenge: (about) => challenges.make(about),
    recognise: createRecognition(shared),
    async requireFit(device, person) {
      requireFit(device, person, {
        directory: directory.snapshot(),
        posture: device === undefined ? undefined : postureOf(device.id),
        now: clock.now(),
        maxAgeMs: settings.maxPostureAgeMs,
      });
    },

    async of(person) {
      const held = deviceIndexOf(directory.snapshot()).heldBy(person);
      const shown = await shownBy(held.map(({ id }) => id));
      return held.map(({ id }) => {
        const posture = postureOf(id);
        const kinds = new Set(shown.filter(({ device }) => device === id).map(({ kind }) => kind));
        const enrolled = kinds.has('certificate') ? 'certificate' : kinds.has('key') ? 'key' : 'no';
        return { id, enrolled, ...defined({ posture }) };
      });
    },

    async list(institution, after = '', limit) {
      const devices = deviceIndexOf(directory.snapshot()).ofInstitution(institution);
      const page = devices.filter(({ id }) => id > after).slice(0, Math.min(limit, 200));
      const shown = await shownBy(page.map(({ id }) => id));
      return page.flatMap(({ id, institution: owner, holder }): readonly ManagedDevice[] => {
        const posture = postureOf(id);
        const identifiedBy = shown
          .filter(({ device }) => device === id)
          .map(({ kind: by, thumbprint, enrolledAt: at }) => ({ by, thumbprint, enrolledAt: toInstant(at.getTime()) }));
        // The directory has removed it since the page was read.
        if (posture === undefined) return [];
        return [{ id, institution: owner, ...defined({ holder }), posture, shownBy: identifiedBy }];
      });
    },

    proof: createDeviceProof(challenges),
    readFiles: () => files.read(),
    departureEffect: devicesEffect(directory, enrolment),
    async stop() {
      await files.stop();
      await sweeper.stop();
      await following.stop();
    },
  };
}
