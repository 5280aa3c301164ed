import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import type { Clock } from '@countersign/kernel';
import { systemClock } from '@countersign/kernel';
import { createLogger, createMetrics } from '@countersign/runtime';
import { fixedClock, leiOf, personOf } from '@countersign/testkit';
import { createPeer, type Peer, remoteContract } from '@countersign/wire';
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { prepareDevelopment } from '../configuration/development.ts';
import type { ProcessGroup } from '../process-groups/groups.ts';
import { initProcesses } from '../provisioning/init-processes.ts';
import { renewProcesses } from '../provisioning/renew-processes.ts';
import { createProcessListener } from './listener.ts';
import { type OwnIdentity, openOwnIdentity } from './own-identity.ts';

const folder = mkdtempSync(join(tmpdir(), 'renewal-'));
const logger = createLogger({ level: 'silent', name: 'test' });
const dayMs = 86_400_000;
let out: string;
let number = 0;
const open: (() => Promise<unknown>)[] = [];

const ownerUrl = join(folder, 'owner-url');
writeFileSync(ownerUrl, 'postgres://owner:secret@127.0.0.1:1/countersign');
const { configurationFile } = prepareDevelopment({
  dataFolder: join(folder, 'data'),
  port: 7420,
  databaseUrl: `file:${ownerUrl}`,
});
const init = async (clock: Clock = systemClock): Promise<void> => {
  out = join(folder, String(number++));
  await initProcesses({ configurationFile, folder: out, names: { core: ['localhost', '10.0.0.7'] }, clock });
};
beforeEach(() => init());
afterEach(async () => {
  for (const stop of open.splice(0).reverse()) await stop();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const certificateOf = (group: ProcessGroup) =>
  new X509Certificate(readFileSync(join(out, group, 'process.pem'), 'utf8'));
const identityOf = (group: ProcessGroup, clock: Clock = systemClock): OwnIdentity => {
  const file = (name: string) => `file:${join(out, group, name)}`;
  const identity = openOwnIdentity({
    references: { certificate: file('process.pem'), key: file('process.key'), authorities: file('authorities.pem') },
    ...{ group, clock, logger, metrics: createMetrics(), everyMs: 50 },
  });
  open.push(() => identity.stop());
  return identity;
};

describe('countersign processes renew', () => {
  it('makes new certificates with the previous names, from the same authority, for the requested time', async () => {
    const before = certificateOf('core');
    const [renewed] = await renewProcesses({ folder: out, groups: ['core'], days: 30 });
    const after = certificateOf('core');
    expect(after.serialNumber).not.toBe(before.serialNumber);
    expect(after.publicKey.equals(before.publicKey)).toBe(false);
    expect(after.subjectAltName).toBe(before.subjectAltName);
    expect(after.verify(new X509Certificate(readFileSync(join(out, 'authority', 'authority.pem'))).publicKey)).toBe(
      true,
    );
    expect((Date.parse(after.validTo) - Date.now()) / dayMs).toBeCloseTo(30, 1);
    expect(renewed).toMatchObject({
      group: 'core',
      endedAt: Date.parse(before.validTo),
      endsAt: Date.parse(after.validTo),
    });
    for (const file of renewed?.files ?? []) expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readdirSync(join(out, 'core')).filter((name) => name.endsWith('.new'))).toEqual([]);
    identityOf('core');
  });

  it('renews every process with a folder there, and no other', async () => {
    rmSync(join(out, 'egress'), { recursive: true });
    const renewed = await renewProcesses({ folder: out });
    expect(renewed.map(({ group }) => group)).toEqual(['edge', 'core', 'evidence', 'certificate-authority', 'secrets']);
  });

  it('gives no certificate a longer lifetime than its authority, and none after the authority has expired', async () => {
    const authority = new X509Certificate(readFileSync(join(out, 'authority', 'authority.pem')));
    const end = Date.parse(authority.validTo);
    await renewProcesses({ folder: out, clock: fixedClock(end - 10 * dayMs) });
    expect(certificateOf('edge').validTo).toBe(authority.validTo);
    await expect(renewProcesses({ folder: out, clock: fixedClock(end) })).rejects.toMatchObject({
      code: 'process_authority_expired',
      detail: expect.stringContaining('countersign processes init'),
    });
  });

  it.each([
    ['without the key of the authority', () => rmSync(join(out, 'authority', 'authority.key'))],
    [
      'with the key of somebody else',
      () => writeFileSync(join(out, 'authority', 'authority.key'), readFileSync(join(out, 'core', 'process.key'))),
    ],
    [
      'with a certificate of another process',
      () => writeFileSync(join(out, 'core', 'process.pem'), readFileSync(join(out, 'edge', 'process.pem'))),
    ],
  ])('changes nothing %s', async (_, spoil) => {
    spoil();
    const before = certificateOf('edge').serialNumber;
    await expect(renewProcesses({ folder: out })).rejects.toMatchObject({ code: 'process_folder_incomplete' });
    expect(certificateOf('edge').serialNumber).toBe(before);
  });

  it.each([[0], [826], [1.5], [Number.NaN]])('refuses %d days', async (days) => {
    await expect(renewProcesses({ folder: out, days })).rejects.toMatchObject({ code: 'process_days_invalid' });
  });
});

describe('the certificate of a running process', () => {
  it('is replaced on both sides without a restart, and no call fails meanwhile', async () => {
    const seen = { ofCaller: new Set<string>(), ofServer: new Set<string>() };
    const core = identityOf('core');
    const listener = createProcessListener({
      identity: core.current(),
      offered: { 'devices-departure': { end: async () => ({ ended: 1 }) } },
      mayCall: () => true,
      onRefused: async () => undefined,
      health: { metrics: createMetrics(), ready: async () => true, warnings: () => core.warnings() },
      ...{ clock: systemClock, metrics: createMetrics(), logger, doors: [] },
    });
    listener.app.server.on('secureConnection', (socket: TLSSocket) => {
      seen.ofCaller.add(socket.getPeerX509Certificate()?.serialNumber ?? '');
      seen.ofServer.add(socket.getX509Certificate()?.serialNumber ?? '');
    });
    await listener.app.listen({ host: '127.0.0.1', port: 0 });
    open.push(async () => {
      listener.app.server.closeAllConnections();
      await listener.app.close();
    });
    core.follow((renewed) => listener.renew(renewed));
    const edge = identityOf('edge');
    const { port } = listener.app.server.address() as AddressInfo;
    const peer: Peer = createPeer({
      name: 'core',
      addresses: [`https://localhost:${port}`],
      ...{ identity: edge.current(), logger },
    });
    open.push(() => peer.stop());
    edge.follow((renewed) => peer.renew(renewed));

    const { end } = remoteContract('devices-departure', peer);
    const departure = {
      principal: personOf('anna', leiOf('ARRANGER')).id,
      ...({ kind: 'leave', at: '2026-07-01T00:00:00Z', reason: 'A test' } as const),
      by: { id: 'service:directory', institution: '529900T8BM49AURSDO55' },
    } as const;
    const before = [certificateOf('edge').serialNumber, certificateOf('core').serialNumber];
    await end(departure);
    expect([...seen.ofCaller, ...seen.ofServer]).toEqual(before);
    // In sequence: until the second is renewed, a new certificate meets an old one.
    for (const group of ['core', 'edge'] as const) {
      await renewProcesses({ folder: out, groups: [group] });
      const identity = group === 'core' ? core : edge;
      const serial = certificateOf(group).serialNumber;
      await vi.waitFor(
        async () => {
          await end(departure);
          expect(new X509Certificate(identity.current().certificate).serialNumber).toBe(serial);
        },
        { timeout: 20_000, interval: 20 },
      );
    }
    await end(departure);
    expect([...seen.ofCaller].at(-1)).toBe(certificateOf('edge').serialNumber);
    expect([...seen.ofServer].at(-1)).toBe(certificateOf('core').serialNumber);
  });

  it('stays unchanged while the new one is unusable: half written, of another process, or of another authority', async () => {
    const identity = identityOf('core');
    const before = identity.current();
    const taken = vi.fn();
    identity.follow(taken);
    const files = ['process.pem', 'process.key'].map(
      (name) => [join(out, 'core', name), readFileSync(join(out, 'core', name))] as const,
    );
    const [[certificate], [key]] = files as [(typeof files)[number], (typeof files)[number]];
    const ofEdge = (name: string) => readFileSync(join(out, 'edge', name));
    const ofCore = out;
    await init();
    const stranger = (name: string) => readFileSync(join(out, 'core', name));
    for (const [pem, itsKey] of [
      ['', ''],
      [ofEdge('process.pem'), ofEdge('process.key')],
      [stranger('process.pem'), stranger('process.key')],
      [stranger('process.pem'), ofEdge('process.key')],
    ]) {
      writeFileSync(certificate, pem ?? '');
      writeFileSync(key, itsKey ?? '');
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    expect(taken).not.toHaveBeenCalled();
    expect(identity.current()).toBe(before);
    for (const [file, content] of files) writeFileSync(file, content);
    await renewProcesses({ folder: ofCore, groups: ['core'] });
    await vi.waitFor(() => expect(taken).toHaveBeenCalledTimes(1), { timeout: 10_000 });
  });

  it('causes a warning from thirty days before it expires', async () => {
    const end = Date.parse(certificateOf('core').validTo);
    expect(identityOf('core', fixedClock(end - 31 * dayMs)).warnings()).toEqual([]);
    expect(identityOf('core', fixedClock(end - 29 * dayMs)).warnings()).toEqual(['process_certificate_ends']);
  });

  it('that has expired prevents the start, with instructions', () => {
    const end = Date.parse(certificateOf('core').validTo);
    expect(() => identityOf('core', fixedClock(end + 1_000))).toThrow(
      expect.objectContaining({
        code: 'process_certificate_expired',
        detail: expect.stringContaining('countersign processes renew'),
      }),
    );
  });
});
