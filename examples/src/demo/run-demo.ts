import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { isCodedError } from '@countersign/kernel';
import { type Addresses, type Cast, createCast } from './cast.ts';
import { freePortRange, freePorts } from './free-port.ts';
import type { Installation } from './installation.ts';
import { play } from './play.ts';
import { createProcesses, type Processes } from './processes.ts';
import { type SplitControlPlane, startSplitInstallation } from './split-installation.ts';
import { tamper } from './tamper.ts';
import { createTimeline, type Timeline } from './timeline.ts';
import { startWholeInstallation } from './whole-installation.ts';

export interface DemoOptions {
  /** Data and evidence stay in this folder. Default: a temporary folder that is removed. */
  readonly keepFolder?: string;
  /** Runs the control plane as several processes and kills one of them during the order. Default: one process. */
  readonly split?: SplitControlPlane;
}

/**
 * Takes one order through five firms, shows that attacks on it are refused, and verifies the evidence.
 * @returns exit code: 0 if everything went as expected
 */
export async function runDemo(options: DemoOptions = {}): Promise<number> {
  const timeline = createTimeline();
  const processes = createProcesses();
  const folder =
    options.keepFolder === undefined ? mkdtempSync(join(tmpdir(), 'countersign-demo-')) : resolve(options.keepFolder);
  const cleanUp = async (): Promise<void> => {
    await processes.stop();
    if (options.keepFolder === undefined) rmSync(folder, { recursive: true, force: true });
  };
  let isInterrupted = false;
  const interrupted = (): void => {
    isInterrupted = true;
    void cleanUp().finally(() => process.exit(130));
  };
  process.once('SIGINT', interrupted);
  process.once('SIGTERM', interrupted);
  try {
    mkdirSync(folder, { recursive: true, mode: 0o711 });
    // When started as root, the database runs under another account, which must be able to traverse this folder. Secret files
    // have mode 0600.
    if (options.keepFolder === undefined) chmodSync(folder, 0o711);
    else if (!existsSync(join(folder, '.gitignore'))) writeFileSync(join(folder, '.gitignore'), '*\n');
    const dataFolder = join(folder, 'data');
    const { split } = options;
    const { installation, addresses, cast } = await startAll({
      ...{ timeline, processes, folder, dataFolder },
      ...(split === undefined ? {} : { split }),
    });
    const stage = { cast, addresses, timeline, installation, run: Date.now().toString(36) };
    await play(stage, processes, { operate: ['--data', dataFolder], dataFolder, folder });
    await tamper(stage, processes, folder);
    timeline.chapter('Done');
    timeline.done(`the order was carried, ${timeline.refusals} attacks and mistakes were refused, the proof holds`);
    if (options.keepFolder !== undefined) timeline.note(`kept: ${folder}`);
    return 0;
  } catch (error) {
    if (isInterrupted) return 130;
    process.stderr.write(`\nThe demo failed.\n${error instanceof Error ? error.message : String(error)}\n`);
    if (isCodedError(error) && error.facts !== undefined)
      process.stderr.write(`${JSON.stringify(error.facts, undefined, 2)}\n`);
    else if (error instanceof Error && error.stack !== undefined) process.stderr.write(`${error.stack}\n`);
    return 1;
  } finally {
    process.off('SIGINT', interrupted);
    process.off('SIGTERM', interrupted);
    await cleanUp();
  }
}

async function startAll({
  timeline,
  processes,
  folder,
  dataFolder,
  split,
}: {
  readonly timeline: Timeline;
  readonly processes: Processes;
  readonly folder: string;
  readonly dataFolder: string;
  readonly split?: SplitControlPlane;
}): Promise<{ readonly installation: Installation; readonly addresses: Addresses; readonly cast: Cast }> {
  timeline.chapter(
    split === undefined
      ? 'The control plane and five firms start, each as a process of its own'
      : 'The control plane starts as six processes, and five firms as one each',
  );
  const ports = await freePorts(6);
  const at = (index: number): string => `http://127.0.0.1:${ports[index] ?? 0}`;
  timeline.waiting('starting the control plane (the first start makes a database)');
  const port = ports[0] ?? 0;
  const installation =
    split === undefined
      ? await startWholeInstallation({ processes, dataFolder, port, onProgress: (text) => timeline.waiting(text) })
      : await startSplitInstallation({ processes, split, folder, port, firstPort: await freePortRange(12), timeline });
  const { issuer } = installation;
  const addresses: Addresses = {
    issuer,
    'identity-provider': at(1),
    broker: at(2),
    venue: at(3),
    'clearing-firm': at(4),
    custodian: at(5),
  };
  timeline.done('control plane', issuer);
  for (const { name, pid, holds } of installation.processes) {
    timeline.note(`process ${pid}: ${name}`);
    for (const what of holds) timeline.note(`  ${what}`);
  }
  const cast = createCast(folder, addresses);

  const firm = (
    name: string,
    clientId: string,
    lei: string,
    address: string,
    peers: Readonly<Record<string, string>>,
  ): Promise<void> => {
    const file = join(folder, `${name}.json`);
    const configuration = {
      name,
      lei,
      port: Number(new URL(address).port),
      issuer,
      clientId,
      privateJwk: cast.key(clientId).privateJwk,
      peers,
    };
    writeFileSync(file, JSON.stringify(configuration), { mode: 0o600 });
    return processes.startFirm(name, file);
  };
  const provider = join(folder, 'identity-provider.json');
  const oms = cast.key('ha-oms');
  writeFileSync(
    provider,
    JSON.stringify({
      port: ports[1],
      controlPlane: issuer,
      clientId: 'ha-oms',
      clientJwk: oms.publicJwk,
      redirectUri: 'https://oms.example/callback',
      people: {
        anna: { jwk: cast.people.trader.signInKey.publicJwk, acr: 'phr' },
        'anna-by-password': { jwk: cast.people.trader.signInKey.publicJwk, acr: 'pwd' },
      },
    }),
    { mode: 0o600 },
  );
  await Promise.all([
    processes.startFirm('identity-provider', provider),
    firm('broker', 'brk-orders', cast.lei.broker, addresses.broker, {
      venue: addresses.venue,
      clearing: addresses['clearing-firm'],
      custodian: addresses.custodian,
    }),
    firm('venue', 'ven-matching', cast.lei.venue, addresses.venue, {}),
    firm('clearing-firm', 'clr-core', cast.lei.clearing, addresses['clearing-firm'], {
      custodian: addresses.custodian,
    }),
    firm('custodian', 'cus-core', cast.lei.custodian, addresses.custodian, {}),
  ]);
  timeline.done("arranger's identity provider, broker, venue, clearing firm, custodian");
  return { installation, addresses, cast };
}
