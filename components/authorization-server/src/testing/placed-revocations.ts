import type { RevokingParty, StandingRevocationTarget } from '@countersign/contracts';
import { newId, systemClock, systemRandom } from '@countersign/kernel';
import { lifted, type MemoryLog, revoked } from '@countersign/testkit';

type Harness = { readonly audit: Pick<MemoryLog, 'append'> };
const by = { id: 'person:olivia.ops' };

/** As `POST /revocations` and lifting record it, on whichever node. */
export async function placeRevocation(
  { audit }: Harness,
  target: StandingRevocationTarget,
  party: RevokingParty = 'operator',
) {
  const id = newId('record', { clock: systemClock, random: systemRandom });
  await audit.append({
    id,
    type: 'token.revoked',
    source: 'authorization-server',
    outcome: 'done',
    actors: [by],
    standing: [revoked(target, party, by)],
    data: { ...target, key: 'x'.repeat(43), reason: 'lost', until_lifted: party },
  });
  return id;
}
export async function liftRevocation(
  { audit }: Harness,
  target: StandingRevocationTarget,
  party: RevokingParty = 'operator',
) {
  await audit.append({
    id: newId('record', { clock: systemClock, random: systemRandom }),
    type: 'revocation.lifted',
    source: 'test' as never,
    outcome: 'done',
    standing: [lifted(target, party)],
  });
}
