import { createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { auditLogMigrations, createAuditLog, type RunningAuditLog } from '@countersign/audit-log';
import { type KeyPurpose, type PublicKey, type Signer, signerErrors } from '@countersign/contracts';
import { directoryMigrations } from '@countersign/directory';
import { systemClock, systemRandom } from '@countersign/kernel';
import { policyEngineMigrations } from '@countersign/policy-engine';
import {
  type ComponentMigrations,
  createLogger,
  createScratchDatabase,
  type Logger,
  type ScratchDatabase,
  startEmbeddedPostgres,
} from '@countersign/runtime';

/** A table of the benchmark's own, for the floor beneath the audit log. */
export const floorMigrations: ComponentMigrations = {
  name: 'benchmark-floor',
  schema: 'benchmark_floor',
  role: 'countersign_benchmark_floor',
  migrationsFolder: new URL('../migrations/', import.meta.url),
  grants: 'insert-and-read',
};

/** What the suites without HTTP share: a real PostgreSQL with fsync on, and an audit log on it, in this process. */
export interface InProcess {
  readonly scratch: ScratchDatabase;
  readonly auditLog: RunningAuditLog;
  readonly logger: Logger;
  stop(): Promise<void>;
}

export async function startInProcess(options: {
  readonly folder: string;
  readonly onProgress: (message: string) => void;
}): Promise<InProcess> {
  const logger = createLogger({ level: 'error', name: 'benchmark' });
  const postgres = await startEmbeddedPostgres({
    dataFolder: join(options.folder, 'in-process'),
    fallbackRoots: [],
    onProgress: (message) => options.onProgress(`in process: ${message}`),
  });
  const closing: (() => Promise<void>)[] = [() => postgres.stop()];
  const stop = async (): Promise<void> => {
    for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
  };
  try {
    const components = [auditLogMigrations, directoryMigrations, policyEngineMigrations, floorMigrations];
    const scratch = await createScratchDatabase({ server: postgres.connection, components });
    closing.push(() => scratch.drop());
    const auditLog = await createAuditLog({
      pool: scratch.pool('audit-log'),
      clock: systemClock,
      random: systemRandom,
      signer: memorySigner('log-checkpoint'),
      origin: 'benchmark.countersign.invalid/log',
      logger,
    });
    closing.push(() => auditLog.stop());
    return { scratch, auditLog, logger, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A key for what lives for minutes. */
export function memorySigner(purpose: KeyPurpose): Signer {
  return keptSigner(purpose, generateKeyPairSync('ed25519').privateKey);
}

/** An Ed25519 key that somebody keeps. */
export function keptSigner(purpose: KeyPurpose, privateKey: KeyObject): Signer {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  if (x === undefined) throw new Error('an Ed25519 key without its public half');
  const key: PublicKey = {
    kid: 'benchmark',
    algorithm: 'EdDSA',
    purpose,
    state: 'active',
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
  };
  return {
    current: async () => key,
    sign: async (_purpose, kid, data) => ({ kid, algorithm: 'EdDSA', signature: sign(null, data, privateKey) }),
    publicKeys: async () => [key],
    rotate: async () => {
      throw signerErrors.error('signing_key_unavailable', 'The key of a benchmark is not rotated.');
    },
    withdraw: async () => {
      throw signerErrors.error('signing_key_unknown', 'The key of a benchmark is not withdrawn.');
    },
  };
}
