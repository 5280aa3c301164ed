import { pushComplaint, pushParameters } from '../code-flow.ts';
import { httpContender } from '../http-contender.ts';
import { formRequests } from '../machine-clients.ts';
import { measureInTurn, type Result } from '../measure.ts';
import { codeFlowServers, type PeerSuite } from './peer-suite.ts';

/** Pushed authorization requests (RFC 9126): the client authenticates, the request is checked and kept. */
export async function measurePushedAuthorization(suite: PeerSuite): Promise<readonly Result[]> {
  const { pace, onProgress } = suite;
  const contenders = codeFlowServers(suite).map((asked) =>
    httpContender({
      name: asked.name,
      server: asked.server,
      connections: pace.connections,
      warmUpRequests: pace.warmUpRequests / 4,
      complaint: pushComplaint,
      prepare: (count) =>
        formRequests({
          ...asked,
          path: '/par',
          proof: false,
          parameters: (_client, index) => pushParameters(asked, index),
          count,
        }),
    }),
  );
  return measureInTurn(contenders, { rounds: pace.rounds, seconds: pace.httpSeconds }, (message) =>
    onProgress(`pushed-authorization: ${message}`),
  );
}
