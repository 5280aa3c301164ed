import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemClock, systemRandom } from '@countersign/kernel';
import { readWorkloadExtension, workloadExtension } from '@countersign/spiffe';
import { codeOf } from '@countersign/testkit';
import { createAttesterDoor, digestFile, digestTree, type Launched, launch } from '@countersign/workload-agent';
import { readX509Certificate, subjectAltNamesOf } from '@countersign/x509';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { readFields, textIn } from '../../apps/workload-agent/src/protobuf.ts';
import { configurationIn, type RunningControlPlane, runControlPlane } from './testing/control-plane.ts';
import { scratchFolder } from './testing/scratch-folder.ts';
import { createWorkloadClient } from './testing/workload-client.ts';
import {
  certifiedAgent,
  createAttester,
  establishWorkloadAuthority,
  registerWorkload,
  workloadTerms,
} from './testing/workload-world.ts';

// A workload from its registration to its certificate and its end, through a running server, an agent and a Unix socket.

const folder = scratchFolder();
const data = scratchFolder();
const configurationFile = join(folder.path, 'settings.json');
const scripts = join(folder.path, 'app.js');
let controlPlane: RunningControlPlane;
let attester: ReturnType<typeof createAttester>;
let stranger: ReturnType<typeof createAttester>;
const running: Launched[] = [];

const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });
const terms = async (changes: object = {}) =>
  workloadTerms({
    holder: 'agent:vwap-1',
    profile: 'trading-agent',
    images: [await digestFile(process.execPath)],
    configuration: await digestTree(configurationFile),
    selectors: [{ name: 'script-tree', values: [await digestTree(scripts)] }],
    ...changes,
  });

const door = (of = attester) =>
  createAttesterDoor({ issuer: controlPlane.issuer, client: of.client, clock: systemClock });

async function start(entry: string, changes: Partial<Parameters<typeof launch>[0]> = {}): Promise<Launched> {
  const launched = await launch({
    ...{ entry, environment: 'test', executable: process.execPath, scripts, configuration: configurationFile },
    command: [process.execPath, scripts],
    ...{ door: door(), clock: systemClock, random: systemRandom, everyMs: 200 },
    ...changes,
  });
  running.push(launched);
  return launched;
}

const refusals = (type = 'workload.refused') => controlPlane.operator.records({ type });

beforeAll(async () => {
  writeFileSync(configurationFile, '{"limit": 100}\n');
  writeFileSync(scripts, 'setInterval(() => {}, 1000);\n');
  const configuration = await configurationIn(data.path);
  controlPlane = await runControlPlane(configuration);
  const { lei } = configuration.operator;
  attester = createAttester(controlPlane.issuer, lei);
  stranger = createAttester(controlPlane.issuer, lei, 'node-2');
  const { operator } = controlPlane;
  await operator.apply({
    services: [attester.service, stranger.service, { id: 'service:risk', institution: lei, roles: [] }],
    agents: [certifiedAgent(lei, 'vwap-1', ['person:development.approver', 'person:development.operator'])],
    clients: [attester.registration, stranger.registration],
  });
  await establishWorkloadAuthority(operator);
  await registerWorkload(operator, 'vwap-1', await terms());
});
afterEach(() => {
  for (const { child } of running.splice(0)) child.kill();
});
afterAll(async () => {
  await controlPlane?.stop();
  folder.remove();
  data.remove();
});

