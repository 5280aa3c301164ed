import { createClient } from '@countersign/sdk';
import type { MeasuredControlPlane } from '../control-plane.ts';
import { httpContender, tokenComplaint } from '../http-contender.ts';
import { tokenRequests } from '../machine-clients.ts';
import { clearingScope, clearingTrades, venueOrders, venueScope } from '../market.ts';
import { measureInTurn, type Result } from '../measure.ts';
import type { Pace } from '../pace.ts';

/** A venue exchanges a token it was given for a narrower one that only clearing accepts. */
export async function measureTokenExchange(options: {
  readonly controlPlane: MeasuredControlPlane;
  readonly pace: Pace;
  readonly onProgress: (message: string) => void;
}): Promise<readonly Result[]> {
  const { controlPlane, pace, onProgress } = options;
  const { issuer, market } = controlPlane;
  const [holder] = market.traders;
  if (holder === undefined) throw new Error('a market without traders');
  const owner = createClient({ issuer, clientId: holder.id, key: holder.key, proofKey: holder.proofKey });
  const contender = httpContender({
    name: 'Countersign',
    server: controlPlane.server,
    connections: pace.connections,
    warmUpRequests: pace.warmUpRequests / 2,
    complaint: tokenComplaint,
    async prepare(count) {
      const subject = await owner.clientCredentials({ resource: venueOrders, scope: venueScope });
      const parameters = {
        grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
        subject_token: subject.accessToken,
        subject_token_type: 'urn:ietf:params:oauth:token-type:access_token',
        resource: clearingTrades,
        scope: clearingScope,
      };
      return tokenRequests({ issuer, clients: market.gateways, parameters, count });
    },
  });
  return measureInTurn([contender], { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`exchange: ${message}`),
  );
}
