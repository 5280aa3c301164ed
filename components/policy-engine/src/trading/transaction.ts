import { EntityReference, type RecordValue, UnrelatedEntity } from '@countersign/cedar';
import {
  type ApproverRole,
  type DirectorySnapshot,
  type Instrument,
  type PermittedIntent,
  type Rate,
  type TransactionFacts,
  tradesOnSameDesk,
} from '@countersign/contracts';
import { parseInstant, toInstant } from '@countersign/kernel';
import { recordShape, type ValueMaker } from '../decision/value-maker.ts';
import type { IntentView } from './intent-view.ts';
import { knownReference } from './known-reference.ts';
import type { ReferenceFacts } from './reference-facts.ts';
import { ageOfSignIn } from './token-sign-in.ts';

const transactionRecord = recordShape(
  ...(['account', 'agreementKnown', 'algorithmic', 'allocation', 'approvals', 'currency'] as const),
  ...(['destinationKnown', 'differs', 'entityInstitution', 'initiator', 'initiatorInstitution'] as const),
  ...(['instrument', 'intentType', 'jurisdiction', 'mandate', 'notional', 'notionalBase', 'parties'] as const),
  ...(['permitted', 'quantity', 'rate', 'state', 'tradeKnown', 'venue'] as const),
);
const instrumentRecord = recordShape('category', 'complex', 'group', 'targetMarket');
const rateRecord = recordShape('asOf', 'base', 'rate', 'source');
const allocationRecord = recordShape('categories', 'categoriesKnown', 'professionalSuitedFor', 'retailSuitedFor');
const mandateRecord = recordShape('version');
const permittedRecord = recordShape('acr', 'authAgeSeconds');
const resourceRecord = recordShape('institution');

interface Making {
  readonly make: ValueMaker;
  /** Collects the referenced entities of the directory. */
  readonly references: EntityReference[];
}

export function transactionEntities(
  transaction: EntityReference,
  facts: TransactionFacts,
  { view, reference }: { readonly view: IntentView; readonly reference: ReferenceFacts },
  directory: Pick<DirectorySnapshot, 'principal' | 'account' | 'institution'>,
  { make, references }: Making,
): readonly UnrelatedEntity[] {
  const entityInstitution = known('Institution', view.entity, make);
  const initiatorInstitution =
    facts.initiatorInstitution === view.entity
      ? entityInstitution
      : known('Institution', facts.initiatorInstitution, make);
  const parties = view.parties.map((lei) => known('Institution', lei, make));
  const account = view.account === undefined ? undefined : known('Account', view.account, make);
  const venue = view.venue === undefined ? undefined : known('Venue', view.venue, make);
  const named = view.instrument?.id ?? facts.tradedInstrument;
  const instrument = named === undefined ? undefined : new EntityReference('Instrument', make.text(named));
  const mandate = new EntityReference('Mandate', make.text(facts.mandate.id));
  references.push(entityInstitution, initiatorInstitution);
  for (const party of parties) references.push(party);
  if (account !== undefined) references.push(account);
  if (venue !== undefined) references.push(venue);
  const asked = new UnrelatedEntity(
    transaction,
    transactionRecord([
      account,
      /* agreementKnown */ facts.agreementKnown,
      /* algorithmic */ view.algorithmic,
      /* allocation */
      view.allocatedTo === undefined ? undefined : allocationOf(view.allocatedTo, directory, make),
      /* approvals */ approvalsOf(facts, directory),
      /* currency */ make.maybe(view.currency),
      /* destinationKnown */ facts.destinationKnown === true,
      /* differs */ make.texts(reference.differs),
      entityInstitution,
      /* initiator */ make.text(facts.initiator),
      initiatorInstitution,
      instrument,
      /* intentType */ make.text(facts.intentType),
      /* jurisdiction */ view.jurisdiction === undefined ? undefined : known('Jurisdiction', view.jurisdiction, make),
      mandate,
      /* notional */ view.notional === undefined ? undefined : make.decimal(view.notional),
      /* notionalBase */ reference.notionalBase === undefined ? undefined : make.decimal(reference.notionalBase),
      /* parties */ make.set(parties),
      /* permitted */ facts.permitted === undefined ? undefined : permittedOf(facts.permitted, make),
      /* quantity */ view.quantity === undefined ? undefined : make.decimal(view.quantity),
      /* rate */ reference.rate === undefined ? undefined : rateOf(reference.rate, make),
      /* state */ make.text(facts.state),
      /* tradeKnown */ facts.tradeKnown === true,
      venue,
    ]),
  );
  const underWhat = new UnrelatedEntity(mandate, mandateRecord([make.long(facts.mandate.version)]));
  const { instrument: recorded } = reference;
  const entities =
    instrument === undefined || recorded === undefined
      ? [asked, underWhat]
      : [asked, instrumentEntity(instrument, recorded, make), underWhat];
  // A copy; see `UnrelatedEntity`.
  return entities.slice();
}

function permittedOf({ acr, authTime, at }: PermittedIntent, make: ValueMaker): RecordValue {
  return permittedRecord([/* acr */ make.maybe(acr), /* authAgeSeconds */ ageOfSignIn({ at, authTime })]);
}

