import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { auditLogMigrations, type RunningAuditLog } from '@countersign/audit-log';
import { startEmbeddedPostgres } from '@countersign/embedded-postgres';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import {
  createVerifierKey,
  formatVerifierKey,
  parsePolicy,
  type TlogPolicy,
  type VerifierKey,
} from '@countersign/merkle-log';
import { createLogger, createScratchDatabase } from '@countersign/runtime';
import { startWitness } from '@countersign/server';
import { logOrigin, openProductLog } from '../evidence/product-log.ts';
import { memorySigner } from '../signers.ts';

/** A log of two nodes with a witness, one of which publishes to a folder, as somebody has it in production. */
export interface HammeredLog {
  readonly nodes: readonly [HammeredNode, HammeredNode];
  readonly key: VerifierKey;
  readonly policy: TlogPolicy;
  readonly published: string;
  stop(): Promise<void>;
}

export interface HammeredNode {
  readonly name: string;
  /** The log as it runs there now; another one after {@link restart}. */
  log(): RunningAuditLog;
  /** Stops it as one does, and opens it again. */
  restart(): Promise<void>;
}

export async function startHammeredLog({
  folder,
  onProgress,
}: {
  readonly folder: string;
  readonly onProgress: (message: string) => void;
}): Promise<HammeredLog> {
  const closing: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (let close = closing.pop(); close !== undefined; close = closing.pop()) await close();
  };
  try {
    const logger = createLogger({ level: 'warn', name: 'hammer' });
    const postgres = await startEmbeddedPostgres({
      dataFolder: join(folder, 'database'),
      fallbackRoots: [],
      onProgress,
    });
    closing.push(() => postgres.stop());
    const scratch = await createScratchDatabase({ server: postgres.connection, components: [auditLogMigrations] });
    closing.push(() => scratch.drop());
    const signer = memorySigner('log-checkpoint');
    const { x = '' } = (await signer.current('log-checkpoint')).jwk;
    const key = createVerifierKey({ name: logOrigin, type: 'ed25519', publicKey: Buffer.from(x, 'base64url') });
    const witness = await startWitness({
      folder: join(folder, 'witness'),
      host: '127.0.0.1',
      port: 0,
      name: 'witness.countersign.invalid',
      logs: [formatVerifierKey(key)],
    });
    closing.push(() => witness.stop());
    const policyText = `witness w ${witness.verifierKey} ${witness.address}\nquorum w\n`;
    const policy = parsePolicy(policyText);
    if (!policy.ok) throw new Error(`the policy of the hammer is none: ${policy.reason}`);
    const exchange = createConfiguredExchange({ logger });
    closing.push(() => exchange.stop());
    const published = join(folder, 'published');
    mkdirSync(published);

    async function node(name: string, publishes: boolean): Promise<HammeredNode> {
      const pool = scratch.pool('audit-log');
      const open = (): Promise<RunningAuditLog> =>
        openProductLog({
          pool,
          logger,
          signer,
          node: name,
          headGuardFolder: join(folder, `guard-${name}`),
          witnessing: { policy: policyText, exchange: exchange.exchange, everyMs: 1_000 },
          ...(publishes ? { publishTo: { folder: published, entries: true, everyMs: 2_000 } } : {}),
        });
      let log = await open();
      closing.push(() => log.stop());
      return {
        name,
        log: () => log,
        async restart() {
          await log.stop();
          log = await open();
        },
      };
    }
    return { nodes: [await node('a', true), await node('b', false)], key, policy: policy.policy, published, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}
