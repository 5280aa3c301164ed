import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError } from '@countersign/kernel';
import { allowConnectionsOnly, createLogger, stayUntilSignalled } from '@countersign/runtime';
import {
  type Configuration,
  explainDevelopment,
  type GroupConfiguration,
  isOfGroup,
  prepareDevelopment,
  readConfigurationFile,
} from './configuration/index.ts';
import { type ControlPlane, startControlPlane } from './control-plane.ts';
import { groupsNamed } from './process-groups/index.ts';
import { addressesOf, startTogether } from './processes/index.ts';
import { configurationsOfParts } from './provisioning/index.ts';
import { type TryOutKeys, tryOutPath } from './try-out/index.ts';

export interface StartOptions {
  readonly dataFolder: string;
  readonly port: number;
  /** Replaces the development configuration. With `only`, also the folder that `processes init` created. */
  readonly configurationFile?: string;
  /** Groups of processes, or components, that this process runs. Default: everything in the configuration. */
  readonly only?: readonly string[];
  /** See `startControlPlane`. */
  readonly adoptRolesSecret?: boolean;
}

/**
 * `countersign start`: starts a control plane, prints its details and runs until SIGTERM or SIGINT.
 *
 * @throws CodedError with what to do if it cannot start
 */
export async function startAndStay(options: StartOptions): Promise<void> {
  const began = performance.now();
  const say = (line: string): void => void process.stdout.write(`${line}\n`);
  const { configurationFile, only } = options;
  const parts = only === undefined ? undefined : configurationsOfParts(groupsNamed(only), configurationFile);
  if (isList(parts)) return stayAsProcess(parts, { began, say });
  const { configuration, tryOut } = parts === undefined ? configurationOf(options, say) : { configuration: parts };
  if (isOfGroup(configuration)) return stayAsProcess([configuration], { began, say });
  const logger = createLogger({ level: configuration.logLevel, name: 'countersign' });
  const onProgress = (message: string): void => say(`${message} ...`);
  const { controlPlane } = await stayUntilSignalled(async (signal) => {
    const started = await startControlPlane(configuration, {
      ...(tryOut === undefined ? {} : { tryOut }),
      ...{ logger, signal, onProgress },
      adoptRolesSecret: options.adoptRolesSecret ?? false,
    });
    return { controlPlane: started, stop: () => stopGently(started, configuration) };
  }, logger);
  for (const note of controlPlane.notes) say(note);
  say(`Ready after ${((performance.now() - began) / 1000).toFixed(1)} s: ${controlPlane.address}`);
  if (tryOut !== undefined) say(`Try it by hand: ${controlPlane.address}${tryOutPath}`);
}

/** Runs a process of a split installation, which connects only to the addresses that it needs. */
async function stayAsProcess(
  configurations: readonly GroupConfiguration[],
  { began, say }: { readonly began: number; readonly say: (line: string) => void },
): Promise<void> {
  const names = configurations.map(({ process: { group } }) => group);
  const loggerOf = (name: string) =>
    createLogger({ level: configurations[0]?.logLevel ?? 'info', name: `countersign ${name}` });
  const logger = loggerOf(names.join(', '));
  // Only egress calls addresses that other components supply. All other processes connect to a fixed list.
  if (!names.includes('egress')) allowConnectionsOnly(configurations.flatMap(addressesOf));
  const { running } = await stayUntilSignalled(async (signal) => {
    const onProgress = (message: string): void => say(`${message} ...`);
    const started = await startTogether(configurations, { loggerOf, signal, onProgress });
    return { running: started, stop: () => stopGently(started, ...configurations) };
  }, logger);
  for (const note of running.notes) say(note);
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  for (const { group, address } of running.groups) say(`${group} ready after ${seconds} s: ${address}`);
}

/** Drains before stopping, so that clients move to other nodes before this one stops answering. */
async function stopGently(
  controlPlane: Pick<ControlPlane, 'drain' | 'stop'>,
  ...configurations: readonly Configuration[]
): Promise<void> {
  controlPlane.drain();
  await sleep(Math.max(...configurations.map(drainSecondsOf)) * 1_000);
  await controlPlane.stop();
}

function drainSecondsOf({ environment, listen }: Configuration): number {
  return listen.drainSeconds ?? (environment === 'production' ? 5 : 0.25);
}

function isList(
  parts: readonly GroupConfiguration[] | Configuration | undefined,
): parts is readonly GroupConfiguration[] {
  return Array.isArray(parts);
}

function configurationOf(
  { dataFolder, port, configurationFile }: StartOptions,
  say: (line: string) => void,
): { readonly configuration: Configuration; readonly tryOut?: TryOutKeys } {
  if (configurationFile !== undefined) return { configuration: readConfigurationFile(configurationFile) };
  if (!Number.isInteger(port) || port < 1 || port > 65_535)
    throw new CodedError({ code: 'port_invalid', category: 'invalid', detail: 'A port is a number from 1 to 65535.' });
  const databaseUrl = process.env['DATABASE_URL'] === undefined ? {} : { databaseUrl: 'env:DATABASE_URL' };
  const setup = prepareDevelopment({ dataFolder, port, ...databaseUrl });
  if (setup.configuration.databaseUrl === undefined && 'databaseUrl' in databaseUrl)
    throw new CodedError({
      code: 'database_url_unused',
      category: 'invalid',
      detail: `DATABASE_URL is set, but this control plane keeps its data in an embedded database, by ${setup.configurationFile}. Unset DATABASE_URL, or start with a new folder (--data), whose first start takes it up.`,
    });
  say(explainDevelopment(setup));
  const { configuration, operatorKeyFile, approverKeyFile, complianceKeyFile } = setup;
  // A configuration changed to production is deliberate, so it is used unchanged.
  if (configuration.environment !== 'development') return { configuration };
  return { configuration, tryOut: { operatorKeyFile, approverKeyFile, complianceKeyFile } };
}
