import { errorVocabulary, type Json, type RecordId } from '@countersign/kernel';
import type { DirectorySnapshot } from './directory.ts';
import type { StandingLister, StandingReader } from './standing.ts';

/**
 * What a halt stops (RTS 6 Article 12; FIX PartyActionRequest, 35=DH). `firm`: what an institution does itself. `partner`: every
 * transaction that names an institution. `venue`: a MIC (ISO 10383). `instrument-class`: a CFI category (ISO 10962, first letter).
 */
export const haltKinds = [
  'firm',
  'desk',
  'trader',
  'client',
  'algorithm',
  'venue',
  'instrument-class',
  'partner',
] as const;
export type HaltKind = (typeof haltKinds)[number];

export interface HaltTarget {
  readonly kind: HaltKind;
  /** LEI, desk id (LEI, `/` and name), principal id, client id, MIC or CFI category. */
  readonly id: string;
}

/** `operator`, whose halts apply to everybody, or the LEI of an institution, whose halts apply to what it does itself. */
export type HaltingParty = string;

export const haltErrors = errorVocabulary({
  /** The action starts new risk, and its party, venue or instrument is halted. */
  trading_halted: 'forbidden',
  halt_invalid: 'invalid',
  /** The target does not exist, or the caller may not halt it. */
  halt_target_unknown: 'not-found',
  /** The halt does not exist, or the caller may not see it. */
  halt_unknown: 'not-found',
  halt_not_in_force: 'conflict',
  /** Nobody who tripped a halt takes part in its release. */
  halt_own_trip: 'forbidden',
  halt_release_unknown: 'not-found',
  /** Approved, rejected or expired; also when the halt was tripped again. */
  halt_release_settled: 'conflict',
  halt_release_outdated: 'conflict',
  halt_own_release: 'forbidden',
  halt_approver_dependent: 'forbidden',
  halt_releaser_gone: 'conflict',
});

/** The name of a halt's standing in the log. */
export function haltSubject({ kind, id }: HaltTarget, party: HaltingParty): string {
  return `halt:${party}:${kind}:${id}`;
}

/** Stands while any halt is in force. It makes the usual case, no halt, one look-up. */
export const haltsInForce = 'halts:in-force';

/** Everything for which a halt would stop an action. */
export interface HaltableParties {
  /** Subject, actors and initiator, by principal id. */
  readonly principals: readonly string[];
  readonly clients: readonly string[];
  /** LEIs for which they act and to which they belong. */
  readonly institutions: readonly string[];
  readonly desks: readonly string[];
  readonly venues: readonly string[];
  readonly instrumentClasses: readonly string[];
  /** LEIs that the intent names, and {@link institutions}. */
  readonly partners: readonly string[];
}

/**
 * Derives institutions and desks from the principals, and venue, class and partners from the intent. The class is that of the
 * reference data and that in the intent, because either may be halted.
 *
 * @param of.intent the canonical intent or an authorization detail
 */
export function haltableParties(
  of: {
    readonly principals: readonly string[];
    readonly clients: readonly string[];
    readonly institutions: readonly string[];
    readonly intent?: Readonly<Record<string, Json | undefined>> | undefined;
  },
  directory: Pick<DirectorySnapshot, 'principal' | 'instrument'>,
): HaltableParties {
  const principals = [...new Set(of.principals)];
  const clients = [...new Set(of.clients)];
  const institutions = new Set(of.institutions);
  const desks = new Set<string>();
  for (const id of principals) {
    const principal = directory.principal(id);
    if (principal === undefined) continue;
    institutions.add(principal.institution);
    if (principal.desk !== undefined) desks.add(`${principal.institution}/${principal.desk}`);
  }
  const { venue_mic: venue, instrument } = of.intent ?? {};
  const classes = new Set<string>();
  for (const [name, value] of membersIn(instrument)) {
    if (typeof value !== 'string') continue;
    const cfi = name === 'cfi' ? value : directory.instrument(value)?.cfi;
    if (cfi !== undefined && cfi !== '') classes.add(cfi.slice(0, 1));
  }
  return {
    ...{ principals, clients },
    institutions: [...institutions],
    desks: [...desks],
    venues: typeof venue === 'string' ? [venue] : [],
    instrumentClasses: [...classes],
    partners: [...new Set([...institutions, ...institutionsIn(of.intent)])],
  };
}

