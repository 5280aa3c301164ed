import type { AuthorityClass } from '@countersign/contracts';
import { createRoot, signAuthority, signRootList } from '../../../apps/cli/src/commands/pki/ceremony.ts';
import type { AuthorityRequestFile } from '../../../apps/cli/src/commands/pki/ceremony-files.ts';
import type { RunningControlPlane } from './control-plane.ts';
import { scratchFolder } from './scratch-folder.ts';

/** An issuing authority, from the request to the approval by a second person. @returns PEM of the root and of its list */
export async function acceptAuthority(
  { operator }: RunningControlPlane,
  of: AuthorityClass,
): Promise<{ readonly root: string; readonly list: string }> {
  const post = (path: string, body: unknown = {}) => ({ method: 'POST' as const, path, body });
  const request = (await operator.call(
    'certificates',
    'authority:propose',
    post(`/certificates/authorities/${of}/request`),
  )) as AuthorityRequestFile;
  const offline = scratchFolder();
  const by = { folder: offline.path, persons: ['Olga Operator', 'Ari Approver'], now: Date.now() };
  const passphrase = 'correct horse battery staple';
  await createRoot({ ...by, organization: 'Example Bank AG', years: 10, passphrase });
  const { certificate, root, transcript } = await signAuthority({ ...by, request, years: 3, passphrase });
  const { list } = await signRootList({ ...by, revoked: [], days: 180, passphrase });
  offline.remove();
  const { id, digest } = (await operator.call(
    'certificates',
    'authority:propose',
    post(`/certificates/authorities/${of}/proposals`, { certificate, root, transcript, reason: 'The first one' }),
  )) as { readonly id: string; readonly digest: string };
  await operator.second.call(
    'certificates',
    'authority:approve',
    post(`/certificates/proposals/${id}/approve`, { digest }),
  );
  return { root, list };
}
