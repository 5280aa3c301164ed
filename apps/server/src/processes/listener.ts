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

/** The single address at which other processes reach this one, for calls and for forwarded requests. */
export interface ProcessListener {
  readonly app: FastifyInstance;
  /** Prepares the servers of the forwarded interfaces. Call it before listening. */
  ready(): Promise<void>;
  /** Presents this identity to new connections. @throws Error if it is unusable; the previous identity stays in use */
  renew(identity: ProcessIdentity): void;
  close(): Promise<void>;
}

export interface ProcessListenerOptions extends ServedCalls {
  readonly identity: ProcessIdentity;
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly health: HealthOptions;
  /** Interfaces by the edge listener that received the request. Empty if this process serves none to clients. */
  readonly doors: readonly {
    readonly listener: Pick<Listener, 'name' | 'baseUrl' | 'zone'>;
    readonly mount: (app: FastifyInstance) => void;
  }[];
}

/** Only the process that faces the internet forwards requests. */
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
    // A forwarded request reaches only client interfaces, whatever its path, so that an external client can never reach a remote
    // call.
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