function membersIn(value: Json | undefined): readonly (readonly [string, Json | undefined])[] {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? Object.entries(value) : [];
}

const namesInstitution = /(?:^|_)lei$/;

/** Every LEI that an intent names, in whichever member. Intents are bounded by their schemas. */
function institutionsIn(value: Json | Readonly<Record<string, Json | undefined>> | undefined): readonly string[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, member]: readonly [string, Json | undefined]) => {
    if (!namesInstitution.test(name)) return institutionsIn(member);
    const named: readonly (Json | undefined)[] = Array.isArray(member) ? member : [member];
    return named.filter((each) => typeof each === 'string');
  });
}

export interface HaltInForce extends HaltTarget {
  readonly party: HaltingParty;
  /** Of the latest trip. */
  readonly record: RecordId;
}

/**
 * The first halt in force for one of these; undefined when there is none. It is read from the log, so all nodes give the same
 * answer at once, also after a restart. One look-up while nothing at all is halted.
 *
 * @throws CodedError `log_unavailable`
 */
export async function haltInForce(parties: HaltableParties, log: StandingReader): Promise<HaltInForce | undefined> {
  const any = await log.standings([haltsInForce]);
  if (any.get(haltsInForce)?.digest === undefined) return undefined;
  const asked = haltSubjectsOf(parties);
  const names = [...asked.keys()];
  for (let start = 0; start < names.length; start += maxAtOnce) {
    const newest = await log.standings(names.slice(start, start + maxAtOnce));
    for (const [name, { record, digest }] of newest) {
      const target = asked.get(name);
      if (target !== undefined && digest !== undefined) return { ...target, record };
    }
  }
  return undefined;
}

const maxAtOnce = 1_000;

/** The names of all halts that would stop an action of these: of the operator, and of the institutions that act. */
function haltSubjectsOf(parties: HaltableParties): ReadonlyMap<string, HaltTarget & { readonly party: HaltingParty }> {
  return new Map(
    ['operator', ...parties.institutions].flatMap((party) =>
      targetsOf(parties).map((target) => [haltSubject(target, party), { ...target, party }] as const),
    ),
  );
}

/**
 * Reads all halts in force once, for a search over many candidates.
 *
 * @throws CodedError `log_unavailable`
 */
export async function allHaltsInForce(log: StandingLister): Promise<(parties: HaltableParties) => boolean> {
  const inForce = new Set<string>();
  let after: string | undefined;
  do {
    const page = await log.standingsUnder('halt:', { after, limit: maxAtOnce });
    for (const { of } of page.things) inForce.add(of);
    after = page.next;
  } while (after !== undefined);
  if (inForce.size === 0) return () => false;
  return (parties) => [...haltSubjectsOf(parties).keys()].some((name) => inForce.has(name));
}

function targetsOf(parties: HaltableParties): readonly HaltTarget[] {
  const ofKind = (kind: HaltKind, ids: readonly string[]) => ids.map((id) => ({ kind, id }));
  return [
    ...ofKind('firm', parties.institutions),
    ...ofKind('desk', parties.desks),
    // A person or an algorithm: the kind of the target says which, and both are asked.
    ...ofKind('trader', parties.principals),
    ...ofKind('algorithm', parties.principals),
    ...ofKind('client', parties.clients),
    ...ofKind('venue', parties.venues),
    ...ofKind('instrument-class', parties.instrumentClasses),
    ...ofKind('partner', parties.partners),
  ];
}

/** The detail of a refusal, the same at every interface. It does not name the target, which may belong to somebody else. */
export function haltDetail({ kind, record }: HaltInForce): string {
  const what = kind === 'instrument-class' ? 'class of instruments' : kind;
  return `Trading is halted for this ${what} (${record}). Cancelling and settling remain possible. Two people who did not trip the halt can release it.`;
}
