import { createSocket } from 'node:dgram';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EvidenceRecord } from '@countersign/contracts';
import { isCodedError, systemClock, systemRandom } from '@countersign/kernel';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type ClockReading,
  type ClockSource,
  chronyClockSource,
  ntpClockSource,
  type RunningAuditLog,
} from '../index.ts';
import { createRig, draft, type Rig } from '../testing/rig.ts';
import { readTracking } from './chrony.ts';
import { readNtpAnswer } from './ntp-packet.ts';

const good: ClockReading = { measured: true, offsetUs: -40, uncertaintyUs: 900, stratum: 2, reference: 'time.example' };
const bad: ClockReading = { ...good, offsetUs: 99_500 };

/** A source that returns the reading a test sets. */
function fakeSource(first: ClockReading): ClockSource & { says: ClockReading } {
  const source = { kind: 'ntp' as const, says: first, measure: async () => source.says };
  return source;
}

describe('the clock of a log', () => {
  let rig: Rig;
  beforeEach(async () => {
    rig = await createRig();
  });
  afterEach(() => rig.close());

  async function recordsOf(log: RunningAuditLog, type: EvidenceRecord['type']): Promise<readonly EvidenceRecord[]> {
    return (await log.search({ type })).map(({ record }) => record);
  }

  it('is unknown without a source, which each measurement records, and raises no alarm', async () => {
    const log = await rig.open({ clock: systemClock });
    const [measured] = await recordsOf(log, 'clock.measured');
    expect(measured?.data).toMatchObject({
      source: 'system',
      synchronised: false,
      database: { offset_us: expect.any(Number), uncertainty_us: expect.any(Number) },
    });
    expect(measured?.data).not.toHaveProperty('within_budget');
    expect(log.clockQuality()).toMatchObject({ record: measured?.id, withinBudget: undefined });
    expect(await recordsOf(log, 'clock.alarm')).toEqual([]);
  });

  it('is measured repeatedly, and each record names the newest measurement', async () => {
    const clockSource = fakeSource(good);
    const log = await rig.open({ clock: systemClock, clockSource, clockPolicy: { windowMs: 30 } });
    await expect
      .poll(async () => (await recordsOf(log, 'clock.measured')).length, { timeout: 60_000 })
      .toBeGreaterThan(2);
    const newest = log.clockQuality()?.record;
    const { id } = await log.append(draft());
    const measurements = (await recordsOf(log, 'clock.measured')).map(({ id: of }) => of);
    const named = (await log.find(id))?.record.clock;
    expect(measurements.indexOf(named as never)).toBeGreaterThanOrEqual(measurements.indexOf(newest as never));
    expect((await recordsOf(log, 'clock.measured'))[0]?.data).toMatchObject({
      source: 'ntp',
      synchronised: true,
      offset_us: -40,
      uncertainty_us: 900,
      stratum: 2,
      reference: 'time.example',
      within_budget: true,
    });
  });

  it('is flagged beyond its budget, with one alarm per deviation', async () => {
    const clockSource = fakeSource(bad);
    const log = await rig.open({ clock: systemClock, clockSource, clockPolicy: { windowMs: 20 } });
    await expect
      .poll(async () => (await recordsOf(log, 'clock.measured')).length, { timeout: 60_000 })
      .toBeGreaterThan(3);
    const alarms = await recordsOf(log, 'clock.alarm');
    expect(alarms.map(({ data }) => data)).toEqual([
      expect.objectContaining({ offset_us: 99_500, within_budget: false, budget_us: 100_000, policy: 'flag' }),
    ]);
    await log.append(draft());
    clockSource.says = good;
    await expect.poll(() => log.clockQuality()?.withinBudget, { timeout: 60_000 }).toBe(true);
    clockSource.says = { measured: false, reason: 'no server answers' };
    await expect.poll(async () => (await recordsOf(log, 'clock.alarm')).length, { timeout: 60_000 }).toBe(2);
    expect((await recordsOf(log, 'clock.alarm'))[1]?.data).toMatchObject({
      synchronised: false,
      reason: 'no server answers',
    });
  });

  it('makes the log refuse records if the policy says so, and accept them again once it is corrected', async () => {
    const clockSource = fakeSource(bad);
    const log = await rig.open({
      clock: systemClock,
      clockSource,
      clockPolicy: { windowMs: 20, overBudget: 'refuse' },
    });
    const refused = await log.append(draft()).catch((error: unknown) => error);
    expect(isCodedError(refused, 'clock_over_budget')).toBe(true);
    // The log's own records are still written.
    expect(await recordsOf(log, 'clock.alarm')).toHaveLength(1);
    clockSource.says = good;
    await expect.poll(() => log.clockQuality()?.withinBudget, { timeout: 60_000 }).toBe(true);
    await log.append(draft());
    expect(await log.verify()).toMatchObject({ ok: true });
  });

  it('is measured as soon as it has been set, and the record states by how much', async () => {
    let setBy = 0;
    const clock = { now: () => systemClock.now() + setBy };
    const log = await rig.open({ clock, clockPolicy: { windowMs: 3_600_000 } });
    const before = await log.append(draft());
    setBy = -86_400_000;
    await expect.poll(async () => (await recordsOf(log, 'clock.measured')).length, { timeout: 60_000 }).toBe(2);
    const steps = (await recordsOf(log, 'clock.measured'))[1]?.data as { readonly steps_ms: readonly number[] };
    expect(steps.steps_ms).toHaveLength(1);
    // Up to the time that this machine may have taken meanwhile.
    expect(Math.abs((steps.steps_ms[0] ?? 0) + 86_400_000)).toBeLessThan(120_000);
    // The time of the log stops rather than going back.
    expect((await log.append(draft())).time >= before.time).toBe(true);
    expect(await log.verify()).toMatchObject({ ok: true });
  });
});

