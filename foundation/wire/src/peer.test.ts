import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { Agent, createServer, request, type Server } from 'node:https';
import { type AddressInfo, createServer as createNetServer, type Server as NetServer } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { TLSSocket } from 'node:tls';
import { CodedError, isCodedError } from '@countersign/kernel';
import {
  createProcessRig,
  createTestAuthority,
  leiOf,
  type ProcessRig,
  personOf,
  processIdentityOf,
  serving,
} from '@countersign/testkit';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { callMediaType } from './call-path.ts';
import type { Peer } from './peer.ts';
import type { PeerCall } from './peer-call.ts';
import { type ProcessIdentity, processUri } from './process-identity.ts';
import { remoteContract } from './remote.ts';

const departure = {
  principal: personOf('anna', leiOf('ARRANGER')).id,
  kind: 'leave',
  at: '2026-07-01T00:00:00Z',
  by: { id: 'service:directory', institution: '529900T8BM49AURSDO55' },
  reason: 'A test',
} as const;
const ending: PeerCall = {
  contract: 'devices-departure',
  method: 'end',
  body: JSON.stringify([departure]),
  timeoutMs: 5_000,
  repeatable: true,
};
const departures = (end: () => Promise<{ readonly ended: number }>) => ({ 'devices-departure': { end } });
const ends = departures(async () => ({ ended: 2 }));
function refusal(code: string): CodedError {
  return new CodedError({
    code,
    category: 'conflict',
    detail: 'Somebody else was first.',
    facts: { version: 3 },
    internal: 'not for others',
  });
}
const never = () => new Promise<never>(() => undefined);

let rig: ProcessRig;
const others: Server[] = [];
beforeEach(() => {
  rig = createProcessRig();
});
afterEach(async () => {
  for (const server of others.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
  await rig.stop();
});

const errorOf = (asked: Promise<unknown>): Promise<unknown> =>
  asked.then(
    () => new Error('it was answered'),
    (error: unknown) => error,
  );

/** A process that misbehaves instead of answering. */
async function misbehavingPeer(name: string, onRequest: (times: number, close: () => void) => void): Promise<string> {
  const { certificate, key, authorities } = rig.identity(name);
  let times = 0;
  const server = createServer(
    { cert: certificate, key, ca: authorities, requestCert: true, rejectUnauthorized: true },
    (request, response) => {
      request.resume().once('end', () => {
        times++;
        onRequest(times, () => request.socket.destroy());
        if (!request.socket.destroyed) response.end('{"ended":1}');
      });
    },
  );
  others.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  return `https://localhost:${port}`;
}

describe('a call to another process', () => {
  it('is answered as the component there answers', async () => {
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', serving(ends))] });
    await expect(remoteContract('devices-departure', peer).end(departure)).resolves.toEqual({ ended: 2 });
  });

  it('that is refused is refused with the same code, detail, facts and category, and no internal details', async () => {
    const refuses = departures(async () => {
      throw refusal('device_enrolled');
    });
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', serving(refuses))] });
    const error = await errorOf(remoteContract('devices-departure', peer).end(departure));
    expect(error).toMatchObject({
      code: 'device_enrolled',
      category: 'conflict',
      detail: 'Somebody else was first.',
      facts: { version: 3 },
    });
    expect(isCodedError(error) && error.internal).toBeFalsy();
  });

  it('that fails with an internal error without a code fails without one here, and without details', async () => {
    const fails = departures(async () => {
      throw new Error('secret in a stack');
    });
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', serving(fails))] });
    const error = await errorOf(peer.call(ending));
    expect(error).toBeInstanceOf(Error);
    expect(isCodedError(error)).toBe(false);
    expect(String(error)).not.toContain('secret');
  });

  it('that did not arrive in time counts as unanswered, not as an internal error', async () => {
    const late = await rig.serve('core', {
      mount(app) {
        app.removeAllContentTypeParsers();
        app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => done(null, body));
        app.all('/*', (_request, reply) => reply.status(408).send({ code: 'request_timeout', detail: 'Late.' }));
      },
    });
    const peer = rig.connect({ name: 'core', addresses: [late] });
    expect(await errorOf(peer.call(ending))).toMatchObject({ code: 'peer_unavailable', category: 'unavailable' });
  });

  it('times out', async () => {
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', serving(departures(never)))] });
    const began = performance.now();
    const error = await errorOf(peer.call({ ...ending, timeoutMs: 200 }));
    expect(error).toMatchObject({ code: 'peer_unavailable', category: 'unavailable' });
    expect(performance.now() - began).toBeLessThan(5_000);
  });

  it('times out also while it waits for a connection', async () => {
    const addresses = [await rig.serve('core', serving(departures(never)))];
    const peer = rig.connect({ name: 'core', addresses, connections: 1 });
    const errors = await Promise.all([1, 2, 3].map(() => errorOf(peer.call({ ...ending, timeoutMs: 200 }))));
    for (const error of errors) expect(error).toMatchObject({ code: 'peer_unavailable' });
  });

  it('is refused immediately if too many wait', async () => {
    const addresses = [await rig.serve('core', serving(departures(never)))];
    const peer = rig.connect({ name: 'core', addresses, mostCalls: 2 });
    const waiting = [1, 2].map(() => errorOf(peer.call({ ...ending, timeoutMs: 500 })));
    expect(await errorOf(peer.call(ending))).toMatchObject({ code: 'peer_overloaded', category: 'unavailable' });
    await Promise.all(waiting);
    // Calls that timed out free their place.
    expect(await errorOf(peer.call({ ...ending, timeoutMs: 100 }))).toMatchObject({ code: 'peer_unavailable' });
  });

  it('is refused immediately by a process with too many calls of the caller in progress', async () => {
    let release = (): void => undefined;
    const held = new Promise<{ readonly ended: number }>((resolve) => {
      release = () => resolve({ ended: 1 });
    });
    const end = vi.fn(() => held);
    const address = await rig.serve('core', serving(departures(end), { mostCalls: 1 }));
    const [edge, egress] = ['edge', 'egress'].map((as) => rig.connect({ name: 'core', addresses: [address] }, as));
    const first = edge?.call(ending);
    await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(1));
    expect(await errorOf(edge?.call(ending) ?? never())).toMatchObject({ code: 'peer_overloaded' });
    // One process does not use the places of another.
    const ofAnother = egress?.call(ending);
    await vi.waitFor(() => expect(end).toHaveBeenCalledTimes(2));
    release();
    await expect(first).resolves.toContain('1');
    await expect(ofAnother).resolves.toContain('1');
  });

  it.each([
    ['is asked again where that does no harm', true, 2],
    ['is not asked again where it may have been done', false, 1],
  ])('whose connection breaks before the answer %s', async (_, repeatable, asked) => {
    let times = 0;
    const address = await misbehavingPeer('core', (time, close) => {
      times = time;
      if (time === 1) close();
    });
    const peer = rig.connect({ name: 'core', addresses: [address] });
    const outcome = await peer.call({ ...ending, repeatable }).catch((error: unknown) => error);
    if (repeatable) expect(outcome).toBe('{"ended":1}');
    else expect(outcome).toMatchObject({ code: 'peer_unavailable' });
    expect(times).toBe(asked);
  });

  it('opens a new connection if a kept one was closed meanwhile', async () => {
    let app: FastifyInstance | undefined;
    const address = await rig.serve('core', {
      ...serving(ends),
      mount(served) {
        app = served;
      },
    });
    const peer = rig.connect({ name: 'core', addresses: [address] });
    for (let time = 0; time < 3; time++) {
      await expect(peer.call(ending)).resolves.toBe('{"ended":2}');
      app?.server.closeAllConnections();
    }
  });
});

