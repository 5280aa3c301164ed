import { readFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import {
  type Access,
  type Client,
  type ControlPlane,
  createClient,
  createControlPlane,
  createProtection,
  importSigningKey,
} from '@countersign/sdk';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';

/** The configuration of a firm's process: one JSON file, mode 0600 because it contains the firm's key. */
export interface FirmConfiguration {
  readonly name: string;
  readonly lei: string;
  readonly port: number;
  readonly issuer: string;
  readonly clientId: string;
  readonly privateJwk: Readonly<Record<string, string>>;
  /** Addresses of the other firms, by their part in the trade. */
  readonly peers: Readonly<Record<string, string>>;
}

/** A firm built with the sdk: its own client, the control plane's answers, and an enforcement point. */
export interface Firm {
  readonly configuration: FirmConfiguration;
  /** The firm's own address, which is also the audience of tokens for it. */
  readonly address: string;
  readonly client: Client;
  readonly controlPlane: ControlPlane;
  readonly app: FastifyInstance;
  /** Address of another firm. @throws Error if the configuration does not name it, which is a mistake in the example */
  peer(part: string): string;
  /** Adds a route that runs only after the caller's token and proof were verified for this scope. */
  post<Body>(
    path: string,
    scope: string,
    handler: (body: Body, access: Access, request: FastifyRequest) => Promise<unknown>,
  ): void;
}

/**
 * Starts a firm as its own process: reads the configuration file from the arguments, serves, prints `ready` on standard output,
 * and stops on SIGTERM.
 */
export async function startFirm(define: (firm: Firm) => void): Promise<void> {
  const configuration = readConfiguration();
  const address = `http://127.0.0.1:${configuration.port}`;
  const client = createClient({
    issuer: configuration.issuer,
    clientId: configuration.clientId,
    key: importSigningKey(configuration.privateJwk),
  });
  const controlPlane = createControlPlane({ issuer: configuration.issuer, client });
  const protection = createProtection({ issuer: configuration.issuer, audience: address });
  const app = fastify({ bodyLimit: 65_536, requestTimeout: 10_000 });
  app.setErrorHandler(answerError);

  define({
    configuration,
    address,
    client,
    controlPlane,
    app,
    peer(part) {
      const peer = configuration.peers[part];
      if (peer === undefined) throw new Error(`${configuration.name} knows no ${part}`);
      return peer;
    },
    post<Body>(
      path: string,
      scope: string,
      handler: (body: Body, access: Access, request: FastifyRequest) => Promise<unknown>,
    ) {
      app.post(path, async (request, reply) => {
        const access = await protection.check(
          {
            method: request.method,
            url: address + request.url,
            authorization: request.raw.headersDistinct['authorization'] ?? [],
            dpop: request.raw.headersDistinct['dpop'] ?? [],
          },
          { scope },
        );
        void reply.status(201);
        return handler(request.body as Body, access, request);
      });
    },
  });
  await app.listen({ host: '127.0.0.1', port: configuration.port });
  process.stdout.write('ready\n');
  process.once('SIGTERM', () => void app.close().then(() => process.exit(0)));
  // Without the parent process the demo is over.
  process.once('disconnect', () => process.exit(0));
}

function readConfiguration(): FirmConfiguration {
  const file = process.argv[2];
  if (file === undefined) throw new Error('usage: node FIRM.js CONFIGURATION.json');
  return JSON.parse(readFileSync(file, 'utf8')) as FirmConfiguration;
}

const statusOf = {
  invalid: 400,
  unauthenticated: 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'too-large': 413,
  'rate-limited': 429,
  unavailable: 503,
} as const;

function answerError(error: unknown, _request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (!(error instanceof CodedError))
    return reply.status(500).send({ code: 'internal_error', detail: 'The firm could not process the request.' });
  return reply
    .status(statusOf[error.category])
    .send({ code: error.code, detail: error.detail, ...(error.facts === undefined ? {} : { facts: error.facts }) });
}

/** The one order a token was issued for. @throws CodedError `order_not_authorized` */
export function authorizedOrder(access: Access): TradeOrder {
  const [detail, another] = access.claims.authorization_details ?? [];
  if (
    detail === undefined ||
    another !== undefined ||
    detail.type !== 'urn:countersign:rar:v1:trade_order' ||
    access.claims.txn === undefined
  )
    throw refusal('order_not_authorized', 'forbidden', 'The token must carry exactly one order.');
  return detail;
}

export type TradeOrder = Extract<
  NonNullable<Access['claims']['authorization_details']>[number],
  { type: 'urn:countersign:rar:v1:trade_order' }
>;

export function refusal(
  code: string,
  category: CodedError['category'],
  detail: string,
  facts?: Readonly<Record<string, unknown>>,
): CodedError {
  return new CodedError({ code, category, detail, ...(facts === undefined ? {} : { facts }) });
}
