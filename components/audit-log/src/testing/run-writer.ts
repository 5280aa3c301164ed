import { createPrivateKey, sign } from 'node:crypto';
import { createInterface } from 'node:readline';
import type { PublicKey, Signer } from '@countersign/contracts';
import { isCodedError, newId, sha256, systemClock, systemRandom } from '@countersign/kernel';
import { componentPool, createLogger } from '@countersign/runtime';
import { createAuditLog, createProtection, type RunningAuditLog } from '../index.ts';

/** The settings of a writer process, as JSON. */
export interface WriterSettings {
  readonly connection: {
    readonly host: string;
    readonly port: number;
    readonly user: string;
    readonly password: string;
    readonly database: string;
  };
  readonly role: string;
  readonly password: string;
  readonly guardFolder: string;
  readonly publishTo?: string;
  /** Ends itself, as SIGKILL does, before or after making a signature. */
  readonly dieAt?: 'before-signing' | 'after-signing';
}

/** Its output, a line of JSON each, as it happens. */
export type WriterLine =
  | { readonly ready: true }
  | { readonly acknowledged: string; readonly index: string }
  | { readonly refused: string }
  | { readonly checkpoint: string }
  | { readonly unsigned: string }
  | { readonly failed: string }
  | { readonly stopped: true };

/** Each appends one record at a time. */
export const callers = 8;
export const writerOrigin = 'log.example/written';
export const writerSealKey = sha256('entries of the writers');

/** The same key in every process, as with a keyring in the database. */
export function writerSigner(before: () => void = () => undefined, after: () => void = () => undefined): Signer {
  // PKCS#8 around a raw seed (RFC 8410 section 7).
  const pkcs8 = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), sha256('the key of a test')]);
  const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
  const { x = '' } = privateKey.export({ format: 'jwk' });
  const key: PublicKey = {
    kid: x,
    algorithm: 'EdDSA',
    purpose: 'log-checkpoint',
    state: 'active',
    jwk: { kty: 'OKP', crv: 'Ed25519', x },
  };
  return {
    current: async () => key,
    async sign(_purpose, kid, data) {
      before();
      const signature = sign(null, data, privateKey);
      after();
      return { kid, algorithm: 'EdDSA', signature };
    },
    publicKeys: async () => [key],
    rotate: async () => key,
    withdraw: async () => key,
  };
}

/**
 * Opens the log and appends to it with several callers, signing and publishing on the way, until it reads a line `stop` or
 * is killed. Starts at a line `go`. An acknowledgement is written before the next request.
 */
export async function runWriter(settings: WriterSettings, say: (line: WriterLine) => void): Promise<void> {
  let stopping = false;
  const told = createInterface({ input: process.stdin });
  const begun = new Promise<void>((resolve) => {
    told.on('line', (line) => {
      if (line === 'go') resolve();
      if (line === 'stop') stopping = true;
    });
  });
  say({ ready: true });
  await begun;
  const log = await open(settings);

  async function append(): Promise<void> {
    while (!stopping)
      try {
        const draft = {
          id: newId('record', { clock: systemClock, random: systemRandom }),
          type: 'access.refused',
          source: 'test',
          outcome: 'deny',
          reason: 'test',
          address: '192.0.2.1',
        } as const;
        const { id, index } = await log.append(draft);
        // As a caller does that has not received the answer.
        await log.append(draft);
        say({ acknowledged: id, index: index.toString() });
        // A log that is killed repeatedly need not be long.
        await new Promise((resolve) => setTimeout(resolve, 5));
      } catch (error) {
        say({ refused: codeOf(error) });
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
  }
  async function show(): Promise<void> {
    while (!stopping) {
      await log.checkpoint().then(
        (checkpoint) => say({ checkpoint }),
        (error: unknown) => say({ unsigned: codeOf(error) }),
      );
      await log.publishToFolder().catch((error: unknown) => say({ unsigned: codeOf(error) }));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
  await Promise.all([...Array.from({ length: callers }, append), show()]);
  await log.stop();
  say({ stopped: true });
  told.close();
}

function open({ connection, role, password, guardFolder, publishTo, dieAt }: WriterSettings): Promise<RunningAuditLog> {
  const pool = componentPool({
    database: { connection, rolesSecret: { passwordOf: () => password, fingerprint: '' } },
    role,
    schema: 'audit_log',
    applicationName: 'writer',
    maxConnections: 4,
  });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const base = { pool, clock: systemClock, random: systemRandom, logger };
  let signed = 0;
  const die = (at: WriterSettings['dieAt']): void => {
    if (at === dieAt && ++signed === 3) process.kill(process.pid, 'SIGKILL');
  };
  return createAuditLog({
    ...base,
    protection: createProtection({ ...base, sealing: (region) => ({ bytes: sha256(region) }), regionOf: () => 'eu' }),
    signer: writerSigner(
      () => die('before-signing'),
      () => die('after-signing'),
    ),
    origin: writerOrigin,
    entrySealKey: writerSealKey,
    headGuardFolder: guardFolder,
    ...(publishTo === undefined ? {} : { publishTo: { folder: publishTo, entries: true, everyMs: 3_600_000 } }),
    // Long enough that no heartbeat falls between a repetition and a kill, and short enough that silence is noticed.
    beatEveryMs: 1_000,
    watchEveryMs: 0,
    clockPolicy: { windowMs: 0 },
  });
}

export function codeOf(error: unknown): string {
  return isCodedError(error) ? error.code : String(error);
}
