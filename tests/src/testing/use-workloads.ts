import { systemClock } from '@countersign/kernel';
import { createAttesterDoor } from '@countersign/workload-agent';
import { expect } from 'vitest';
import type { RunningControlPlane } from './control-plane.ts';
import { type createAttester, establishWorkloadAuthority, registerWorkload, workloadTerms } from './workload-world.ts';

const get = (path: string) => ({ method: 'GET' as const, path });
const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });

/** A registered workload from its proposal to its suspension, with every interface on the way. */
export async function useWorkloads(
  { operator, issuer }: RunningControlPlane,
  attester: ReturnType<typeof createAttester>,
  holder: string,
): Promise<void> {
  const call = (scope: string, request: ReturnType<typeof get> | ReturnType<typeof post>) =>
    operator.call('workloads', scope, request);
  await establishWorkloadAuthority(operator);
  const image = 'ab'.repeat(32);
  const terms = workloadTerms({ holder, profile: 'risk-service', images: [image], audiences: [issuer] });
  await registerWorkload(operator, 'risk', terms);
  const body = { entry: 'risk', terms, reason: 'Once more' };
  await expect(
    call('workload:propose', post('/workloads/proposals', { ...body, terms: { ...terms, level: 'asserted' } })),
  ).rejects.toThrow();
  const { id } = (await call('workload:propose', post('/workloads/proposals', body))) as { readonly id: string };
  await operator.second.call(
    'workloads',
    'workload:approve',
    post(`/workloads/proposals/${id}/reject`, { reason: 'No' }),
  );
  await call('workload:read', get('/workloads'));
  await call('workload:read', get('/workloads/risk'));
  await expect(call('workload:read', get('/workloads/nothing'))).rejects.toThrow();
  await call('workload:read', get('/workloads/proposals?status=rejected'));
  const door = createAttesterDoor({ issuer, client: attester.client, clock: systemClock });
  const evidence = [{ kind: 'launcher', environment: 'test', image }];
  await door.obtainSvid('risk', async () => evidence);
  await door.obtainToken('risk', [issuer], evidence);
  await expect(door.obtainToken('risk', ['https://elsewhere.example'], evidence)).rejects.toThrow();
  expect(await door.obtainTokenKeys()).not.toHaveLength(0);
  await expect(door.obtainSvid('risk', async () => [{ ...evidence[0], image: 'cd'.repeat(32) }])).rejects.toThrow();
  expect(await door.readStanding('risk')).toEqual({ is: 'active' });
  await call('workload:suspend', post('/workloads/risk/suspend', { reason: 'Over' }));
  expect(await door.readStanding('risk')).toMatchObject({ is: 'ended', code: 'workload_ended' });
}
