import type { Directory, NoticeKind, Notices, PrincipalId } from '@countersign/contracts';
import { decodeBase64Url, derivedId, digestOf, type RecordId, type RecoveryId, toInstant } from '@countersign/kernel';
import type { RecoveryState } from './store.ts';
import { en } from './texts/en.ts';

interface Notice {
  readonly kind: NoticeKind;
  readonly text: string;
  readonly facts?: Readonly<Record<string, string>>;
}

/** Notifies the person of every change, by every channel, once per record. */
export async function notifyPerson(
  { notices, directory }: { readonly notices: Notices; readonly directory: Pick<Directory, 'snapshot'> },
  state: RecoveryState,
  { id, record }: { readonly id: RecoveryId; readonly record: RecordId },
): Promise<void> {
  const notice = noticeOf(id, state);
  if (notice === undefined) return;
  // It may expire after its person has left.
  if (state.status === 'expired' && directory.snapshot().principal(state.person) === undefined) return;
  await notices.notify({ id: noticeIdOf(record, state.person), to: state.person, ...notice });
}

function noticeOf(
  id: RecoveryId,
  { status, approvals, expiresAt, coolingOffUntil }: RecoveryState,
): Notice | undefined {
  const { notices } = en;
  switch (status) {
    case 'waiting':
      if (approvals.length > 0) return undefined;
      return { kind: 'recovery-opened', text: notices.opened(toInstant(expiresAt)), facts: { recovery: id } };
    case 'approved':
    case 'refused':
    case 'cancelled':
    case 'expired':
      return { kind: 'recovery-decided', text: notices[status] };
    case 'completed':
      return { kind: 'recovery-completed', text: notices.completed(toInstant(coolingOffUntil ?? expiresAt)) };
    case 'ended':
    case 'invited':
      return undefined;
  }
}

function noticeIdOf(record: RecordId, to: PrincipalId) {
  const bytes = decodeBase64Url(digestOf({ record, to }));
  if (bytes === undefined) throw new Error('a digest is not base64url');
  return derivedId('notice', 0, bytes.subarray(0, 10));
}
