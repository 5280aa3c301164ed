import type { RecordDraft } from '@countersign/contracts';
import { newId, type RecordId, systemRandom } from '@countersign/kernel';
import type { EngineRig } from './engine-rig.ts';

/** Writes the record of an issued token to the rig's log, as the authorization server does. */
export function issuedTo(
  { records, clock }: Pick<EngineRig, 'records' | 'clock'>,
  {
    subject,
    acr,
    signedInAgo = 10,
    ...change
  }: {
    readonly subject: string;
    readonly acr?: string;
    /** Seconds. */
    readonly signedInAgo?: number;
    readonly audience?: string;
    /** Seconds from now. */
    readonly endsIn?: number;
    readonly draft?: Partial<RecordDraft>;
  },
): RecordId {
  const id = newId('record', { clock, random: systemRandom });
  const now = Math.floor(clock.now() / 1000);
  records.push({
    id,
    type: 'token.issued',
    source: 'authorization-server',
    outcome: 'permit',
    subject: { id: subject },
    client: 'own-oms',
    audience: [change.audience ?? 'https://oms.example/orders'],
    authentication: { method: 'jwt-bearer', ...(acr === undefined ? {} : { acr, authTime: now - signedInAgo }) },
    data: { claims: { exp: now + (change.endsIn ?? 300) } },
    ...change.draft,
  });
  return id;
}
