import { accessErrors, type ResourceGuard } from '@countersign/contracts';
import { type Json, listOf, membersOf, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import type { FastifyInstance } from 'fastify';
import type { DirectoryComponent } from '../../index.ts';
import { broker, exampleFile, venue } from '../../testing/example-file.ts';
import { createRig, proposer, type Rig } from '../../testing/rig.ts';
import { registerScimRoutes, type ScimDependencies } from '../scim.ts';

/** For tests: SCIM interfaces on one database, and clients of them. */

type Document = Readonly<Record<string, Json>>;

export interface Answer {
  readonly status: number;
  readonly body: Document;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly etag: string;
  readonly id: string;
  readonly resources: readonly Document[];
}

export interface ScimClient {
  get(url: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
  send(
    method: 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: Json,
    headers?: Readonly<Record<string, string>>,
  ): Promise<Answer>;
}

export interface ScimRig extends Rig {
  readonly directory: DirectoryComponent;
  /** The interface of that directory, without a listener. */
  readonly app: FastifyInstance;
  readonly client: ScimClient;
  /** A client with this token: principal, institution and scopes, separated by spaces. */
  clientOf(token: string, app?: FastifyInstance): ScimClient;
  node(options?: Partial<ScimDependencies>): Promise<FastifyInstance>;
}

export const scimBase = 'https://countersign.example/scim/v2';
export const userUrn = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const groupUrn = 'urn:ietf:params:scim:schemas:core:2.0:Group';
export const principalUrn = 'urn:countersign:scim:schemas:1.0:Principal';
export const patchUrn = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
export const provisioning = `DPoP service:hr ${broker} identity:read identity:provision`;
export const provisioningOfVenue = `DPoP service:venue-hr ${venue} identity:read identity:provision`;

const guard: ResourceGuard = {
  async check({ authorization }, { scope }) {
    const [, subject, institution, ...scopes] = authorization[0]?.split(' ') ?? [];
    if (subject === undefined || institution === undefined) throw accessErrors.error('token_missing', 'no token');
    if (!scopes.includes(scope)) throw accessErrors.error('insufficient_scope', 'not this scope');
    return {
      subject,
      client: 'hr',
      institution,
      actors: [],
      scope: scopes,
      tokenId: 'tok_x',
      authorizationDetails: [],
    };
  },
};

/** The example file with two desks of the broker. */
export function fileWithDesks() {
  const desk = (name: string) => ({
    institution: broker,
    name,
    products: ['D'],
    venues: ['XEXA'],
    jurisdictions: ['DE'],
    hours: { time_zone: 'Europe/Berlin', opens: '08:00', closes: '18:00', days: [1, 2, 3, 4, 5] },
  });
  return { ...exampleFile(), desks: [desk('rates'), desk('credit')] };
}

export async function createScimRig(): Promise<ScimRig> {
  const rig = await createRig();
  const apps: FastifyInstance[] = [];
  const logger = createLogger({ level: 'silent', name: 'test' });
  const directory = await rig.open();
  await directory.apply(fileWithDesks(), proposer);

  function serve(of: DirectoryComponent, options: Partial<ScimDependencies> = {}): FastifyInstance {
    const app = createHttpServer({ logger, metrics: createMetrics() });
    registerScimRoutes(app, {
      directory: of,
      pool: rig.scratch.pool('directory'),
      guard,
      baseUrl: 'https://countersign.example',
      audit: {
        append: async (record) => {
          rig.records.push(record);
          return { id: record.id, index: BigInt(rig.records.length), time: '2026-11-21T00:00:00.000Z' };
        },
      },
      clock: rig.clock,
      random: systemRandom,
      logger,
      ...options,
    });
    apps.push(app);
    return app;
  }
  const first = serve(directory);

  function clientOf(token: string, app: FastifyInstance = first): ScimClient {
    async function request(
      method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
      url: string,
      body: Json | undefined,
      headers: Readonly<Record<string, string>>,
    ): Promise<Answer> {
      const answer = await app.inject({
        method,
        url: `/scim/v2${url}`,
        headers: {
          ...(token === '' ? {} : { authorization: token }),
          ...(body === undefined ? {} : { 'content-type': 'application/scim+json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
      });
      const read: Json = answer.body === '' ? {} : JSON.parse(answer.body);
      const members = membersOf(read) ?? {};
      const { id, Resources } = members;
      return {
        status: answer.statusCode,
        body: members,
        headers: answer.headers,
        etag: String(answer.headers['etag'] ?? ''),
        id: typeof id === 'string' ? id : '',
        resources: listOf(Resources, membersOf) ?? [],
      };
    }
    return {
      get: (url, headers = {}) => request('GET', url, undefined, headers),
      send: (method, url, body, headers = {}) => request(method, url, body, headers),
    };
  }

  return {
    ...rig,
    directory,
    app: first,
    client: clientOf(provisioning),
    clientOf,
    node: async (options = {}) => serve(await rig.open(), options),
    async close() {
      await Promise.all(apps.map((app) => app.close()));
      await rig.close();
    },
  };
}

export function newUser(userName: string, members: Document = {}): Document {
  return { schemas: [userUrn], userName, ...members };
}

export function patch(...operations: readonly Document[]): Document {
  return { schemas: [patchUrn], Operations: operations };
}