describe('chrony as a source', () => {
  // `chronyc -c tracking` of chrony 4.3.
  const report =
    'A9FEA97B,169.254.169.123,4,1763717412.871293068,-0.000012345,-0.000001209,0.000015341,-9.813,-0.000,0.011,0.000463789,0.000312345,16.2,Normal\n';

  it('is read for offset, root delay and root dispersion', () => {
    expect(readTracking(report)).toEqual({
      measured: true,
      offsetUs: -12,
      uncertaintyUs: 545,
      stratum: 4,
      reference: '169.254.169.123',
    });
  });

  it.each([
    ['without a reference', report.replace('Normal', 'Not synchronised')],
    ['with fewer fields', 'A9FEA97B,169.254.169.123\n'],
    ['that is empty', ''],
    ['with a delay that is not a number', report.replace('0.000463789', 'NaN')],
  ])('is rejected with a report %s', (_, text) => {
    expect(readTracking(text)).toMatchObject({ measured: false });
  });

  it('is asked by its command, within a timeout', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'chronyc-'));
    const command = join(folder, 'chronyc');
    await writeFile(command, `#!/bin/sh\n[ "$*" = "-c tracking" ] && printf '%s' '${report}'\n`);
    await chmod(command, 0o755);
    const patient = chronyClockSource({ command, timeoutMs: 30_000 });
    expect(await patient.measure()).toMatchObject({ measured: true, offsetUs: -12 });
    await writeFile(command, '#!/bin/sh\nexec sleep 60\n');
    expect(await chronyClockSource({ command, timeoutMs: 100 }).measure()).toMatchObject({ measured: false });
    expect(await chronyClockSource({ command: join(folder, 'gone') }).measure()).toMatchObject({ measured: false });
    await rm(folder, { recursive: true });
  });
});

