import { type PolicyVersion, policyErrors } from '@countersign/contracts';
import { type Digest, type RecordId, systemClock, systemRandom } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createMemoryLog, createOpenGuard } from '@countersign/testkit';
import { loadBundle } from '../../bundle/load-bundle.ts';
import { readBundleFolder } from '../../bundle/read-folder.ts';
import { evaluateCompiled } from '../../decision/judge.ts';
import { createDecisionPoint } from '../../decision-point.ts';
import { authzenRoutes } from '../http.ts';
import { asEnforcementPoint } from './enforcement-point.ts';
import { interopModel } from './interop-model.ts';

export const baseUrl = 'https://pdp.example';

/** The decision point, its HTTP interface and a log that can be made to fail, with the data of the interop scenarios. */
export async function createInteropWorld() {
  const log = createMemoryLog(systemClock, { checked: [], anyReferences: true });
  const logger = createLogger({ level: 'silent', name: 'test' });
  const loaded = loadBundle(await readBundleFolder(new URL('./interop-policies/', import.meta.url)));
  const version: PolicyVersion = {
    version: 1,
    hash: loaded.hash,
    publishedAt: '2026-01-01T00:00:00.000Z',
    recordId: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as RecordId,
    changeRequest: 'first',
    proposedBy: 'service:installation',
    policies: [],
    signature: { kid: 'k', algorithm: 'ES256', value: '' },
  };
  const active = { version, loaded };
  const decisionPoint = createDecisionPoint({
    model: interopModel,
    policies: {
      current: () => active,
      async atLeast(least) {
        if (least > version.version) throw policyErrors.error('policy_behind', 'No version as new as that is here.');
        return active;
      },
    },
    // No directory data is read, so there is nothing to archive; other tests compare the policies.
    archive: { keep: () => undefined },
    shadow: { evaluatorFor: () => evaluateCompiled, offer() {} },
    audit: log,
    clock: systemClock,
    random: systemRandom,
    logger,
  });
  const app = createHttpServer({ logger, metrics: createMetrics() });
  authzenRoutes(app, { policyEngine: decisionPoint, guard: createOpenGuard(), baseUrl });
  const address = await app.listen({ host: '127.0.0.1', port: 0 });

  return {
    app,
    decisionPoint,
    records: log.records,
    hash: version.hash satisfies Digest,
    /** Makes the log unavailable while `work` runs. */
    async withoutLog<Result>(work: () => Promise<Result>): Promise<Result> {
      log.breakDown('writing');
      try {
        return await work();
      } finally {
        log.repair();
      }
    },
    post: (path: string, payload: unknown, headers: Readonly<Record<string, string>> = asEnforcementPoint()) =>
      app.inject({
        method: 'POST',
        url: `/access/v1/${path}`,
        headers: { 'content-type': 'application/json', ...headers },
        payload: typeof payload === 'string' ? payload : JSON.stringify(payload),
      }),
    /** Like {@link post}, over a raw socket. */
    async send(
      path: string,
      payload: unknown,
    ): Promise<{
      readonly status: number;
      readonly type: string;
      readonly evidence: string | null;
      readonly body: unknown;
    }> {
      const answer = await fetch(`${address}/access/v1/${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...asEnforcementPoint() },
        body: JSON.stringify(payload),
      });
      return {
        status: answer.status,
        type: answer.headers.get('content-type') ?? '',
        evidence: answer.headers.get('countersign-evidence'),
        body: await answer.json(),
      };
    },
    close: () => app.close(),
  };
}

export type InteropWorld = Awaited<ReturnType<typeof createInteropWorld>>;
