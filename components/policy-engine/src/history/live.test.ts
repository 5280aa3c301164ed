import { createTextReader } from '@countersign/cedar';
import type { DecisionInput, RecordDraft } from '@countersign/contracts';
import { newId, type RecordId, systemRandom, toInstant } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadBundle } from '../bundle/load-bundle.ts';
import { readBundleFolder } from '../bundle/read-folder.ts';
import { createEntityFactStore } from '../decision/store.ts';
import { type RunningPolicyEngine, shippedPolicies } from '../engine.ts';
import {
  directoryOf,
  institution,
  market,
  own,
  stepQuestion,
  tokenQuestion,
  transactionOf,
  typeNames,
} from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';
import { pageOf, streamed } from '../testing/record-stream.ts';
import { recordedDecision } from '../testing/recorded-decision.ts';
import { createRecordReader } from './record-reader.ts';
import { textsOn } from './recorded.ts';
import { createTrial } from './trial.ts';

let rig: EngineRig;
let engine: RunningPolicyEngine;
beforeAll(async () => {
  rig = await createEngineRig();
  engine = await rig.start();
});
afterAll(() => rig.close());

const askers = ['person:own', 'person:stranger', 'service:own', 'agent:vwap', 'agent:draft', 'person:nobody'];

/** All kinds of intents, by all kinds of principals: tokens for them, steps of them, and interfaces. */
function questions(): readonly DecisionInput[] {
  const intents = typeNames.map((name) => transactionOf(name));
  const acr = 'phr';
  return askers.flatMap((principal) => [
    ...intents.map((facts) => tokenQuestion(principal, { ...facts, initiator: principal }, { acr })),
    ...intents.map((facts) => stepQuestion('order:create', facts, { principal, acr })),
    ...intents.map((facts) => stepQuestion('settlement:instruct', facts, { principal })),
    stepQuestion('order:create', transactionOf('trade_order', { drop: ['entity_lei'] }), { principal, acr }),
    tokenQuestion(principal, 'https://venue.example/orders', { scopes: ['order:create'], acr }),
    tokenQuestion(principal, 'https://nobody.example/', {}),
  ]);
}

async function decideAndRecord(input: DecisionInput): Promise<RecordId> {
  const decision = await engine.decide(input);
  const record: RecordDraft = {
    id: newId('record', { clock: rig.clock, random: systemRandom }),
    type: 'token.issued',
    source: 'test',
    outcome: decision.decision ? 'permit' : 'deny',
    data: { decision: recordedDecision(decision) },
  };
  rig.records.push(record);
  return record.id;
}

describe('what the engine decided by the shipped policies', () => {
  it('replays identically, also after the directory has changed', async () => {
    const records: RecordId[] = [];
    for (const question of questions()) records.push(await decideAndRecord(question));
    rig.directory = directoryOf({
      version: 2,
      institutions: market.institutions.map((of) => (of.lei === own ? institution(own, { leiStatus: 'LAPSED' }) : of)),
      principals: [],
    });
    let permits = 0;
    for (const record of records) {
      const report = await engine.history.replay(record);
      expect(report).toMatchObject({ outcome: 'identical' });
      if (report.recorded.decision) permits++;
    }
    // Both permits and denials were replayed.
    expect(permits).toBeGreaterThan(5);
    expect(permits).toBeLessThan(records.length - 5);
  });

  it('simulates identically, read from the text of its records straight into values', async () => {
    const shipped = loadBundle(await readBundleFolder(shippedPolicies));
    const records = rig.records
      .filter(({ type }) => type === 'token.issued')
      .map((draft) => streamed({ v: 1, time: toInstant(rig.clock.now()), ...draft }));
    const page = pageOf(records);
    const trial = createTrial(shipped, {});
    trial.judge(await createEntityFactStore(rig.scratch.pool('policy-engine')).load(trial.read(page).digests));
    expect(trial.counts()).toMatchObject({
      decisions: records.length,
      permitToDeny: 0,
      denyToPermit: 0,
      otherChanges: 0,
      skipped: {},
    });
    const read = createRecordReader(createTextReader(shipped.parsed.schema));
    expect(records.filter((_, place) => read(textsOn(page, place)).read === undefined)).toEqual([]);
  });

  it('is explained by the data of that time', async () => {
    const record = rig.records.find(({ outcome, type }) => outcome === 'deny' && type === 'token.issued');
    const { recorded, entities } = await engine.history.explain(record?.id as RecordId);
    expect(recorded.decision).toBe(false);
    expect(entities).toEqual(
      expect.arrayContaining([expect.objectContaining({ uid: { type: 'Institution', id: own } })]),
    );
  });
});
