import { setTimeout as sleep } from 'node:timers/promises';
import type { ApplicationModel, PolicyBundle } from '@countersign/contracts';
import type { RunningControlPlane } from './control-plane.ts';

type Node = Pick<RunningControlPlane, 'operator'>;

const post = (path: string, body: unknown) => ({ method: 'POST' as const, path, body });

export async function activeBundle({ operator }: Node): Promise<PolicyBundle> {
  const { bundle } = (await operator.call('policies', 'policy:read', {
    method: 'GET',
    path: '/policies/active',
  })) as { readonly bundle: PolicyBundle };
  return bundle;
}

/** Puts these models into force beside the market, replacing earlier ones, by two people. */
export async function publishModels(node: Node, applications: readonly ApplicationModel[]): Promise<void> {
  const { operator } = node;
  const { applications: _before, ...market } = await activeBundle(node);
  const bundle = applications.length === 0 ? market : { ...market, applications };
  const { id: simulation } = (await operator.call(
    'policies',
    'policy:read',
    post('/policies/simulations', { bundle }),
  )) as { readonly id: string };
  for (let status = 'running'; status === 'running'; await sleep(50))
    ({ status } = (await operator.call('policies', 'policy:read', {
      method: 'GET',
      path: `/policies/simulations/${simulation}`,
    })) as { readonly status: string });
  const { id, digest } = (await operator.call(
    'policies',
    'policy:propose',
    post('/policies/candidates', { bundle, changeRequest: 'CHG-1', reason: 'A test', simulation }),
  )) as { readonly id: string; readonly digest: string };
  await operator.second.call('policies', 'policy:approve', post(`/policies/candidates/${id}/approve`, { digest }));
}
