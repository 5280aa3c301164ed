import { type Clock, systemClock } from '@countersign/kernel';
import { createLifecycle, createLogger, createMetrics, type Logger } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Components, inviteFounders, startComponents } from './components/index.ts';
import { type Configuration, type Listener, listenersOf, notSetUp } from './configuration/index.ts';
import { migratedComponents, openControlPlaneDatabase } from './database/index.ts';
import { evidencePageRoute, frontPageElsewhere, frontPageRoutes } from './front-page/index.ts';
import { mountCertificatePages, mountHealth, mountPages, mountRoutes } from './interfaces/index.ts';
import { answersWithin, createListeners, requireFree } from './listening/index.ts';
import { described } from './openapi/index.ts';
import { createTryOut, evidenceOfExample, type TryOutKeys, tryOutPath, tryOutRoutes } from './try-out/index.ts';

/** A control plane that answers. */
export interface ControlPlane {
  readonly address: string;
  /** Base of the listener for mutual TLS, where there is one. */
  readonly mutualTlsAddress?: string;
  readonly components: Components;
  readonly notes: readonly string[];
  /**
   * From now on `/readyz` says that this process is not ready, and each answer is the last on its connection: load balancers and
   * clients go elsewhere, and nobody is turned away meanwhile.
   */
  drain(): void;
  /** Answers what has begun, takes nothing new, closes everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts all components in this process and listens.
 *
 * @throws CodedError saying what to do: `configuration_*`, `address_in_use`, those of the database and of the log.
 *   What had been started by then has been stopped again.
 */
export async function startControlPlane(
  configuration: Configuration,
  options: {
    readonly onProgress?: (message: string) => void;
    readonly logger?: Logger;
    /** What every component goes by; the system's when left out. */
    readonly clock?: Clock;
    /** What becomes of a record that is not as its schema says. In development it is told, elsewhere nobody looks. */
    readonly unfitRecords?: 'tell' | 'throw' | 'unchecked';
    /** Aborted, the start is given up, and what had been started is stopped. */
    readonly signal?: AbortSignal;
    /** A page on which whoever is at this machine tries it, set up with the operator's key; in development alone. */
    readonly tryOut?: TryOutKeys;
    /** Accepts that the secret of the database roles is another than before: once, after the old one was lost. */
    readonly adoptRolesSecret?: boolean;
  } = {},
): Promise<ControlPlane> {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createLogger({ level: configuration.logLevel, name: 'countersign' });
  const onProgress = options.onProgress ?? (() => undefined);
  const lifecycle = createLifecycle({ logger, signal: options.signal });
  const metrics = createMetrics();
  const unfitRecords = options.unfitRecords ?? (configuration.environment === 'development' ? 'tell' : 'unchecked');
  const tryOut = options.tryOut === undefined ? undefined : createTryOut({ ...options.tryOut, configuration, clock });
  const open = createListeners({ lifecycle, logger, metrics, clock });
  // Unreadable certificates and taken addresses are found before the database is started.
  const listeners = listenersOf(configuration);
  for (const listener of listeners) await requireFree(listener);
  const missing = notSetUp(configuration);
  for (const line of missing) logger.warn(line);
  try {
    const database = await openControlPlaneDatabase({
      configuration,
      components: migratedComponents,
      lifecycle,
      logger,
      onProgress,
      adoptRolesSecret: options.adoptRolesSecret ?? false,
    });
    onProgress('Starting components');
    const components = await startComponents({
      ...{ configuration, database, lifecycle, logger, metrics, clock },
      unfitRecords: unfitRecords === 'unchecked' ? undefined : unfitRecords,
    });
    const founders = await inviteFounders({
      configuration,
      authenticators: components.authentication.authenticators,
      by: { id: 'service:countersign', institution: configuration.operator.lei },
    });
    const openapi = described(configuration);
    const mount = (app: FastifyInstance, listener: Listener): void => {
      mountRoutes(app, components, { configuration, listener, clock, openapi });
      if (listener.name !== 'HTTP') {
        mountCertificatePages(app, components);
        frontPageElsewhere(app, configuration);
        return;
      }
      const evidencePathOf = tryOut === undefined ? undefined : evidenceOfExample;
      mountPages(app, components, { configuration, clock, logger, evidencePathOf });
      const evidencePath = evidencePageRoute(app, configuration);
      const tryOutAt = tryOut === undefined ? undefined : tryOutPath;
      frontPageRoutes(app, { configuration, tryOutPath: tryOutAt, evidencePath });
      if (tryOut !== undefined) tryOutRoutes(app, { tryOut, issuer: configuration.issuer, logger, evidencePath });
      mountHealth(app, {
        metrics,
        ready: async () => !open.isDraining() && (await answersWithin(components.auditLog.checkHealth(), 2_000)),
      });
    };
    for (const listener of listeners) await open.open(listener, (app) => mount(app, listener));
    return {
      address: configuration.issuer,
      ...(configuration.mutualTls === undefined ? {} : { mutualTlsAddress: configuration.mutualTls.baseUrl }),
      components,
      notes: [...database.notes, ...missing, ...founders],
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
