import type { TransactionEvent, TransactionFacts } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { lifeCycles } from './life-cycles/index.ts';

/** What a firm that is asked for a quote does not see: how far the other side would go, for whom, and who else is asked. */
const ownOfRequest = ['account', 'algo', 'counterparties_lei', 'limit_price', 'max_notional'] as const;

/**
 * A transaction as an institution may see it. Of a request for quotes the firms that are asked see what is to be dealt,
 * not the limits of whoever asks; the digest stays that of the whole intent.
 */
export function shownTo(facts: TransactionFacts, institution: string): TransactionFacts {
  const { intent, intentType, initiatorInstitution } = facts;
  if (intentType !== 'urn:countersign:rar:v1:rfq') return facts;
  const { entity_lei, parties } = intent;
  const listed = Array.isArray(parties) && parties.some((party) => isOf(party, institution));
  if (listed || entity_lei === institution || initiatorInstitution === institution) return facts;
  const shown = Object.entries(intent).filter(([name]) => !ownOfRequest.some((own) => own === name));
  return { ...facts, intent: Object.fromEntries(shown), approvals: [] };
}

function isOf(party: unknown, institution: string): boolean {
  return typeof party === 'object' && party !== null && 'lei' in party && party.lei === institution;
}

/** The scopes under which an event is reported, of whichever kind of intent; each once. */
export function scopesOfEvent(event: TransactionEvent): readonly [Scope, ...Scope[]] {
  return scopesOfEvents([event]);
}

/** The same of any of several. */
export function scopesOfEvents(events: readonly TransactionEvent[]): readonly [Scope, ...Scope[]] {
  const scopes = events.flatMap((event) => Object.values(lifeCycles).flatMap(({ rules }) => rules[event]?.scope ?? []));
  const [first, ...others] = new Set(scopes);
  if (first === undefined) throw new Error(`no life has a step ${events.join(' or ')}`);
  return [first, ...others];
}
