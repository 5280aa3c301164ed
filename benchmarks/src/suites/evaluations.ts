import { createClient } from '@countersign/sdk';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, permitComplaint } from '../http-contender.ts';
import { protectedRequests } from '../machine-clients.ts';
import { venueOrders } from '../market.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';

/** AuthZEN evaluations: token, proof, decision, and a durable record of it. */
export async function measureEvaluations(options: {
  readonly controlPlane: MeasuredControlPlane;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly Result[]> {
  const { controlPlane, pace, onProgress } = options;
  const { issuer, market } = controlPlane;
  const contender = httpContender({
    name: 'over HTTP, recorded (AuthZEN)',
    server: controlPlane.server,
    connections: pace.connections,
    warmUpRequests: pace.warmUpRequests / 2,
    complaint: permitComplaint,
    async prepare(count) {
      const callers = await Promise.all(
        market.traders.map(async (client) => {
          const { id: clientId, key, proofKey } = client;
          const oauth = createClient({ issuer, clientId, key, proofKey });
          const { accessToken } = await oauth.clientCredentials({
            resource: `${issuer}/decisions`,
            scope: 'decision:evaluate',
          });
          const body = {
            subject: { type: 'service', id: `service:${clientId}` },
            action: { name: 'token:issue' },
            resource: { type: 'resource', id: venueOrders },
            context: { client: clientId, audience: venueOrders, scope: 'trade:read' },
          };
          return { client, accessToken, body };
        }),
      );
      return protectedRequests({ url: `${issuer}/access/v1/evaluation`, callers, count });
    },
  });
  return measureInTurn([contender], { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`decisions: ${message}`),
  );
}
