import { setTimeout as sleep } from 'node:timers/promises';
import { type Clock, systemClock } from '@countersign/kernel';
import { closeGently, createLifecycle, createLogger, createMetrics, type Logger } from '@countersign/runtime';
import { createPeer, type Peer, passOn, wireErrors } from '@countersign/wire';
import type { FastifyInstance } from 'fastify';
import { createGround } from '../components/index.ts';
import { type GroupConfiguration, type Listener, listenersOf } from '../configuration/index.ts';
import { migratedComponents, openControlPlaneDatabase } from '../database/index.ts';
import { type InterfaceOptions, mountHealth } from '../interfaces/index.ts';
import { answersWithin, createListeners, listenOn, requireFree } from '../listening/index.ts';
import { described } from '../openapi/index.ts';
import { mayAsk, mayCall, type ProcessGroup, pathsOfOtherGroups, processGroups } from '../process-groups/index.ts';
import { createProcessListener } from './listener.ts';
import { openOwnIdentity } from './own-identity.ts';
import { createRefusedCalls } from './refused-calls.ts';
import { remotesOf } from './remotes.ts';
import { startGroup } from './start-group.ts';

export interface RunningProcess {
  readonly group: ProcessGroup;
  /** The issuer for the edge process; otherwise the address at which other processes call it. */
  readonly address: string;
  readonly notes: readonly string[];
  drain(): void;
  stop(): Promise<void>;
}

/** The groups that must be reachable before a process can start its components. */
const needed: Readonly<Record<ProcessGroup, readonly ProcessGroup[]>> = {
  evidence: [],
  core: ['evidence'],
  egress: ['evidence', 'core'],
  'certificate-authority': ['evidence', 'core'],
  secrets: ['evidence', 'core'],
  edge: ['evidence', 'core'],
};

const startWithinMs = 120_000;

/**
 * Starts the components of one group and serves the processes of the other groups.
 *
 * @throws CodedError `configuration_invalid`, `process_certificate_expired`, `database_not_migrated`, `peer_unavailable` if a
 * required process does not answer within two minutes; what {@link startControlPlane} throws
 */
export async function startProcess(
  configuration: GroupConfiguration,
  options: {
    readonly onProgress?: (message: string) => void;
    readonly logger?: Logger;
    readonly clock?: Clock;
    readonly signal?: AbortSignal;
  } = {},
): Promise<RunningProcess> {
  const { process: own } = configuration;
  const { group } = own;
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createLogger({ level: configuration.logLevel, name: `countersign ${group}` });
  const onProgress = options.onProgress ?? (() => undefined);
  const lifecycle = createLifecycle({ logger, signal: options.signal });
  const metrics = createMetrics();
  const identity = openOwnIdentity({ references: own, group, clock, logger, metrics });
  await requireFree(own.listen);
  const listeners = listenersOf(configuration);
  for (const listener of listeners) await requireFree(listener);
  const open = createListeners({ lifecycle, logger, metrics, clock });

  try {
    const database = await openControlPlaneDatabase({
      configuration,
      components: migratedComponents,
      lifecycle,
      logger,
      onProgress,
    });
    const peers = new Map<ProcessGroup, Peer>();
    for (const name of processGroups) {
      const addresses = own.peers[name];
      if (name === group || addresses === undefined) continue;
      const peer = createPeer({ name, addresses, identity: identity.current(), logger });
      lifecycle.started({ name: `connections to ${name}`, stop: () => peer.stop() });
      peers.set(name, peer);
    }
    for (const name of needed[group]) {
      onProgress(`Waiting for ${name}`);
      await untilReady(peers.get(name), options.signal);
    }
    onProgress(`Starting ${group}`);
    const ground = await createGround({ configuration, database, lifecycle, logger, metrics, clock });
    const remote = remotesOf(peers);
    const started = await startGroup[group]({
      ground,
      remote,
      configuration,
      logger,
      clock,
      signal: options.signal,
    });

    const openapi = described(configuration);
    const optionsFor = ({ baseUrl }: Pick<Listener, 'baseUrl'>): InterfaceOptions => ({
      guard: started.guard,
      configuration,
      baseUrl,
      clock,
      openapi,
    });
    const isReady = async (): Promise<boolean> =>
      !open.isDraining() &&
      clock.now() <= identity.endsAt() &&
      (await answersWithin(started.checkHealth(), 2_000)) &&
      (await allReady(needed[group], peers));
    const health = { metrics, ready: isReady, warnings: () => identity.warnings() };
    const audit = group === 'evidence' ? started.offered['audit-log'] : remote('audit-log');
    if (audit === undefined) throw new Error('the evidence process does not offer its log');
    const refusedCalls = createRefusedCalls({ audit, at: group, ...ground.common });
    lifecycle.started({ name: 'records of refused calls', stop: () => refusedCalls.stop() });
    const listener = createProcessListener({
      identity: identity.current(),
      ...{ metrics, clock, logger, mayCall, mayAsk, health },
      offered: started.offered,
      onRefused: (refused) => refusedCalls.refuse(refused),
      doors: (own.doors ?? []).map(({ listener: name, baseUrl, zone }) => ({
        listener: { name, baseUrl, zone },
        mount: (app: FastifyInstance) => started.mount(app, optionsFor({ baseUrl }), name),
      })),
    });
    open.include(listener.app);
    await listener.ready();
    lifecycle.started({
      name: 'calls of other processes',
      async stop() {
        await closeGently(listener.app);
        await listener.close();
      },
    });
    await listenOn(listener.app, own.listen);
    identity.follow((renewed) => {
      listener.renew(renewed);
      for (const peer of peers.values()) peer.renew(renewed);
    });
    lifecycle.started({ name: 'certificate of this process', stop: () => identity.stop() });

    // Clients call only edge. The listeners of every other process serve only its health.
    for (const listener of listeners)
      await open.open(listener, (app) => {
        const { name } = listener;
        if (group === 'edge') started.mount(app, optionsFor(listener), name);
        for (const other of ['core', 'evidence', 'egress', 'certificate-authority', 'secrets'] as const) {
          const peer = peers.get(other);
          if (group === 'edge' && peer !== undefined) passOn(app, { peer, paths: pathsOfOtherGroups[other] }, name);
        }
        if (name === 'HTTP') mountHealth(app, health);
      });
    return {
      group,
      address: group === 'edge' ? configuration.issuer : `https://${own.listen.host}:${own.listen.port}`,
      notes: [...database.notes, ...(started.notes ?? [])],
      drain: () => open.drain(),
      async stop() {
        open.drain();
        await lifecycle.stop();
      },
    };
  } catch (error) {
    await lifecycle.stop();
    throw error;
  }
}

async function untilReady(peer: Peer | undefined, signal: AbortSignal | undefined): Promise<void> {
  if (peer === undefined) return;
  const deadline = performance.now() + startWithinMs;
  while (!(await peer.isReady())) {
    signal?.throwIfAborted();
    if (performance.now() >= deadline)
      throw wireErrors.error(
        'peer_unavailable',
        `The ${peer.name} process is not ready after ${startWithinMs / 1_000} seconds: look at its log, and at process.peers.${peer.name}.`,
      );
    await sleep(250, undefined, signal === undefined ? {} : { signal });
  }
}

async function allReady(names: readonly ProcessGroup[], peers: ReadonlyMap<ProcessGroup, Peer>): Promise<boolean> {
  const ready = await Promise.all(names.map(async (name) => (await peers.get(name)?.isReady()) ?? true));
  return !ready.includes(false);
}
