import { once } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { CodedError, isCodedError } from '@countersign/kernel';
import { createProcessRig, type ProcessRig, type ServedByRig, serving } from '@countersign/testkit';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PeerCall } from './peer-call.ts';

const lock = (person: string): PeerCall => ({
  contract: 'authenticators',
  method: 'isLocked',
  body: JSON.stringify([person]),
  timeoutMs: 5_000,
  repeatable: true,
  gathered: true,
});
const unreachable = new CodedError({
  ...{ code: 'log_unavailable', category: 'unavailable', detail: 'Try again.' },
  ...{ facts: { version: 3 }, internal: 'not for others' },
});
const people = Array.from({ length: 30 }, (_, index) => `person:${index + 1}`);

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

/** Counts the requests that carried the calls. */
function counting(isLocked: (person: string) => Promise<boolean>, more: Parameters<typeof serving>[1] = {}) {
  const register = { isLocked, of: async () => [], invitersOf: async () => [] };
  const { calls } = serving({ authenticators: register as never }, more);
  const requests: string[] = [];
  const served: ServedByRig = {
    calls: (asked) => {
      requests.push(asked.headers['content-type'] ?? '');
      return calls?.(asked);
    },
  };
  return { served, requests };
}

/** A process that answers combined calls wrongly. */
async function serveWrongAnswers(
  answer: (response: ServerResponse, request: IncomingMessage) => void,
): Promise<string> {
  const { certificate, key, authorities } = rig.identity('core');
  const server = createServer(
    { cert: certificate, key, ca: authorities, requestCert: true, rejectUnauthorized: true },
    (request, response) => request.resume().once('end', () => answer(response, request)),
  );
  others.push(server);
  await once(server.listen(0, '127.0.0.1'), 'listening');
  return `https://localhost:${(server.address() as AddressInfo).port}`;
}

const outcomes = (asked: readonly Promise<string>[]) => Promise.allSettled(asked);
const codeOf = (outcome: PromiseSettledResult<string> | undefined): unknown =>
  outcome?.status === 'rejected' && isCodedError(outcome.reason) ? outcome.reason.code : outcome;