describe('several nodes of a process', () => {
  const counted = async (name: string, counts: number[], index: number): Promise<string> =>
    rig.serve(
      name,
      serving(
        departures(async () => {
          counts[index] = (counts[index] ?? 0) + 1;
          return { ended: 1 };
        }),
      ),
    );

  it('are called in turn', async () => {
    const counts = [0, 0];
    const addresses = [await counted('core', counts, 0), await counted('core', counts, 1)];
    const peer = rig.connect({ name: 'core', addresses });
    for (let time = 0; time < 6; time++) await peer.call(ending);
    expect(counts).toEqual([3, 3]);
  });

  it('suffice if one is gone, for commands as well: an unsent command was not executed', async () => {
    const counts = [0];
    const gone = await misbehavingPeer('core', () => undefined);
    for (const server of others.splice(0)) server.close();
    const peer = rig.connect({ name: 'core', addresses: [gone, await counted('core', counts, 0)] });
    for (let time = 0; time < 6; time++) await peer.call({ ...ending, repeatable: false });
    expect(counts).toEqual([6]);
  });

  it('one of which hangs are called there last', async () => {
    const counts = [0];
    const still = await rig.serve('core', serving(departures(never)));
    const peer = rig.connect({ name: 'core', addresses: [still, await counted('core', counts, 0)] });
    await errorOf(peer.call({ ...ending, repeatable: false, timeoutMs: 100 }));
    for (let time = 0; time < 4; time++) await peer.call({ ...ending, timeoutMs: 2_000 });
    expect(counts).toEqual([4]);
  });

  describe('one of which accepts connections and never answers', () => {
    /** As a process that was stopped: the system accepts in its place. */
    const stopped = async (): Promise<string> => {
      const server = createNetServer(() => undefined);
      silent.push(server);
      await once(server.listen(0, '127.0.0.1'), 'listening');
      return `https://localhost:${(server.address() as AddressInfo).port}`;
    };
    const silent: NetServer[] = [];
    afterEach(() => {
      for (const server of silent.splice(0)) server.close();
    });

    it('answer a question through another one, long before its timeout', async () => {
      const counts = [0];
      const answering = await counted('core', counts, 0);
      for (const still of [await stopped(), await rig.serve('core', serving(departures(never)))]) {
        const peer = rig.connect({ name: 'core', addresses: [still, answering] });
        const began = performance.now();
        await expect(peer.call({ ...ending, timeoutMs: 9_000 })).resolves.toBe('{"ended":1}');
        expect(performance.now() - began).toBeLessThan(8_000);
      }
      expect(counts).toEqual([2]);
    });

    it('are not called for a command that another one may have executed', async () => {
      const counts = [0];
      const still = await rig.serve('core', serving(departures(never)));
      const peer = rig.connect({ name: 'core', addresses: [still, await counted('core', counts, 0)] });
      expect(await errorOf(peer.call({ ...ending, repeatable: false, timeoutMs: 500 }))).toMatchObject({
        code: 'peer_unavailable',
      });
      expect(counts).toEqual([0]);
    });

    it('let one question test whether it answers again, while the others skip it', async () => {
      const counts = [0];
      let reached = 0;
      const still = await rig.serve(
        'core',
        serving(
          departures(() => {
            reached++;
            return never();
          }),
        ),
      );
      const peer = rig.connect({ name: 'core', addresses: [still, await counted('core', counts, 0)] });
      await peer.call({ ...ending, timeoutMs: 6_000 });
      await sleep(1_100);
      await Promise.all(Array.from({ length: 10 }, () => peer.call({ ...ending, timeoutMs: 6_000 })));
      expect(reached).toBe(2);
      expect(counts).toEqual([11]);
    });
  });
});

