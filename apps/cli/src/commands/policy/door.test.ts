import { CodedError } from '@countersign/kernel';
import { expect, it } from 'vitest';
import { FileContent } from '../../api.ts';
import { call, describeFound, requireScope } from './door.ts';

const refusing = {
  token: () =>
    Promise.reject(
      new CodedError({ code: 'invalid_scope', category: 'forbidden', detail: 'The client is not registered.' }),
    ),
};

it.each(['policy:propose', 'policy:approve', 'policy:rollback'] as const)(
  'advises a caller without the right to %s to use another identity',
  async (scope) => {
    await expect(requireScope(refusing, scope)).rejects.toMatchObject({
      code: 'invalid_scope',
      detail: expect.stringContaining('--client'),
    });
  },
);

it('names the command that runs a required simulation', async () => {
  const refused = new CodedError({
    code: 'policy_not_simulated',
    category: 'conflict',
    detail: 'It is over a day old.',
  });
  const answering = {
    issuer: 'http://localhost',
    token: async () => ({ accessToken: '', scope: '', expiresAt: Number.POSITIVE_INFINITY, authorizationDetails: [] }),
    client: { callOrThrow: () => Promise.reject(refused) },
  };
  const body = { bundle: new FileContent({}), changeRequest: 'CHG-1', reason: 'r', simulation: 'sim_1' };
  await expect(call(answering, 'POST /policies/candidates', { scope: 'policy:propose', body })).rejects.toMatchObject({
    code: 'policy_not_simulated',
    detail: expect.stringMatching(/^It is over a day old\. .*`countersign policy publish`/),
  });
});

it('gives no such advice to a caller who may not even read', async () => {
  await expect(requireScope(refusing, 'policy:read')).rejects.toMatchObject({
    detail: 'The client is not registered.',
  });
});

it('reports what the simulation of a candidate could not judge', () => {
  const candidate = (skipped: Readonly<Record<string, number>> | undefined) => ({
    simulation: { id: 'sim_1', decisions: 9, flips: 1, ...(skipped === undefined ? {} : { skipped }) },
  });
  expect(describeFound(candidate({ entity_missing: 250_000, input_missing: 2 }))).toBe(
    '1 of 9 decisions come out otherwise  not judged: 250000 entity_missing, 2 input_missing  sim_1',
  );
  for (const nothing of [{}, undefined])
    expect(describeFound(candidate(nothing))).toBe('1 of 9 decisions come out otherwise  sim_1');
});