describe('NTP servers as a source', () => {
  const closing: (() => void)[] = [];
  afterEach(() => {
    for (const close of closing.splice(0)) close();
  });

  /** A server whose time has this offset, and whose answer `alter` changes. */
  async function server(offMs: number, alter: (answer: Buffer) => Buffer | undefined = (answer) => answer) {
    const socket = createSocket('udp4');
    socket.on('message', (request, from) => {
      const answer = Buffer.alloc(48);
      answer.writeUInt8(0b00_100_100, 0);
      answer.writeUInt8(2, 1);
      answer.writeInt8(-20, 3);
      answer.writeUInt32BE(0x0000_0100, 4);
      answer.writeUInt32BE(0x0000_0080, 8);
      request.copy(answer, 24, 40, 48);
      for (const at of [32, 40]) {
        const now = Date.now() + offMs;
        answer.writeUInt32BE((Math.floor(now / 1000) + 2_208_988_800) % 2 ** 32, at);
        answer.writeUInt32BE(Math.floor(((now % 1000) / 1000) * 2 ** 32), at + 4);
      }
      const altered = alter(answer);
      if (altered !== undefined) socket.send(altered, from.port, from.address);
    });
    await new Promise<void>((resolve) => socket.bind(0, '127.0.0.1', resolve));
    closing.push(() => socket.close());
    return { host: '127.0.0.1', port: socket.address().port };
  }
  const measure = (servers: readonly { readonly host: string; readonly port: number }[], timeoutMs = 10_000) =>
    ntpClockSource({ servers, clock: systemClock, random: systemRandom, timeoutMs }).measure();

  it('return the offset and its uncertainty', async () => {
    const reading = await measure([await server(250)]);
    if (!reading.measured) throw new Error(reading.reason);
    expect(Math.abs(reading.offsetUs - 250_000)).toBeLessThanOrEqual(reading.uncertaintyUs);
    expect(reading).toMatchObject({ stratum: 2, reference: '127.0.0.1' });
    // At least root delay and dispersion of the server, and the resolution of our clock.
    expect(reading.uncertaintyUs).toBeGreaterThan(1_000);
  });

  it('outvote a wrong one', async () => {
    const reading = await measure([await server(3_600_000), await server(0), await server(0)]);
    if (!reading.measured) throw new Error(reading.reason);
    expect(Math.abs(reading.offsetUs)).toBeLessThanOrEqual(reading.uncertaintyUs);
  });

  it('are rejected when they contradict each other', async () => {
    expect(await measure([await server(0), await server(3_600_000)])).toMatchObject({
      measured: false,
      reason: expect.stringContaining('contradict'),
    });
  });

  const set = (at: number, value: number) => (answer: Buffer) => {
    answer.writeUInt8(value, at);
    return answer;
  };
  it.each([
    ['too little', (answer: Buffer) => answer.subarray(0, 47), 'too short'],
    ['another request', set(24, 0), 'another request'],
    ['as a client', set(0, 0b00_100_011), 'not the answer'],
    ['that it is not synchronised', set(0, 0b11_100_100), 'not synchronised'],
    ['with stratum 16', set(1, 16), 'not synchronised'],
    ['with a kiss-o’-death packet', set(1, 0), 'refused the request'],
    ['with a dispersion of a minute', set(9, 60), 'uncertainty of the server is too large'],
    ['without a time', (answer: Buffer) => answer.fill(0, 40, 48), 'no valid timestamps'],
  ])('are rejected when they answer %s', async (_, alter, reason) => {
    expect(await measure([await server(0, alter)])).toMatchObject({
      measured: false,
      reason: expect.stringContaining(reason),
    });
  });

  it('are rejected when they do not answer in time', async () => {
    expect(await measure([await server(0, () => undefined)], 200)).toMatchObject({
      measured: false,
      reason: expect.stringContaining('no answer in time'),
    });
  });

  it('return the time of the next era as well', () => {
    // 2036-02-07T06:28:16Z, when the seconds of NTP start again at 0, and a second later.
    const nonce = Buffer.alloc(8, 7);
    const packet = Buffer.alloc(48);
    packet.set([0b00_100_100, 1], 0);
    packet.set(nonce, 24);
    packet.writeUInt32BE(1, 36);
    packet.writeUInt32BE(1, 40);
    const answer = readNtpAnswer(packet, nonce);
    if ('reason' in answer) throw new Error(answer.reason);
    expect(Math.floor(answer.receivedUs / 1e6)).toBe(Date.parse('2036-02-07T06:28:16Z') / 1000);
    expect(answer.sentUs / 1e6).toBe(Date.parse('2036-02-07T06:28:17Z') / 1000);
  });
});
