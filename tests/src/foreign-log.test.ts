import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { auditLogMigrations, createAuditLog, mirrorLog } from '@countersign/audit-log';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import { newId, sha256, systemClock, systemRandom } from '@countersign/kernel';
import { entryBundlePath, parsePolicy, tilePath, verifyByPolicy } from '@countersign/merkle-log';
import { createKeyring, createLogger } from '@countersign/runtime';
import { startWitness } from '@countersign/server';
import { createTestDatabase } from '@countersign/testkit';
import { afterAll, describe, expect, it } from 'vitest';
import { scratchFolder } from './testing/scratch-folder.ts';

// tests/foreign-log/README.md says how to build the program.
const program = process.env['COUNTERSIGN_FOREIGN_LOG'];
const run = promisify(execFile);
const folder = scratchFolder();
const logger = createLogger({ level: 'silent', name: 'test' });
afterAll(() => folder.remove());

async function foreign(...args: string[]): Promise<string> {
  return (await run(program ?? '', args)).stdout;
}

function file(name: string, content?: string): string {
  const path = join(folder.path, name);
  if (content !== undefined) writeFileSync(path, content);
  return path;
}

async function witnessOf(vkey: string, name: string) {
  const witness = await startWitness({
    folder: file(name),
    host: '127.0.0.1',
    port: 0,
    name: `${name}.example`,
    logs: [vkey],
  });
  return {
    ...witness,
    policy: `witness ${name} ${witness.verifierKey} ${witness.address}\ngroup everybody all ${name}\nquorum everybody\n`,
  };
}

describe.skipIf(program === undefined)('a foreign log (skipped without the program)', () => {
  it('has a verifier that recomputes what we publish, and accepts our cosignatures', { timeout: 300_000 }, async () => {
    const database = await createTestDatabase({ components: [auditLogMigrations] });
    const pool = database.pool('audit-log', { maxConnections: 8 });
    const common = { clock: systemClock, random: systemRandom, logger };
    const signer = await createKeyring({
      pool,
      ...common,
      sealingKey: { bytes: Buffer.alloc(32, 7) },
      purposes: {
        'log-checkpoint': { algorithm: 'EdDSA', publicationLeadSeconds: 0, longestSignedLifeSeconds: 3_600 },
      },
    });
    const log = { pool, signer, origin: 'log.example/ours', entrySealKey: sha256('entries of the test'), ...common };
    const first = await createAuditLog(log);
    const vkey = first.verifierKey();
    await first.stop();
    const witness = await witnessOf(vkey, 'ours');
    const exchange = createConfiguredExchange({ logger });
    const publishTo = { folder: file('published'), entries: true, everyMs: 3_600_000 };
    const witnessing = { policy: witness.policy, exchange: exchange.exchange, everyMs: 3_600_000 };
    const witnessed = await createAuditLog({ ...log, publishTo, witnessing });
    for (const count of [1, 300, 66_000, 3]) {
      for (let done = 0; done < count; done += 500)
        await Promise.all(
          Array.from({ length: Math.min(500, count - done) }, () =>
            witnessed.append({
              id: newId('record', common),
              type: 'access.refused',
              source: 'test',
              outcome: 'deny',
              reason: 'test',
            }),
          ),
        );
      const [, size] = (await witnessed.checkpoint()).split('\n');
      await witnessed.publishToFolder();
      expect(await foreign('check', publishTo.folder, vkey, file('policy', witness.policy))).toBe(`${size}\n`);
    }
    await witnessed.stop();
    await witness.stop();
    await exchange.stop();
    await database.drop();
  });

  it('is cosigned by our witness, and copied by our mirror, which its verifier accepts', {
    timeout: 300_000,
  }, async () => {
    const [signingKey = '', vkey = ''] = (await foreign('key', 'log.example/theirs')).split('\n');
    const witness = await witnessOf(vkey, 'theirs');
    const policyFile = file('their-policy', witness.policy);
    const read = parsePolicy(`log ${vkey}\n${witness.policy}`);
    if (!read.ok) throw new Error(read.reason);
    const open = (note: string) => {
      const verdict = verifyByPolicy({ signedNote: note, policy: read.policy });
      if (!verdict.ok) throw new Error(verdict.reason);
      return verdict.checkpoint;
    };
    const get = async (path: string) => {
      const there = join(folder.path, 'log', path);
      return existsSync(there) ? readFileSync(there) : undefined;
    };
    for (const count of ['3', '700', '1', '70000']) {
      const note = await foreign('grow', file('log'), signingKey, count, policyFile);
      const copied = await mirrorLog({
        folder: file('mirror'),
        source: { tile: (tile) => get(tilePath(tile)), entryBundle: (bundle) => get(entryBundlePath(bundle)) },
        note,
        open,
        entries: true,
      });
      expect(copied).toMatchObject({ size: open(note).size, missingBundles: 0 });
      expect(await foreign('check', file('mirror'), vkey, policyFile)).toBe(`${copied.size}\n`);
    }
    await witness.stop();
  });
});