describe('a certificate of a process', () => {
  const issue = (name: string, notAfter: Date, of = rig.authority): ProcessIdentity => {
    const { certificatePem, privateKeyPem } = of.issue({
      subject: `CN=${name}`,
      sans: { uri: [processUri(name)], dns: ['localhost'] },
      notAfter,
    });
    return { certificate: certificatePem, key: privateKeyPem, authorities: of.certificatePem };
  };
  const ended = () => new Date(Date.now() - 60_000);

  it('that has expired lets its process make no calls, with instructions', async () => {
    const end = vi.fn(async () => ({ ended: 1 }));
    const addresses = [await rig.serve('core', serving(departures(end)))];
    const peer = rig.connect({ name: 'core', addresses, identity: issue('edge', ended()) });
    const error = await errorOf(peer.call(ending));
    expect(error).toMatchObject({ code: 'process_certificate_expired', category: 'unavailable' });
    expect(isCodedError(error) && error.detail).toContain('countersign processes renew');
    expect(end).not.toHaveBeenCalled();
    peer.renew(rig.identity('edge'));
    await expect(peer.call(ending)).resolves.toBe('{"ended":1}');
  });

  it('that has expired is refused, whatever its holder claims', async () => {
    const end = vi.fn(async () => ({ ended: 1 }));
    const address = await rig.serve('core', serving(departures(end)));
    const { certificate: cert, key, authorities: ca } = issue('edge', ended());
    await expect(
      new Promise((resolve, reject) => {
        request(`${address}/calls/devices-departure/end`, { method: 'POST', cert, key, ca, agent: false }, resolve)
          .once('error', reject)
          .end('[]');
      }),
    ).rejects.toThrow();
    expect(end).not.toHaveBeenCalled();
  });

  it('that has expired on the other side is named, and another node is called', async () => {
    const address = await rig.serve('core', { ...serving(ends), identity: issue('core', ended()) });
    const peer = rig.connect({ name: 'core', addresses: [address] });
    expect(await errorOf(peer.call({ ...ending, repeatable: false }))).toMatchObject({
      code: 'process_certificate_expired',
      detail: expect.stringContaining('the core process'),
    });
    const both = rig.connect({ name: 'core', addresses: [address, await rig.serve('core', serving(ends))] });
    for (let time = 0; time < 4; time++)
      await expect(both.call({ ...ending, repeatable: false })).resolves.toBe('{"ended":2}');
  });

  it('that expires while a connection is open is refused on it from then on', async () => {
    const refused: unknown[] = [];
    const more = { onRefused: async (what: unknown) => void refused.push(what) };
    const address = await rig.serve('core', serving(ends, more));
    const until = Date.now() + 4_000;
    const { certificate: cert, key, authorities: ca } = issue('edge', new Date(until));
    const agent = new Agent({ keepAlive: true, maxSockets: 1, cert, key, ca });
    const ask = () =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { 'content-type': callMediaType };
        request(`${address}/calls/devices-departure/end`, { method: 'POST', agent, headers }, (answer) => {
          answer.resume().once('end', () => resolve(answer.statusCode));
        })
          .once('error', reject)
          .end(ending.body);
      });
    expect(await ask()).toBe(200);
    await sleep(until - Date.now() + 1_200);
    expect(await ask()).toBe(503);
    expect(refused).toEqual([]);
    agent.destroy();
  });

  it('is renewed at run time without a failing call', async () => {
    const serials: string[] = [];
    const address = await rig.serve('core', {
      ...serving(ends),
      mount(app) {
        app.server.on('secureConnection', (socket: TLSSocket) =>
          serials.push(socket.getPeerX509Certificate()?.serialNumber ?? ''),
        );
      },
    });
    const peer = rig.connect({ name: 'core', addresses: [address], connections: 2 });
    const asking = Array.from({ length: 50 }, () => peer.call({ ...ending, repeatable: false }));
    const renewed = rig.identity('edge');
    peer.renew(renewed);
    asking.push(...Array.from({ length: 50 }, () => peer.call({ ...ending, repeatable: false })));
    expect(await Promise.all(asking)).toHaveLength(100);
    expect(serials).toContain(new X509Certificate(renewed.certificate).serialNumber);
  });
});

