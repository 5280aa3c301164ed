import { type DecisionInput, type DevicePosture, deviceErrors, personSignalErrors } from '@countersign/contracts';
import { type Json, newId, systemRandom, type TransactionId, toInstant } from '@countersign/kernel';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../index.ts';
import { desk, directoryOf, market, midday, own, stepQuestion, transactionOf } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { issuedTo } from '../testing/issued-token.ts';
import { recordedDecision } from '../testing/recorded-decision.ts';

const mine = 'device:of-own';
let rig: EngineRig;
let engine: RunningPolicyEngine;
const reported = new Map<string, DevicePosture>();
beforeAll(async () => {
  rig = await createEngineRig();
  engine = await rig.start({ devices: { postureOf: (device) => reported.get(device) } });
});
afterAll(() => rig.close());
beforeEach(() => {
  reported.clear();
  rig.directory = desk;
});

function report(posture: DevicePosture['posture'], changes: Partial<DevicePosture> = {}): void {
  reported.set(mine, { posture, postureAt: toInstant(midday), source: 'edr', failed: [], ...changes });
}
const placing = (context: Partial<DecisionInput['context']> = {}) =>
  stepQuestion('order:create', transactionOf('trade_order', { drop: ['algo'] }), {
    acr: 'phr',
    authTime: midday / 1000 - 60,
    device: mine,
    ...context,
  });
const decided = (context?: Parameters<typeof placing>[0]) => engine.decide(placing(context));
const inputOf = ({ inputText }: { readonly inputText: string }) => JSON.parse(inputText) as Json;
const deviceIn = (input: Json) => {
  const { local } = input as unknown as { local: readonly { uid: Json; attrs: Json }[] };
  return local.find(({ uid }) => JSON.stringify(uid).includes('"Device"'));
};

/** Writes a decision into the log as its caller does. */
async function recorded(decision: Awaited<ReturnType<typeof decided>>) {
  const id = newId('record', { clock: rig.clock, random: systemRandom });
  rig.records.push({
    id,
    type: 'decision.made',
    source: 'policy-engine',
    outcome: decision.decision ? 'permit' : 'deny',
    data: { action: 'order:create', decision: recordedDecision(decision) } as unknown as Json,
  });
  return id;
}

describe('registers of another process that are stale', () => {
  it.each<readonly [string, Parameters<EngineRig['start']>[0]]>([
    [
      'signals_behind',
      {
        standing: {
          signalsOf() {
            throw personSignalErrors.error('signals_behind', 'Too old.');
          },
        },
      },
    ],
    [
      'postures_behind',
      {
        devices: {
          postureOf() {
            throw deviceErrors.error('postures_behind', 'Too old.');
          },
        },
      },
    ],
  ])('refuse every decision with %s', async (code, options) => {
    const behind = await rig.start(options);
    const before = rig.records.length;
    await expect(behind.decide(placing())).rejects.toMatchObject({ code, category: 'unavailable' });
    // Nothing was permitted, and no decision was recorded.
    expect(rig.records).toHaveLength(before);
  });
});

describe('a device named by an enforcement point', () => {
  const asking = (context: object) =>
    engine.evaluate(
      {
        subject: { type: 'person', id: 'person:own' },
        action: { name: 'order:create' },
        resource: { type: 'transaction', id: facts.id },
        context: context as never,
      },
      { id: 'service:own', institution: own },
    );
  const facts = transactionOf('trade_order', { id: 'txn_01k9z3m8q4d6s0v2x5y7a9b1c3' as TransactionId, drop: ['algo'] });
  const questionAbout = (device?: string) =>
    rig.transactions.set(facts.id, {
      facts: {
        ...facts,
        permitted: {
          ...{
            record: 'rec_01k9z3m8q4d6s0v2x5y7a9b1c3' as never,
            at: midday,
            acr: 'phr',
            authTime: midday / 1000 - 60,
          },
          reached: [own],
          ...(device === undefined ? {} : { device }),
        },
      },
      parties: [own],
    });
  const codes = ({ reasons }: { readonly reasons: readonly { readonly code: string }[] }) =>
    reasons.map(({ code }) => code);

  it('is the enforcement point’s own claim: it can only turn a permit into a deny', async () => {
    questionAbout();
    report('compliant');
    const permitted = await asking({ device: mine });
    expect(permitted.reasons).toEqual([]);
    expect(permitted.input).toMatchObject({ context: { claimedDevice: { __entity: { id: mine } } } });
    expect(permitted.input).not.toHaveProperty('context.device');
    report('failing');
    expect(codes(await asking({ device: mine }))).toEqual(['device_failing']);
    expect(codes(await asking({ device: 'device:unheard-of' }))).toEqual(['step_up_risk']);
  });

  it('does not replace the device of the sign-in, which the token record names', async () => {
    report('failing');
    questionAbout(mine);
    expect(codes(await asking({}))).toEqual(['device_failing']);
    expect(codes(await asking({ device: mine }))).toEqual(['device_failing', 'device_failing']);
    report('compliant');
    expect((await asking({})).reasons).toEqual([]);
    const evidence = issuedTo(rig, { subject: 'person:own', acr: 'phr', draft: { device: mine } });
    questionAbout();
    report('failing');
    expect(codes(await asking({ evidence }))).toEqual(['device_failing']);
  });
});

describe('a device named in a question', () => {
  it('is judged as last reported, whatever the directory has', async () => {
    expect((await decided()).reasons).toEqual([]);
    report('failing');
    expect((await decided()).reasons.map(({ code }) => code)).toEqual(['device_failing']);
    rig.directory = directoryOf({
      devices: market.devices.map((device) => ({ ...device, posture: 'failing' })),
    });
    report('compliant');
    expect((await decided()).reasons).toEqual([]);
    reported.clear();
    expect((await decided()).reasons.map(({ code }) => code)).toEqual(['device_failing']);
  });

  it('is stale when the report is old', async () => {
    report('compliant', { postureAt: toInstant(midday - 7 * 86_400_000 - 1) });
    expect((await decided()).reasons.map(({ code }) => code)).toEqual(['device_stale']);
  });

  it('is in the input as found, with its firm and person', async () => {
    report('failing');
    expect(deviceIn(inputOf(await decided()))).toEqual({
      attrs: {
        holder: { __entity: { id: 'person:own', type: 'Person' } },
        institution: { __entity: { id: own, type: 'Institution' } },
        posture: 'failing',
        postureAt: { __extn: { arg: toInstant(midday), fn: 'datetime' } },
      },
      parents: [{ id: own, type: 'Institution' }],
      uid: { id: mine, type: 'Device' },
    });
  });

  it('is replayed with its posture of that time', async () => {
    report('failing');
    const denied = await recorded(await decided());
    report('compliant');
    const permitted = await recorded(await decided());
    reported.clear();
    for (const [id, decision] of [
      [denied, false],
      [permitted, true],
    ] as const)
      expect(await engine.history.replay(id)).toMatchObject({ outcome: 'identical', recorded: { decision } });
  });

  it('changes nothing for a question without one, or for one that belongs to somebody else', async () => {
    const question = stepQuestion('order:create', transactionOf('trade_order', { drop: ['algo'] }));
    const before = (await engine.decide(question)).inputDigest;
    report('failing');
    expect((await engine.decide(question)).inputDigest).toBe(before);
    const other = await decided({ device: 'device:of-clerk' });
    expect(deviceIn(inputOf(other))).toBeUndefined();
    expect(inputOf(other)).toMatchObject({ context: { signals: ['device-unknown'] } });
  });
});
