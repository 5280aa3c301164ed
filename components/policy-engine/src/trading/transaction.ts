import { EntityReference, type RecordValue, UnrelatedEntity } from '@countersign/cedar';
import type { ApproverRole, DirectorySnapshot, PermittedIntent, TransactionFacts } from '@countersign/contracts';
import { recordShape } from '../decision/record-shape.ts';
import type { ValueMaker } from '../decision/value-maker.ts';
import { countingApprovals } from './counting-approvals.ts';
import type { IntentView } from './intent-view.ts';
import { knownReference } from './known-references.ts';
import { ageOfSignIn } from './sign-in-age.ts';

const transactionRecord = recordShape(
  'account',
  'agreementKnown',
  'algorithmic',
  'approvals',
  'currency',
  'destinationKnown',
  'entityInstitution',
  'initiator',
  'initiatorInstitution',
  'instrument',
  'intentType',
  'jurisdiction',
  'mandate',
  'notional',
  'parties',
  'permitted',
  'quantity',
  'state',
  'tradeKnown',
  'venue',
);
const instrumentRecord = recordShape('category', 'cfi', 'group');
const mandateRecord = recordShape('version');
const permittedRecord = recordShape('acr', 'authAgeSeconds');
const resourceRecord = recordShape('institution');

interface Making {
  readonly make: ValueMaker;
  /** Takes what of the directory the entities name. */
  readonly references: EntityReference[];
}

/** The transaction being decided, with what is read from its intent. */
export function transactionEntities(
  transaction: EntityReference,
  facts: TransactionFacts,
  view: IntentView,
  directory: Pick<DirectorySnapshot, 'principal'>,
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
  const instrument = view.instrument === undefined ? undefined : instrumentEntity(view.instrument, make);
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
      /* approvals */ approvalsOf(facts, directory),
      /* currency */ make.maybe(view.currency),
      /* destinationKnown */ facts.destinationKnown === true,
      entityInstitution,
      /* initiator */ make.text(facts.initiator),
      initiatorInstitution,
      /* instrument */ instrument?.reference,
      /* intentType */ make.text(facts.intentType),
      /* jurisdiction */ view.jurisdiction === undefined ? undefined : known('Jurisdiction', view.jurisdiction, make),
      mandate,
      /* notional */ view.notional === undefined ? undefined : make.decimal(view.notional),
      /* parties */ make.set(parties),
      /* permitted */ facts.permitted === undefined ? undefined : permittedOf(facts.permitted, make),
      /* quantity */ view.quantity === undefined ? undefined : make.decimal(view.quantity),
      /* state */ make.text(facts.state),
      /* tradeKnown */ facts.tradeKnown === true,
      venue,
    ]),
  );
  const underWhat = new UnrelatedEntity(mandate, mandateRecord([make.long(facts.mandate.version)]));
  const entities = instrument === undefined ? [asked, underWhat] : [asked, instrument, underWhat];
  // A copy; see `UnrelatedEntity`.
  return entities.slice();
}

/** How whoever began it had signed in when their token was permitted, and how long before that. */
function permittedOf({ acr, authTime, at }: PermittedIntent, make: ValueMaker): RecordValue {
  return permittedRecord([/* acr */ make.maybe(acr), /* authAgeSeconds */ ageOfSignIn({ at, authTime })]);
}

function known(type: Parameters<typeof knownReference>[0], id: string, make: ValueMaker): EntityReference {
  return knownReference(type, make.text(id));
}

/** ISO 10962: the first letter is the category, the first two the group. */
function instrumentEntity({ id, cfi }: NonNullable<IntentView['instrument']>, make: ValueMaker): UnrelatedEntity {
  return new UnrelatedEntity(
    new EntityReference('Instrument', make.text(id)),
    instrumentRecord([
      /* category */ make.text(cfi.slice(0, 1)),
      /* cfi */ make.text(cfi),
      /* group */ make.text(cfi.slice(0, 2)),
    ]),
  );
}

/** A protected interface; it need not be among the directory's to be asked about. */
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

const approvalsRecord = recordShape('compliance', 'desk_head', 'operations', 'risk', 'supervisor');
const noApprovals = approvalsRecord([0, 0, 0, 0, 0]);

/** By role: how many different people have given them. */
function approvalsOf(facts: TransactionFacts, directory: Pick<DirectorySnapshot, 'principal'>): RecordValue {
  const approvals = countingApprovals(facts, directory);
  if (approvals.length === 0) return noApprovals;
  const count = (wanted: ApproverRole): number => {
    const approvers = new Set<string>();
    for (const { approver, role } of approvals) if (role === wanted) approvers.add(approver);
    return approvers.size;
  };
  return approvalsRecord([
    /* compliance */ count('compliance'),
    /* desk_head */ count('desk-head'),
    /* operations */ count('operations'),
    /* risk */ count('risk'),
    /* supervisor */ count('supervisor'),
  ]);
}
