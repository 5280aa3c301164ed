import type { Clock } from '@countersign/kernel';
import {
  createHttpServer,
  type HttpServerOptions,
  type HttpTls,
  type Logger,
  type Metrics,
  renewTls,
} from '@countersign/runtime';
import { listenerHeader, type ProcessIdentity, processAt, type ServedCalls, serveCalls } from '@countersign/wire';
import type { FastifyInstance } from 'fastify';
import type { Listener } from '../configuration/index.ts';
import { type HealthOptions, mountHealth } from '../interfaces/index.ts';

/** The one address at which other processes reach this one: for calls, and for requests that they pass on. */
export interface ProcessListener {
  readonly app: FastifyInstance;
  /** Has the servers of doors ready; to be called before it listens. */
  ready(): Promise<void>;
  /** Shows this from now on to whoever connects. @throws Error where it cannot be shown: the one before stays */
  renew(identity: ProcessIdentity): void;
  close(): Promise<void>;
}

export interface ProcessListenerOptions extends ServedCalls {
  readonly identity: ProcessIdentity;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: HealthOptions;
  /** Doors by the listener of edge that their requests came to; none where this process has none for others. */
  readonly doors: readonly {
    readonly listener: Pick<Listener, 'name' | 'baseUrl' | 'zone'>;
    readonly mount: (app: FastifyInstance) => void;
  }[];
}

/** Who faces the internet passes requests on; nobody else does. */
const passesOn = 'edge';

export function createProcessListener(options: ProcessListenerOptions): ProcessListener {
  const { identity, metrics, clock, logger, doors, health } = options;
  const passedOn: HttpServerOptions['passedOn'] = { by: (socket) => processAt(socket) === passesOn };
  const servers = new Map(
    doors.map(({ listener, mount }) => {
      const app = createHttpServer({ logger, metrics, clock, zone: listener.zone, passedOn });
      mount(app);
      return [listener.name, app] as const;
    }),
  );
  const calls = serveCalls(options);
  const app = createHttpServer({
    ...{ logger, metrics, clock },
    tls: tlsOf(identity),
    // Whatever was passed on reaches doors alone, however its path reads: nobody outside gets to a call.
    elsewhere(asked) {
      const { headers, socket } = asked;
      const name = headers[listenerHeader];
      if (name === undefined) return calls(asked);
      const door = [...servers].find(([listener]) => listener === name)?.[1];
      if (door === undefined || processAt(socket) !== passesOn)
        return (_request, response) => void response.writeHead(404).end();
      return (request, response) => door.routing(request, response);
    },
  });
  mountHealth(app, health);
  return {
    app,
    async ready() {
      await Promise.all([...servers.values()].map((server) => server.ready()));
    },
    renew(renewed) {
      renewTls(app, tlsOf(renewed));
    },
    async close() {
      await Promise.all([...servers.values()].map((server) => server.close()));
    },
  };
}

function tlsOf({ certificate, key, authorities }: ProcessIdentity): HttpTls {
  return { certificate, key, onlyVouchedForBy: authorities };
}