function known(type: Parameters<typeof knownReference>[0], id: string, make: ValueMaker): EntityReference {
  return knownReference(type, make.text(id));
}

/** The instrument from reference data. ISO 10962: the first letter of the CFI is the category, the first two the group. */
function instrumentEntity(
  reference: EntityReference,
  { cfi, complex, targetMarket }: Instrument,
  make: ValueMaker,
): UnrelatedEntity {
  return new UnrelatedEntity(
    reference,
    instrumentRecord([
      /* category */ make.text(cfi.slice(0, 1)),
      complex,
      /* group */ make.text(cfi.slice(0, 2)),
      /* targetMarket */ make.texts(targetMarket),
    ]),
  );
}

function rateOf({ base, rate, source, asOf }: Rate, make: ValueMaker): RecordValue {
  return rateRecord([
    /* asOf */ make.datetime(toInstant(parseInstant(asOf) ?? 0)),
    /* base */ make.text(base),
    /* rate */ make.text(rate),
    /* source */ make.text(source),
  ]);
}

/** Categories of the clients of an allocation, and the products suitable for all retail and all professional clients. */
function allocationOf(
  accounts: readonly string[],
  directory: Pick<DirectorySnapshot, 'account' | 'institution'>,
  make: ValueMaker,
): RecordValue {
  const categories = new Set<string>();
  let categoriesKnown = accounts.length > 0;
  const suitedFor = new Map<string, readonly string[]>();
  for (const account of accounts) {
    const owner = directory.account(account)?.institution;
    const compliance = owner === undefined ? undefined : directory.institution(owner)?.compliance;
    if (compliance === undefined) {
      categoriesKnown = false;
      continue;
    }
    const { category, suitableFor } = compliance;
    categories.add(category);
    const before = suitedFor.get(category) ?? suitableFor;
    suitedFor.set(
      category,
      before.filter((product) => suitableFor.includes(product)),
    );
  }
  return allocationRecord([
    /* categories */ make.texts([...categories].sort()),
    categoriesKnown,
    /* professionalSuitedFor */ make.texts(suitedFor.get('professional') ?? []),
    /* retailSuitedFor */ make.texts(suitedFor.get('retail') ?? []),
  ]);
}

/** A protected interface, which need not be in the directory. */
export function resourceEntities(
  resource: EntityReference,
  owner: string | undefined,
  { references }: Making,
): readonly UnrelatedEntity[] {
  const institution = owner === undefined ? undefined : knownReference('Institution', owner);
  if (institution === undefined) return [new UnrelatedEntity(resource, resourceRecord([institution]))];
  references.push(institution);
  return [new UnrelatedEntity(resource, resourceRecord([institution]), [institution])];
}

const certifiedRecord = recordShape('compliance', 'desk_head', 'operations', 'risk', 'supervisor');
const approvalsRecord = recordShape('certified', 'compliance', 'desk_head', 'operations', 'risk', 'supervisor');
const noApprovals = approvalsRecord([undefined, 0, 0, 0, 0, 0]);

function approvalsOf(facts: TransactionFacts, directory: Pick<DirectorySnapshot, 'principal'>): RecordValue {
  const approvals = countingApprovals(facts, directory);
  if (approvals.length === 0) return noApprovals;
  const certified = approvals.filter(({ method }) => method === 'certificate');
  return approvalsRecord([
    /* certified */ certified.length === 0 ? undefined : certifiedRecord(countsOf(certified)),
    ...countsOf(approvals),
  ]);
}

/** How many different people, in the order of the members. */
function countsOf(approvals: Approvals): readonly [number, number, number, number, number] {
  const count = (wanted: ApproverRole): number => {
    const approvers = new Set<string>();
    for (const { approver, role } of approvals) if (role === wanted) approvers.add(approver);
    return approvers.size;
  };
  return [count('compliance'), count('desk-head'), count('operations'), count('risk'), count('supervisor')];
}

type Approvals = TransactionFacts['approvals'];

const nobody: Approvals = [];

/**
 * The approvals that count: by people of the initiator's institution other than the initiator. A desk head counts only for the own
 * desk; a desk head without a desk heads several. Traders of the initiator's desk do not count in other roles; see `tradesOnSameDesk`.
 */
export function countingApprovals(
  { approvals, initiator, initiatorInstitution, carriedBy = initiator }: TransactionFacts,
  directory: Pick<DirectorySnapshot, 'principal'>,
): Approvals {
  if (approvals.length === 0) return nobody;
  const initiators = [directory.principal(initiator), directory.principal(carriedBy)];
  const desk = initiators[0]?.desk;
  return approvals.filter(({ approver, role, institution }) => {
    if (institution !== initiatorInstitution || approver === initiator) return false;
    const person = directory.principal(approver);
    if (person !== undefined && tradesOnSameDesk(person, role, initiators)) return false;
    if (role !== 'desk-head') return true;
    const headed = person?.desk;
    return headed === undefined || headed === desk;
  });
}
