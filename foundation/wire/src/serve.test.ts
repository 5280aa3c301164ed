import { request } from 'node:https';
import type { AddressInfo } from 'node:net';
import { type ProposalEnder, retentionErrors } from '@countersign/contracts';
import { CodedError } from '@countersign/kernel';
import { createHttpServer, createLogger, createMetrics } from '@countersign/runtime';
import { createTestAuthority } from '@countersign/testkit';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { callMediaType } from './call-path.ts';
import { createPeer, type Peer, processUri, remoteContract, serveCalls, wireErrors } from './index.ts';

const authority = createTestAuthority({ name: 'processes' });
const identityOf = (name: string) => {
  const { certificatePem, privateKeyPem } = authority.issue({
    subject: `CN=${name}`,
    sans: { uri: [processUri(name)], ip: ['127.0.0.1'] },
  });
  return { certificate: certificatePem, key: privateKeyPem, authorities: authority.certificatePem };
};
const logger = createLogger({ level: 'silent', name: 'test' });
const metrics = createMetrics();
const refused: object[] = [];
const ended = { before: 1, by: { id: 'process:core' }, reason: 'left' };
const proposals: ProposalEnder = {
  async endProposalsOf(proposer) {
    if (proposer === 'nobody') throw retentionErrors.error('proposal_not_found', 'No.');
    if (proposer === 'undeclared') throw new CodedError({ code: 'signed_in', category: 'forbidden', detail: 'No.' });
    if (proposer === 'misdeclared')
      throw new CodedError({ code: 'proposal_not_found', category: 'forbidden', detail: 'No.' });
    if (proposer === 'unavailable') throw wireErrors.error('peer_unavailable', 'Not now.');
    if (proposer === 'fault') throw new Error('a secret of this process');
    return proposer.length;
  },
};

const evidence = identityOf('evidence');
const calls = serveCalls({
  offered: { 'retention-proposals': proposals },
  mayCall: (process) => process === 'core',
  mayAsk: (_process, _contract, _method, [proposer]) => proposer !== 'somebody else',
  logger,
  metrics,
  onRefused: async (call) => void refused.push(call),
});
const app = createHttpServer({
  ...{ logger, metrics },
  tls: { certificate: evidence.certificate, key: evidence.key, onlyVouchedForBy: evidence.authorities },
  elsewhere: calls,
});
let address: string;
const peers: Peer[] = [];
const peerOf = (name: string): Peer => {
  const peer = createPeer({ name: 'evidence', addresses: [address], identity: identityOf(name), logger });
  peers.push(peer);
  return peer;
};

beforeAll(async () => {
  await app.listen({ host: '127.0.0.1', port: 0 });
  address = `https://127.0.0.1:${(app.server.address() as AddressInfo).port}`;
});
afterAll(async () => {
  await Promise.all(peers.map((peer) => peer.stop()));
  await app.close();
});

/** As a process that follows no rules would send it. */
function send(
  path: string,
  options: { readonly method?: string; readonly type?: string; readonly body?: string | Buffer },
) {
  const { certificate: cert, key, authorities: ca } = identityOf('core');
  const { method = 'POST', type = callMediaType, body = '[]' } = options;
  return new Promise<{ readonly status: number | undefined; readonly text: string }>((resolve, reject) => {
    const asked = request(
      `${address}${path}`,
      { method, cert, key, ca, headers: { 'content-type': type } },
      (answer) => {
        let text = '';
        answer.setEncoding('utf8');
        answer.on('data', (part: string) => {
          text += part;
        });
        answer.on('end', () => resolve({ status: answer.statusCode, text }));
      },
    );
    asked.on('error', reject);
    asked.end(body);
  });
}
const path = '/calls/retention-proposals/endProposalsOf';

describe('calls from other processes', () => {
  it('are answered, and refusals of the component are passed on unchanged', async () => {
    const { endProposalsOf } = remoteContract('retention-proposals', peerOf('core'));
    expect(await endProposalsOf('person:a', ended)).toBe(8);
    await expect(endProposalsOf('nobody', ended)).rejects.toMatchObject({
      code: 'proposal_not_found',
      category: 'not-found',
      detail: 'No.',
    });
  });

  it('reveal nothing of an internal error', async () => {
    const { endProposalsOf } = remoteContract('retention-proposals', peerOf('core'));
    await expect(endProposalsOf('fault', ended)).rejects.toThrow(
      'retention-proposals.endProposalsOf failed with status 500',
    );
    const { text } = await send(path, { body: JSON.stringify(['fault', ended]) });
    expect(text).not.toContain('secret');
  });

  it.each(['undeclared', 'misdeclared'])(
    'fail as an internal error if they are refused with a code that is %s',
    async (proposer) => {
      const { endProposalsOf } = remoteContract('retention-proposals', peerOf('core'));
      const error: unknown = await endProposalsOf(proposer, ended).catch((caught: unknown) => caught);
      expect(error).not.toBeInstanceOf(CodedError);
      const { status, text } = await send(path, { body: JSON.stringify([proposer, ended]) });
      expect([status, JSON.parse(text).code]).toEqual([500, 'internal_error']);
    },
  );

  it('may be refused as unavailable because another component does not answer', async () => {
    const { endProposalsOf } = remoteContract('retention-proposals', peerOf('core'));
    await expect(endProposalsOf('unavailable', ended)).rejects.toMatchObject({ code: 'peer_unavailable' });
  });

  it('are refused to a process not in the table, and reported for recording', async () => {
    const { endProposalsOf } = remoteContract('retention-proposals', peerOf('egress'));
    await expect(endProposalsOf('person:a', ended)).rejects.toMatchObject({ code: 'call_not_permitted' });
    expect(refused).toEqual([{ process: 'egress', call: 'retention-proposals/endProposalsOf' }]);
  });

  it('are refused if the process may not make exactly this call, and reported as well', async () => {
    const before = refused.length;
    const { endProposalsOf } = remoteContract('retention-proposals', peerOf('core'));
    await expect(endProposalsOf('somebody else', ended)).rejects.toMatchObject({ code: 'call_not_permitted' });
    expect(refused.slice(before)).toEqual([{ process: 'core', call: 'retention-proposals/endProposalsOf' }]);
  });

  it('are refused with another media type, an unknown method, or invalid JSON', async () => {
    expect(await send(path, { type: 'application/json' })).toMatchObject({ status: 400 });
    expect(await send('/calls/retention-proposals/hasOwnProperty', {})).toMatchObject({ status: 404 });
    const { status, text } = await send(path, { body: 'no JSON' });
    expect(status).toBe(400);
    expect(JSON.parse(text)).toMatchObject({ code: 'call_malformed' });
  });

  it('are refused beyond eight mebibytes', async () => {
    const answer = send(path, { body: Buffer.alloc(9 * 1024 * 1024, ' ') });
    // The connection may be closed before the rest was sent, which is an acceptable refusal.
    const status = await answer.then(
      (refusal) => refusal.status,
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect([413, 'EPIPE', 'ECONNRESET']).toContain(status);
  });

  it('must be POST requests to the path of a call', async () => {
    expect(await send(path, { method: 'PUT' })).toMatchObject({ status: 404 });
    for (const other of [`${path}/`, `${path}?a=b`, '/calls/retention-proposals', '/calls/../readyz'])
      expect((await send(other, {})).status, other).toBe(404);
  });
});
