import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { accessErrors, type Caller, type ResourceGuard } from '@countersign/contracts';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { freePort } from '@countersign/testkit';
import { shippedPolicies } from '../../engine.ts';
import { policyEngineRoutes } from '../../http.ts';
import { createEngineRig } from '../../testing/engine-rig.ts';

/** The model of the AuthZEN interop scenarios: Todo, and the certification. */
export const interopModel = fileURLToPath(new URL('./interop-model/', import.meta.url));

export const institution = '5493000ARRANGERDEM94';

/** The shipped policies with the interop model, in a folder that the caller must remove. */
export function folderWithModel(): string {
  const folder = mkdtempSync(join(tmpdir(), 'policies-'));
  cpSync(fileURLToPath(shippedPolicies), folder, { recursive: true });
  cpSync(interopModel, join(folder, 'applications', 'Interop'), { recursive: true });
  return folder;
}

/** A test token names its client and its scopes: `interop-gateway~decision:evaluate`. */
const guard: ResourceGuard = {
  async check({ authorization: [header] }, { scope }): Promise<Caller> {
    const [client, granted] = /^DPoP (\S+)~(\S+)$/.exec(header ?? '')?.slice(1) ?? [];
    if (client === undefined || granted === undefined) throw accessErrors.error('token_missing', 'no token');
    if (!granted.split(',').includes(scope)) throw accessErrors.error('insufficient_scope', 'another scope');
    return {
      subject: `service:${client}`,
      client,
      institution,
      actors: [],
      scope: granted.split(','),
      tokenId: 'tok',
      authorizationDetails: [],
    };
  },
};

/** The members that the tests read of any answer. */
interface AnswerBody {
  readonly decision: boolean;
  readonly context: { readonly policy: { readonly determining: readonly string[] } };
  readonly results: readonly object[];
  readonly page: { readonly next_token: string };
  readonly version: number;
  readonly recordId: string;
  readonly entities: readonly object[];
}

/** An engine that decides by the shipped policies and the interop model, behind its real HTTP interface. */
export async function createApplicationWorld() {
  const folder = folderWithModel();
  const rig = await createEngineRig();
  const engine = await rig.start({ policiesFolder: folder });
  const app = createHttpServer({ logger: createLogger({ level: 'silent', name: 'test' }), metrics: createMetrics() });
  // The routes need their own address before the server listens.
  const port = await freePort();
  const address = `http://127.0.0.1:${port}`;
  policyEngineRoutes(app, { policyEngine: engine, guard, policiesGuard: guard, baseUrl: address });
  await app.listen({ host: '127.0.0.1', port });

  async function send(
    method: string,
    path: string,
    { token, body }: { readonly token: string; readonly body?: unknown },
  ) {
    const answer = await fetch(`${address}${path}`, {
      method,
      headers: {
        authorization: `DPoP ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return {
      status: answer.status,
      evidence: answer.headers.get('countersign-evidence'),
      body: (await answer.json()) as AnswerBody,
    };
  }

  return {
    rig,
    address,
    engine,
    folder,
    send,
    /** Asks a question as the gateway of the scenarios, or as another client. */
    ask: (path: string, body: unknown, client = 'interop-gateway') =>
      send('POST', `/access/v1/${path}`, { token: `${client}~decision:evaluate,policy:read`, body }),
    /** Reads or changes an entity of the model as the client that may write. */
    entity: (method: 'GET' | 'PUT' | 'DELETE', path: string, body?: unknown, client = 'interop-sync') =>
      send(method, `/decisions/applications/${path}`, {
        token: `${client}~application:write`,
        ...(body === undefined ? {} : { body }),
      }),
    async close() {
      await app.close();
      await rig.close();
      rmSync(folder, { recursive: true });
    },
  };
}

export type ApplicationWorld = Awaited<ReturnType<typeof createApplicationWorld>>;