describe('the identity of caller and callee', () => {
  const served = (): Promise<string> => rig.serve('core', serving(ends));
  const gives = async (peer: Peer): Promise<unknown> => errorOf(peer.call({ ...ending, timeoutMs: 2_000 }));

  it('is refused with a certificate of another process', async () => {
    const end = vi.fn(async () => ({ ended: 1 }));
    const address = await rig.serve('egress', serving(departures(end)));
    const peer = rig.connect({ name: 'core', addresses: [address] });
    expect(await gives(peer)).toMatchObject({
      code: 'peer_unavailable',
      internal: expect.stringContaining('the certificate is of egress and not of core'),
    });
    expect(end).not.toHaveBeenCalled();
  });

  it('is refused with a certificate of another authority', async () => {
    const stranger = createTestAuthority({ name: 'strangers' });
    const identity = { ...processIdentityOf(stranger, 'edge'), authorities: rig.authority.certificatePem };
    const peer = rig.connect({ name: 'core', addresses: [await served()], identity });
    expect(await gives(peer)).toMatchObject({ code: 'peer_unavailable' });
    const trusting = rig.connect({
      name: 'core',
      addresses: [await served()],
      identity: processIdentityOf(stranger, 'edge'),
    });
    expect(await gives(trusting)).toMatchObject({ code: 'peer_unavailable' });
  });

  it('follows the name in the certificate, and a refusal is recorded before it is answered', async () => {
    const refused: unknown[] = [];
    const asked: string[] = [];
    const end = vi.fn(async () => ({ ended: 1 }));
    const address = await rig.serve(
      'core',
      serving(departures(end), {
        mayCall: (process, contract, method) => {
          asked.push(`${process} ${contract}/${method}`);
          return process === 'core';
        },
        onRefused: async (what) => void refused.push(what),
      }),
    );
    expect(await gives(rig.connect({ name: 'core', addresses: [address] }))).toMatchObject({
      code: 'call_not_permitted',
      category: 'forbidden',
    });
    expect(refused).toEqual([{ process: 'edge', call: 'devices-departure/end' }]);
    expect(asked).toEqual(['edge devices-departure/end']);
    const twoNames = processIdentityOf(rig.authority, 'core', [
      'urn:countersign:process:core',
      'urn:countersign:process:edge',
    ]);
    const both = rig.connect({ name: 'core', addresses: [address], identity: twoNames });
    expect(await gives(both)).toMatchObject({ code: 'call_not_permitted' });
    expect(refused.at(-1)).toEqual({ process: 'unknown', call: 'devices-departure/end' });
    expect(end).not.toHaveBeenCalled();
  });

  it('allows exactly the served calls, whatever the caller sends', async () => {
    const peer = rig.connect({ name: 'core', addresses: [await served()] });
    expect(await errorOf(peer.call({ ...ending, contract: 'directory', method: 'edit' }))).toMatchObject({
      code: 'call_unknown',
    });
    for (const body of ['', '{', '[]', '[{}]', JSON.stringify([departure, departure])])
      expect(await errorOf(peer.call({ ...ending, body })), body).toMatchObject({ category: 'invalid' });
  });
});
