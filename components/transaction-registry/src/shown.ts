import type { ApprovalView, TransactionEvent, TransactionException, TransactionFacts } from '@countersign/contracts';
import type { Scope } from '@countersign/market';
import { lifeCycles } from './life-cycles/index.ts';

const hiddenFromQuoters = [
  'account',
  'algo',
  'client_order_id',
  'counterparties_lei',
  'idempotency_key',
  'limit_price',
  'max_notional',
] as const;

type Shown = Omit<TransactionFacts, 'initiator'> & Partial<Pick<TransactionFacts, 'initiator'>>;

/**
 * Initiator and approvers are named to their own institution only; firms asked for a quote do not see the request's
 * limits.
 */
export function shownTo(
  {
    initiator,
    approvals,
    carriedBy: _successor,
    completingScopes: _scopes,
    permitted: _token,
    receivers: _receivers,
    agreementKnown: _agreement,
    tradedInstrument: _instrument,
    ...facts
  }: TransactionFacts,
  institution: string,
): Shown {
  const { intent, intentType, initiatorInstitution } = facts;
  const shown: Shown = {
    ...facts,
    approvals: approvals.filter((approval) => approval.institution === institution),
    ...(initiatorInstitution === institution ? { initiator } : {}),
  };
  if (intentType !== 'urn:countersign:rar:v1:rfq') return shown;
  const { entity_lei, parties } = intent;
  const listed = Array.isArray(parties) && parties.some((party) => isOf(party, institution));
  if (listed || entity_lei === institution || initiatorInstitution === institution) return shown;
  const seen = Object.entries(intent).filter(([name]) => !hiddenFromQuoters.some((own) => own === name));
  return { ...shown, intent: Object.fromEntries(seen) };
}

export type ShownView = Omit<ApprovalView, 'initiator' | 'approvals'> & {
  readonly initiator?: string;
  readonly approvals: readonly (Omit<ApprovalView['approvals'][number], 'approver'> & { readonly approver?: string })[];
};

/** An approval view with the names and decline reasons of one's own institution only. */
export function viewShownTo({ initiator, approvals, declined, ...view }: ApprovalView, institution: string): ShownView {
  return {
    ...view,
    ...(view.initiatorInstitution === institution ? { initiator } : {}),
    approvals: approvals.map(({ approver, ...given }) =>
      given.institution === institution ? { approver, ...given } : given,
    ),
    declined: declined.filter((each) => each.institution === institution),
  };
}

type Resolution = NonNullable<TransactionException['resolution']>;
type ShownException = Omit<TransactionException, 'resolution'> & {
  readonly resolution?: Pick<Resolution, 'kind' | 'at' | 'recordId'> & Partial<Resolution>;
};

/** An exception as an institution may see it. Only its owner sees the description, which may reveal limits, and the resolver. */
export function exceptionShownTo(exception: TransactionException, institution: string): ShownException {
  if (exception.owner === institution) return exception;
  const { resolution, ...open } = exception;
  const shown = { ...open, detail: `${exception.owner} must resolve this exception.` };
  if (resolution === undefined) return shown;
  const { kind, at, recordId } = resolution;
  return { ...shown, resolution: { kind, at, recordId } };
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
  if (first === undefined) throw new Error(`no life cycle has the event ${events.join(' or ')}`);
  return [first, ...others];
}
