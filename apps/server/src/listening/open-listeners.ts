import type { Clock } from '@countersign/kernel';
import { closeGently, createHttpServer, drain, type Lifecycle, type Logger, type Metrics } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { Listener } from '../configuration/index.ts';
import { listenOn } from './listening.ts';

/** The HTTP servers of one process. They drain together and close when the process stops. */
export interface OpenListeners {
  /**
   * Serves the routes that `mount` adds at the address of a listener.
   *
   * @throws CodedError `address_in_use`
   */
  open(listener: Listener, mount: (app: FastifyInstance) => void): Promise<void>;
  /** Adds a server that was opened separately, so that it drains with the others. */
  include(app: FastifyInstance): void;
  /** Makes each answer the last one on its connection. Idempotent. */
  drain(): void;
  /** Whether {@link drain} was called: the process is stopping and no longer ready. */
  isDraining(): boolean;
}

export function createListeners({
  lifecycle,
  ...common
}: {
  readonly lifecycle: Lifecycle;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}): OpenListeners {
  const apps: FastifyInstance[] = [];
  let draining = false;
  return {
    async open(listener, mount) {
      const { name, tls, zone } = listener;
      const app = createHttpServer({ ...common, zone, ...(tls === undefined ? {} : { tls }) });
      apps.push(app);
      mount(app);
      // Servers started last stop first, so that no new request reaches a component that is about to stop.
      lifecycle.started({ name, stop: () => closeGently(app) });
      await listenOn(app, listener);
    },
    include(app) {
      apps.push(app);
    },
    drain() {
      draining = true;
      for (const app of apps) drain(app);
    },
    isDraining: () => draining,
  };
}
