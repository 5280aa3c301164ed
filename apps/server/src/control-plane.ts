import { type Clock, systemClock } from '@countersign/kernel';
import { createLifecycle, createLogger, createMetrics, type Logger } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import { type Components, inviteFounders, startComponents } from './components/index.ts';
import { type Configuration, type Listener, listenersOf, notSetUp } from './configuration/index.ts';
import { migratedComponents, openControlPlaneDatabase } from './database/index.ts';
import { evidencePageRoute, frontPageRedirect, frontPageRoutes } from './front-page/index.ts';
import { mountCertificatePages, mountHealth, mountPages, mountRoutes } from './interfaces/index.ts';
import { answersWithin, createListeners, requireFree } from './listening/index.ts';
import { described } from './openapi/index.ts';
import { createTryOut, evidenceOfExample, type TryOutKeys, tryOutPath, tryOutRoutes } from './try-out/index.ts';

export interface ControlPlane {
  readonly address: string;
  /** Base address of the mutual TLS listener, if configured. */
  readonly mutualTlsAddress?: string;
  readonly components: Components;
  readonly notes: readonly string[];
  /**
   * Makes `/readyz` report that this process is not ready and closes each connection after its next answer. Load balancers and
   * clients move to other nodes, and no request is rejected meanwhile.
   */
  drain(): void;
  /** Completes the running requests, accepts no new ones and closes everything. Idempotent. */
  stop(): Promise<void>;
}

/**
 * Starts all components in this process and listens.
 *
 * @throws CodedError with what to do: `configuration_*`, `address_in_use`, those of the database and of the log. Everything
 * that was started before the error has been stopped.
 */
export async function startControlPlane(
  configuration: Configuration,
  options: {
    readonly onProgress?: (message: string) => void;
    readonly logger?: Logger;
    /** The clock of every component. Default: the system clock. */
    readonly clock?: Clock;
    /** How records that do not match their schema are handled. Default: reported in development, unchecked elsewhere. */
    readonly unfitRecords?: 'report' | 'throw' | 'unchecked';
    /** Aborting cancels the start and stops everything that was started. */
    readonly signal?: AbortSignal;
    /** Enables the try-out page, which is set up with the operator's key. Only in development. */
    readonly tryOut?: TryOutKeys;
    /** Accepts a changed secret of the database roles. For one start, after the old secret was lost. */
    readonly adoptRolesSecret?: boolean;
  } = {},
): Promise<ControlPlane> {
  const clock = options.clock ?? systemClock;
  const logger = options.logger ?? createLogger({ level: configuration.logLevel, name: 'countersign' });
  const onProgress = options.onProgress ?? (() => undefined);
  const lifecycle = createLifecycle({ logger, signal: options.signal });
  const metrics = createMetrics();
  const unfitRecords = options.unfitRecords ?? (configuration.environment === 'development' ? 'report' : 'unchecked');
  const tryOut = options.tryOut === undefined ? undefined : createTryOut({ ...options.tryOut, configuration, clock });
  const open = createListeners({ lifecycle, logger, metrics, clock });
  // Finds unreadable certificates and occupied addresses before the database starts.
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
        frontPageRedirect(app, configuration);
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
