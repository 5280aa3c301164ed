import type { KeyPurpose } from '@countersign/contracts';
import type { RunningControlPlane } from './control-plane.ts';
import { type Change, claimsIn } from './raw-client.ts';

/** A token signed with the control plane's own key, with claims that it would never issue. */
export async function mint(
  { components }: RunningControlPlane,
  token: string,
  change: Change,
  { typ = 'at+jwt', purpose = 'access-token' }: { readonly typ?: string; readonly purpose?: KeyPurpose } = {},
): Promise<string> {
  const signer = components.signers[purpose];
  const { kid } = await signer.current(purpose);
  const input = [
    { alg: 'ES256', typ, kid },
    { ...claimsIn(token), ...change },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  const { signature } = await signer.sign(purpose, kid, Buffer.from(input));
  return `${input}.${Buffer.from(signature).toString('base64url')}`;
}
