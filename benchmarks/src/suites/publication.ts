import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import type { RunningAuditLog } from '@countersign/audit-log';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import { createVerifierKey, formatVerifierKey } from '@countersign/merkle-log';
import { createScratchDatabase } from '@countersign/runtime';
import { logComponent, logOrigin, openProductLog } from '../evidence/product-log.ts';
import { termsBehind } from '../evidence/terms-behind.ts';
import { repeated } from '../in-process-work.ts';
import { allCpu, type Contender, measureInTurn, type Result, ratio } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { type ServerProcess, startServerProcess } from '../server-process.ts';
import type { WitnessServerSettings } from '../servers/witness-server.ts';
import { keptSigner } from '../signers.ts';
import { cpu, latency, rate, section, times } from '../table.ts';
import { draft } from './appends.ts';
import type { InProcessOptions } from './suite.ts';

/** How often a log is cosigned and published here; less often, as it is configured by default, costs less. */
export const publishedEveryMs = 1_000;
const witnessNames = ['alpha', 'beta', 'gamma'];

type Shape = { readonly name: string; readonly witnessed: boolean; readonly folder: 'none' | 'hashes' | 'entries' };
const shapes: readonly Shape[] = [
  { name: 'nobody looks on', witnessed: false, folder: 'none' },
  { name: 'cosigned by two of three witnesses', witnessed: true, folder: 'none' },
  { name: 'published to a folder, hashes', witnessed: false, folder: 'hashes' },
  { name: 'published to a folder, with its entries', witnessed: false, folder: 'entries' },
  { name: 'cosigned, and published with its entries', witnessed: true, folder: 'entries' },
];

/**
 * What it costs the appends that a log is witnessed and published. The witnesses are processes of their own, each with a
 * disk that it waits for; what they cost is not counted, as they are somebody else's.
 */
export async function measurePublication(options: InProcessOptions): Promise<readonly Result[]> {
  const { pace, onProgress } = options;
  const contenders: Contender[] = [];
  for (const shape of shapes) contenders.push(await contender(shape, options));
  const { rounds, seconds } = pace.publication;
  return measureInTurn(contenders, { rounds, seconds }, (said) => onProgress(`publication: ${said}`));
}

async function contender(shape: Shape, options: InProcessOptions): Promise<Contender> {
  const { inProcess, pace, started, onProgress } = options;
  const { name } = shape;
  onProgress(`publication: ${name}: starting`);
  const scratch = await createScratchDatabase({
    server: inProcess.scratch.connection,
    components: [logComponent],
  });
  await started(Promise.resolve({ stop: () => scratch.drop() }));
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const log = formatVerifierKey(createVerifierKey({ name: logOrigin, type: 'ed25519', publicKey: raw }));
  const place = join(options.folder, `published-${shapes.indexOf(shape)}`);
  const witnesses = shape.witnessed ? await startWitnesses(log, place, options) : [];
  const auditLog = await started(
    openProductLog({
      pool: scratch.pool(logComponent.name),
      logger: inProcess.logger,
      signer: keptSigner('log-checkpoint', privateKey),
      headGuardFolder: join(place, 'guard'),
      ...(witnesses.length === 0 ? {} : { witnessing: await witnessingBy(witnesses, options) }),
      ...(shape.folder === 'none'
        ? {}
        : {
            publishTo: {
              folder: join(place, 'folder'),
              entries: shape.folder === 'entries',
              everyMs: publishedEveryMs,
            },
          }),
    }),
  );
  const terms = await started(Promise.resolve(termsBehind({ auditLog, connection: scratch.connection })));
  return repeated({
    name,
    callers: pace.publication.callers,
    work: () => auditLog.append(draft()),
    besides: async () => sum(await Promise.all(witnesses.map((witness) => witness.cpuUs()))),
    async settle() {
      await terms.settle();
      await publishedAll(auditLog, witnesses.length > 0);
      await auditLog.publishToFolder();
    },
    warmUpSeconds: pace.warmUpSeconds,
  });
}

/** All of it is published before somebody else has the machine. What nobody cosigned would be measured in vain. */
async function publishedAll(auditLog: RunningAuditLog, witnessed: boolean): Promise<void> {
  const note = await auditLog.checkpoint();
  if (witnessed && note.trim().split('\n— ').length < 4) throw new Error('a checkpoint has no quorum');
}

async function startWitnesses(
  log: string,
  place: string,
  { started, onProgress }: InProcessOptions,
): Promise<readonly ServerProcess[]> {
  const starting = witnessNames.map((name) => {
    const settings: WitnessServerSettings = { folder: join(place, name), name: `${name}.example`, log };
    return started(startServerProcess({ name: 'witness-server', settings, onProgress }));
  });
  return Promise.all(starting);
}

async function witnessingBy(witnesses: readonly ServerProcess[], { inProcess, started }: InProcessOptions) {
  const exchange = await started(Promise.resolve(createConfiguredExchange({ logger: inProcess.logger })));
  const lines = witnesses.map(({ url }, number) => {
    const [address = '', key = ''] = url.split('#');
    return `witness ${witnessNames[number]} ${key} ${address}\n`;
  });
  const policy = `${lines.join('')}group two 2 ${witnessNames.join(' ')}\nquorum two\n`;
  return { policy, exchange: exchange.exchange, everyMs: publishedEveryMs };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Appends of a log that others watch, beside those of one that nobody does. */
export function publicationSection(results: readonly Result[], pace: Pace): string {
  const [alone, ...watched] = results;
  return [
    section(
      `Audit-log appends, ${pace.publication.callers} callers at once, while it is witnessed and published every second`,
      results,
      [rate('appends/s'), ...latency, ...cpu('process CPU µs')],
    ),
    ...watched.flatMap((result) =>
      alone === undefined
        ? []
        : [
            `  ${times(ratio(result, alone, 'rate'))} the rate and ${times(ratio(allCpu(result), allCpu(alone), 'cpuUs'))} all CPU: ${result.name}`,
          ],
    ),
  ].join('\n');
}