describe('a registered workload', () => {
  it('fetches its X.509-SVID over its socket, with the attested facts in the certificate', async () => {
    const { address } = await start('vwap-1');
    const client = createWorkloadClient(address);
    const stream = client.stream('FetchX509SVID');
    await vi.waitFor(() => expect(stream.messages.length).toBeGreaterThan(0), 10_000);
    const svid = readFields(readFields(stream.messages[0] ?? Buffer.alloc(0)).get(1)?.[0] ?? Buffer.alloc(0));
    expect(textIn(svid, 1)).toBe('spiffe://localhost/agent/vwap-1');
    const chain = svid.get(2)?.[0] ?? Buffer.alloc(0);
    const leaf = readX509Certificate(chain.subarray(0, 4 + chain.readUInt16BE(2)));
    expect(subjectAltNamesOf(leaf)).toMatchObject([{ kind: 'uri', text: 'spiffe://localhost/agent/vwap-1' }]);
    const statement = readWorkloadExtension(leaf.extensions.get(workloadExtension)?.value ?? new Uint8Array());
    expect(statement).toMatchObject({
      ...{ entry: 'vwap-1', level: 'kernel-observed', environment: 'test' },
      image: await digestFile(process.execPath),
      configuration: await digestTree(configurationFile),
    });
    const [attested] = (await controlPlane.operator.records({ type: 'workload.attested' })).filter(
      ({ id }) => id === statement.record,
    );
    expect(attested).toMatchObject({
      subject: { id: 'service:node-1' },
      data: { holder: 'agent:vwap-1', evidence: statement.evidence },
    });
    expect(stream.failure()).toBeUndefined();
    client.close();
  });

  it('gets nothing with another image, and the refusal is recorded with expected and actual values', async () => {
    const copy = join(folder.path, 'another-program');
    copyFileSync('/bin/sleep', copy);
    expect(await codeOf(start('vwap-1', { executable: copy, command: [copy, '60'] }))).toBe('workload_image_differs');
    expect((await refusals()).at(-1)).toMatchObject({
      outcome: 'deny',
      reason: 'workload_image_differs',
      data: {
        ...{ entry: 'vwap-1', fact: 'image', evidence: 'launcher', level: 'kernel-observed' },
        expected: [await digestFile(process.execPath)],
        found: await digestFile(copy),
      },
    });
  });

  it('gets nothing with another configuration, another script, or in another environment', async () => {
    const other = join(folder.path, 'other.json');
    writeFileSync(other, '{"limit": 1000000}\n');
    expect(await codeOf(start('vwap-1', { configuration: other }))).toBe('workload_configuration_differs');
    expect(await codeOf(start('vwap-1', { scripts: other }))).toBe('workload_fact_differs');
    expect(await codeOf(start('vwap-1', { environment: 'production' }))).toBe('workload_environment_differs');
    expect((await refusals()).at(-1)).toMatchObject({ data: { expected: ['test'], found: 'production' } });
  });

  it('gets nothing through another machine, or by its own claim', async () => {
    expect(await codeOf(start('vwap-1', { door: door(stranger) }))).toBe('workload_attester_unknown');
    const image = await digestFile(process.execPath);
    const facts = [
      { name: 'environment', value: 'test' },
      { name: 'image', value: image },
    ];
    expect(await codeOf(door().obtainSvid('vwap-1', async () => [{ kind: 'self', facts }]))).toBe(
      'workload_assurance_low',
    );
    expect((await refusals()).at(-1)).toMatchObject({
      data: { fact: 'image', expected: [image], found: image, level: 'asserted', evidence: 'self' },
    });
  });

  it('is served only by calls with the security header', async () => {
    const { Metadata } = await import('@grpc/grpc-js');
    const { address } = await start('vwap-1');
    const client = createWorkloadClient(address);
    const stream = client.stream('FetchX509SVID', Buffer.alloc(0), new Metadata());
    await vi.waitFor(() => expect(stream.failure()?.code).toBe(3));
    expect(stream.messages).toEqual([]);
    client.close();
  });

  it('loses its certificate when its configuration changes, until two people approve the new one', async () => {
    const { address } = await start('vwap-1');
    const client = createWorkloadClient(address);
    const stream = client.stream('FetchX509SVID');
    await vi.waitFor(() => expect(stream.messages.length).toBeGreaterThan(0), 10_000);
    const before = readFileSync(configurationFile);
    writeFileSync(configurationFile, '{"limit": 200}\n');
    await vi.waitFor(() => expect(stream.failure()).toMatchObject({ code: 7 }), 10_000);
    expect(stream.failure()?.details).toContain('workload_configuration_differs');
    await registerWorkload(controlPlane.operator, 'vwap-1', await terms());
    const again = client.stream('FetchX509SVID');
    // The agent retries by itself; the stream may be refused until then.
    await vi
      .waitFor(
        () => {
          if (again.failure() !== undefined) throw new Error('refused');
          expect(again.messages.length).toBeGreaterThan(0);
        },
        { timeout: 1_000 },
      )
      .catch(async () => {
        const later = client.stream('FetchX509SVID');
        await vi.waitFor(() => expect(later.messages.length).toBeGreaterThan(0), 10_000);
      });
    writeFileSync(configurationFile, before);
    await registerWorkload(controlPlane.operator, 'vwap-1', await terms());
    client.close();
  });
});

describe('the end of a workload', () => {
  it.each([
    [
      'the entry is suspended by one person',
      () =>
        controlPlane.operator.call(
          'workloads',
          'workload:suspend',
          post('/workloads/vwap-1/suspend', { reason: 'Kill switch' }),
        ),
    ],
    [
      'the principal is revoked',
      () =>
        controlPlane.operator.call('revocations', 'token:revoke', {
          ...post('/revocations', { kind: 'principal', id: 'agent:vwap-1', reason: 'Kill switch' }),
        }),
    ],
  ])('empties its stream when %s', async (_, end) => {
    await registerWorkload(controlPlane.operator, 'vwap-1', await terms());
    const { address } = await start('vwap-1');
    const client = createWorkloadClient(address);
    const stream = client.stream('FetchX509SVID');
    await vi.waitFor(() => expect(stream.messages.length).toBeGreaterThan(0), 10_000);
    await end();
    await vi.waitFor(() => expect(stream.failure()).toMatchObject({ code: 7 }), 10_000);
    expect(stream.failure()?.details).toContain('workload_ended');
    client.close();
  });
});
