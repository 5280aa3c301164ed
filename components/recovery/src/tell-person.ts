import type { NoticeKind, PrincipalId } from '@countersign/contracts';
import { newId } from '@countersign/kernel';
import type { RecoveryDependencies } from './dependencies.ts';

/** By every channel; durable when this resolves. */
export async function tellPerson(
  { notices, clock, random }: Pick<RecoveryDependencies, 'notices' | 'clock' | 'random'>,
  person: PrincipalId,
  kind: NoticeKind,
  text: string,
  facts: Readonly<Record<string, string>> = {},
): Promise<void> {
  await notices.tell({ id: newId('notice', { clock, random }), to: person, kind, text, facts });
}