describe('simultaneous calls of one method', () => {
  it('go in one request, and each has its own answer', async () => {
    const { served, requests } = counting(async (person) => Number(person.slice(7)) % 2 === 0);
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    const answers = await Promise.all(people.map((person) => peer.call(lock(person))));
    expect(answers).toEqual(people.map((_, index) => String(index % 2 === 1)));
    expect(requests).toEqual(['application/vnd.countersign.calls+jsonl']);
  });

  it('go in as few requests as possible if one cannot hold them', async () => {
    const { served, requests } = counting(async () => false);
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    await Promise.all(Array.from({ length: 130 }, (_, index) => peer.call(lock(`person:${index}`))));
    expect(requests).toHaveLength(3);
  });

  it('are refused individually with code and detail, and internal errors stay hidden', async () => {
    const { served } = counting(async (person) => {
      if (person === 'person:3') throw unreachable;
      if (person === 'person:5') throw new Error('a secret of this process');
      return true;
    });
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    const asked = [...people.map((person) => lock(person)), { ...lock(''), body: '[7]' }, { ...lock(''), body: 'no' }];
    const found = await outcomes(asked.map((call) => peer.call(call)));
    expect(found.filter(({ status }) => status === 'fulfilled')).toHaveLength(28);
    expect(codeOf(found[2])).toBe('log_unavailable');
    expect(found[2]).toMatchObject({ reason: { detail: 'Try again.', facts: { version: 3 } } });
    expect(String((found[4] as PromiseRejectedResult).reason)).toContain('failed with status 500');
    expect(codeOf(found[30])).toBe('call_malformed');
    expect(codeOf(found[31])).toBe('call_malformed');
  });

  it('do not wait for a slow one among them', async () => {
    let answerSlow: (locked: boolean) => void = () => undefined;
    const slow = new Promise<boolean>((resolve) => {
      answerSlow = resolve;
    });
    const { served } = counting((person) => (person === 'person:1' ? slow : Promise.resolve(false)));
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    const [first, ...others] = people.map((person) => peer.call(lock(person)));
    await Promise.all(others);
    // Later calls do not wait either.
    await expect(peer.call(lock('person:2'))).resolves.toBe('false');
    answerSlow(true);
    await expect(first).resolves.toBe('true');
  });

  it('time out together, except those already answered', async () => {
    const { served } = counting((person) =>
      person === 'person:1' ? Promise.resolve(true) : new Promise<never>(() => undefined),
    );
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    const found = await outcomes(people.map((person) => peer.call({ ...lock(person), timeoutMs: 2_000 })));
    expect(found[0]).toMatchObject({ value: 'true' });
    expect(new Set(found.slice(1).map(codeOf))).toEqual(new Set(['peer_unavailable']));
  });

  it('are all refused if the table does not have them', async () => {
    const refused: object[] = [];
    const { served } = counting(async () => false, {
      mayCall: () => false,
      onRefused: async (call) => void refused.push(call),
    });
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    const found = await outcomes(people.map((person) => peer.call(lock(person))));
    expect(new Set(found.map(codeOf))).toEqual(new Set(['call_not_permitted']));
    expect(refused).toEqual([{ process: 'edge', call: 'authenticators/isLocked' }]);
  });

  it('count individually towards the limit of calls in progress', async () => {
    const { served } = counting(async () => false, { mostCalls: 10 });
    const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
    const found = await outcomes(people.map((person) => peer.call(lock(person))));
    expect(new Set(found.map(codeOf))).toEqual(new Set(['peer_overloaded']));
  });

  it('without an answer are repeated if that is allowed, and otherwise fail as unanswered', async () => {
    let times = 0;
    const address = await serveWrongAnswers((response, request) => {
      times++;
      if (request.headers['content-type'] === 'application/vnd.countersign.call+json') {
        response.end('true');
        return;
      }
      response.write('1 200 false\n');
      setTimeout(() => request.socket.destroy(), 50);
    });
    const peer = rig.connect({ name: 'core', addresses: [address] });
    const some = people.slice(0, 3);
    expect(await Promise.all(some.map((person) => peer.call(lock(person))))).toEqual(['true', 'false', 'true']);
    expect(times).toBe(3);
    const once = await outcomes(some.map((person) => peer.call({ ...lock(person), repeatable: false })));
    expect(once.map((outcome) => (outcome.status === 'fulfilled' ? outcome.value : codeOf(outcome)))).toEqual([
      'peer_unavailable',
      'false',
      'peer_unavailable',
    ]);
  });

  it.each([
    ['an answer to no call of the request', '7 200 true\n'],
    ['one answer twice', '0 200 true\n0 200 true\n'],
    ['no line at all', 'nonsense\n'],
  ])('fail if the other process sends %s', async (_, text) => {
    const peer = rig.connect({ name: 'core', addresses: [await serveWrongAnswers((response) => response.end(text))] });
    const found = await outcomes(people.slice(0, 3).map((person) => peer.call(lock(person))));
    const last = found.at(-1);
    expect(last).toMatchObject({ status: 'rejected' });
    expect(String((last as PromiseRejectedResult).reason)).toContain('answered what was not asked');
  });

  it('are at most sixty-four in a request', async () => {
    const { served } = counting(async () => false);
    const address = await rig.serve('core', served);
    const peer = rig.connect({ name: 'core', addresses: [address] });
    const body = Array.from({ length: 65 }, () => '["person:1"]').join('\n');
    // As a process that follows no rules would send it.
    const answer = await peer.pass({
      method: 'POST',
      path: '/calls/authenticators/isLocked',
      headers: { 'content-type': 'application/vnd.countersign.calls+jsonl' },
      body: Readable.from([body]),
      signal: new AbortController().signal,
    });
    expect(answer.statusCode).toBe(400);
    expect(await answer.body.json()).toMatchObject({ code: 'call_malformed' });
  });
});

it('a call that arrives while others are in progress waits for them, but not for long', async () => {
  const { served, requests } = counting(async () => {
    await sleep(100);
    return false;
  });
  const peer = rig.connect({ name: 'core', addresses: [await rig.serve('core', served)] });
  await peer.call(lock('person:0'));
  requests.length = 0;
  const began = performance.now();
  const first = peer.call(lock('person:1'));
  await sleep(20);
  const others = [peer.call(lock('person:2')), peer.call(lock('person:3'))];
  await Promise.all([first, ...others]);
  expect(requests).toEqual(['application/vnd.countersign.call+json', 'application/vnd.countersign.calls+jsonl']);
  expect(performance.now() - began).toBeLessThan(1_000);
});
