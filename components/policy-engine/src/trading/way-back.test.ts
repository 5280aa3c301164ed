import type { PolicyBundle, Resource } from '@countersign/contracts';
import type { SimulationId } from '@countersign/kernel';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunningPolicyEngine } from '../engine.ts';
import { directoryOf, market, operator, person } from '../testing/desk.ts';
import { createEngineRig, type EngineRig } from '../testing/engine-rig.ts';

const door = 'https://control-plane.example/policies';
const command = { id: 'person:command', institution: operator };
const lockOut = `@id("everybody-out") forbid (principal, action == Action::"token:issue", resource is Resource);`;

let rig: EngineRig;
let engine: RunningPolicyEngine;
let shipped: PolicyBundle;

beforeAll(async () => {
  rig = await createEngineRig();
  rig.directory = directoryOf({
    version: 2,
    principals: [...market.principals, person('command', operator, { roles: ['operator'] })],
    resources: [
      ...market.resources,
      { uri: door as Resource['uri'], institution: operator, scopes: ['policy:rollback'], tokenFormat: 'jwt' },
    ],
  });
  engine = await rig.start();
  shipped = await engine.versions.bundle(1);
});
afterAll(() => rig.close());

const about = {
  changeRequest: 'CHG-1',
  reason: 'A trial',
  simulation: 'sim_01k9z3m8q4d6s0v2x5y7a9b1c3' as SimulationId,
};
const withPolicy = (text: string): PolicyBundle => ({
  ...shipped,
  policies: [...shipped.policies, { file: 'zz.cedar', text }],
});

describe('a bundle that would lock everybody out', () => {
  it('is refused if its proposer could not roll it back, and the refusal is recorded', async () => {
    await expect(engine.versions.propose(withPolicy(lockOut), about, command)).rejects.toMatchObject({
      code: 'policy_locks_out',
      detail: expect.stringContaining('The policy everybody-out forbids it.'),
    });
    expect(rig.records.at(-1)).toMatchObject({ type: 'policy.refused', outcome: 'deny', reason: 'policy_locks_out' });
  });

  it('is any that forbids the token to its proposer alone', async () => {
    const alone = lockOut.replace('principal,', `principal == Person::"${command.id}",`);
    await expect(engine.versions.propose(withPolicy(alone), about, command)).rejects.toMatchObject({
      code: 'policy_locks_out',
    });
  });

  it('is not one that closes other interfaces', async () => {
    const other = `@id("others-out") forbid (principal, action == Action::"token:issue", resource is Resource)
      unless { resource == Resource::"${door}" };`;
    // It gets as far as the bundle's own tests, which know nothing of this interface.
    await expect(engine.versions.propose(withPolicy(other), about, command)).rejects.toMatchObject({
      code: 'policy_tests_failed',
    });
  });
});
