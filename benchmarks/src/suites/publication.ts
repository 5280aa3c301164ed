import { generateKeyPairSync } from 'node:crypto';
import { join } from 'node:path';
import { auditLogMigrations, type RunningAuditLog } from '@countersign/audit-log';
import { createConfiguredExchange } from '@countersign/federation-gateway';
import { createVerifierKey, formatVerifierKey } from '@countersign/merkle-log';
import { createScratchDatabase } from '@countersign/runtime';
import { logOrigin, openProductLog } from '../evidence/product-log.ts';
import { termsBehind } from '../evidence/terms-behind.ts';
import { repeated } from '../in-process-work.ts';
import { allCpu, type Contender, type Figure, measureInTurn, type Result, ratio, sum } from '../measure.ts';
import type { Pace } from '../pace.ts';
import { type ServerProcess, startServerProcess } from '../server-process.ts';
import type { WitnessServerSettings } from '../servers/witness-server.ts';
import { keptSigner } from '../signers.ts';
import { about } from '../starter.ts';
import { cpu, latency, rate, section, times } from '../table.ts';
import { draft } from './appends.ts';
import type { InProcessOptions } from './suite.ts';

/** Interval of cosigning and publication; shorter than the default, which costs less. */
const publishedEveryMs = 1_000;
const witnessNames = ['alpha', 'beta', 'gamma'];

type Shape = { readonly name: string; readonly witnessed: boolean; readonly folder: 'none' | 'hashes' | 'entries' };
const shapes: readonly Shape[] = [
  { name: 'neither', witnessed: false, folder: 'none' },
  { name: 'cosigned by two of three witnesses', witnessed: true, folder: 'none' },
  { name: 'published to a folder, hashes', witnessed: false, folder: 'hashes' },
  { name: 'published to a folder, with its entries', witnessed: false, folder: 'entries' },
  { name: 'cosigned, and published with its entries', witnessed: true, folder: 'entries' },
];

/**
 * The cost of witnessing and publication for appends. The witnesses are processes that write to the disk; their CPU is not
 * counted, because they belong to other parties.
 */
export async function measurePublication(options: InProcessOptions): Promise<readonly Result[]> {
  const { pace, onProgress } = options;
  const contenders: Contender[] = [];
  for (const shape of shapes) contenders.push(await contender(shape, options));
  const { rounds, seconds } = pace.publication;
  return measureInTurn(contenders, { rounds, seconds }, about('publication', onProgress));
}

async function contender(shape: Shape, options: InProcessOptions): Promise<Contender> {
  const { inProcess, pace, started, onProgress } = options;
  const { name } = shape;
  onProgress(`publication: ${name}: starting`);
  const scratch = await createScratchDatabase({
    server: inProcess.scratch.connection,
    components: [auditLogMigrations],
  });
  await started({ stop: () => scratch.drop() });
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url');
  const log = formatVerifierKey(createVerifierKey({ name: logOrigin, type: 'ed25519', publicKey: raw }));
  const place = join(options.folder, `published-${shapes.indexOf(shape)}`);
  const publishTo = { folder: join(place, 'folder'), entries: shape.folder === 'entries', everyMs: publishedEveryMs };
  const witnesses = shape.witnessed ? await startWitnesses(log, place, options) : [];
  const auditLog = await started(
    openProductLog({
      pool: scratch.pool(auditLogMigrations.name),
      logger: inProcess.logger,
      signer: keptSigner('log-checkpoint', privateKey),
      headGuardFolder: join(place, 'guard'),
      ...(witnesses.length === 0 ? {} : { witnessing: await witnessingBy(witnesses, options) }),
      ...(shape.folder === 'none' ? {} : { publishTo }),
    }),
  );
  const terms = await started(termsBehind({ auditLog, connection: scratch.connection }));
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

/** Publishes everything before the next contender runs. @throws if a checkpoint is not cosigned */
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
  const exchange = await started(createConfiguredExchange({ logger: inProcess.logger }));
  const lines = witnesses.map(({ url }, number) => {
    const [address = '', key = ''] = url.split('#');
    return `witness ${witnessNames[number]} ${key} ${address}\n`;
  });
  const policy = `${lines.join('')}group two 2 ${witnessNames.join(' ')}\nquorum two\n`;
  return { policy, exchange: exchange.exchange, everyMs: publishedEveryMs };
}

/** Appends of witnessed and published logs, compared with a log that is neither. */
export function publicationSection(results: readonly Result[], pace: Pace): string {
  const [alone, ...watched] = results;
  return [
    section(
      `Audit-log appends, ${pace.publication.callers} callers at once, while it is witnessed and published every second`,
      results,
      [rate('appends/s'), ...latency, ...cpu('process CPU µs')],
    ),
    ...watched.map((result) => {
      const of = (name: Figure) => times(alone && ratio(allCpu(result), allCpu(alone), name));
      return `  ${of('rate')} the rate and ${of('cpuUs')} all CPU: ${result.name}`;
    }),
  ].join('\n');
}
