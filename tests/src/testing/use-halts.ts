import { expect } from 'vitest';
import type { RunningControlPlane } from './control-plane.ts';

const post = (path: string, body: unknown) => ({ method: 'POST' as const, path, body });

/** A halt of a class of instruments in which nobody deals, from its trip to its release, with every interface on the way. */
export async function useHalts({ operator }: RunningControlPlane): Promise<void> {
  const body = { kind: 'instrument-class', id: 'M', reason: 'A drill' };
  const { halt } = (await operator.call('halts', 'halt:trip', post('/halts', body))) as { readonly halt: string };
  await expect(operator.call('halts', 'halt:trip', post('/halts', { ...body, id: 'MM' }))).rejects.toThrow();
  await operator.call('halts', 'halt:read', { method: 'GET', path: '/halts?status=in-force' });
  const propose = async () =>
    (await operator.second.call('halts', 'halt:release', post(`/halts/${halt}/releases`, { reason: 'Over' }))) as {
      readonly release: string;
      readonly digest: string;
    };
  const { third } = operator;
  const { release: first } = await propose();
  await third.call('halts', 'halt:approve', post(`/halts/releases/${first}/reject`, { reason: 'Not yet' }));
  const { release, digest } = await propose();
  await third.call('halts', 'halt:approve', post(`/halts/releases/${release}/approve`, { digest }));
  await operator.call('halts', 'halt:read', { method: 'GET', path: `/halts/${halt}` });
}
