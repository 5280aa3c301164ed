import type { PrincipalId } from '@countersign/contracts';
import type { Parts } from './dependencies.ts';

/**
 * Whether the directory has a key as that of another principal: of a client, or for approvals. Whoever signs with one
 * key is one person; two people's words need two.
 */
export function isSomebodyElses(
  { directory }: Pick<Parts, 'directory'>,
  { kid, person }: { readonly kid: string; readonly person: PrincipalId },
): boolean {
  const holder = directory.snapshot().keyHolder(kid);
  return holder !== undefined && holder !== person;
}
