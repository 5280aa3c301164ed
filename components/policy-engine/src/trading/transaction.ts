import { EntityReference, noAttributes, type RecordValue, type UnrelatedEntity } from '@countersign/cedar';
import type { ApproverRole, DirectorySnapshot, TransactionFacts } from '@countersign/contracts';
import { recordShape } from '../decision/record-shape.ts';
import type { ValueMaker } from '../decision/value-maker.ts';
import { countingApprovals } from './counting-approvals.ts';
import type { IntentView } from './intent-view.ts';
import { knownReference } from './known-references.ts';

const transactionRecord = recordShape(
  'account',
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
  'quantity',
  'state',
  'venue',
);
const instrumentRecord = recordShape('category', 'cfi', 'group');
const mandateRecord = recordShape('version');
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
  const known = (type: Parameters<typeof knownReference>[0], id: string) => knownReference(type, make.text(id));
  const entityInstitution = known('Institution', view.entity);
  const initiatorInstitution = known('Institution', facts.initiatorInstitution);
  const parties = view.parties.map((lei) => known('Institution', lei));
  const account = view.account === undefined ? undefined : known('Account', view.account);
  const venue = view.venue === undefined ? undefined : known('Venue', view.venue);
  const own = (type: 'Instrument' | 'Mandate', id: string) => new EntityReference(type, make.text(id));
  const instrument = view.instrument === undefined ? undefined : own('Instrument', view.instrument.id);
  const mandate = own('Mandate', facts.mandate.id);
  references.push(entityInstitution, initiatorInstitution);
  for (const party of parties) references.push(party);
  if (account !== undefined) references.push(account);
  if (venue !== undefined) references.push(venue);
  const entities = [
    entity(
      transaction,
      transactionRecord([
        account,
        /* algorithmic */ view.algorithmic,
        /* approvals */ approvalsOf(facts, directory),
        /* currency */ make.maybe(view.currency),
        /* destinationKnown */ facts.destinationKnown === true,
        entityInstitution,
        /* initiator */ make.text(facts.initiator),
        initiatorInstitution,
        instrument,
        /* intentType */ make.text(facts.intentType),
        /* jurisdiction */ view.jurisdiction === undefined ? undefined : known('Jurisdiction', view.jurisdiction),
        mandate,
        /* notional */ view.notional === undefined ? undefined : make.decimal(view.notional),
        /* parties */ make.set(parties),
        /* quantity */ view.quantity === undefined ? undefined : make.decimal(view.quantity),
        /* state */ make.text(facts.state),
        venue,
      ]),
    ),
  ];
  if (instrument !== undefined && view.instrument !== undefined) {
    // ISO 10962: the first letter is the category, the first two the group.
    const { cfi } = view.instrument;
    const [category, group] = [make.text(cfi.slice(0, 1)), make.text(cfi.slice(0, 2))];
    entities.push(entity(instrument, instrumentRecord([category, make.text(cfi), group])));
  }
  entities.push(entity(mandate, mandateRecord([make.long(facts.mandate.version)])));
  return entities;
}

/** A protected interface; it need not be among the directory's to be asked about. */
export function resourceEntities(
  resource: EntityReference,
  owner: string | undefined,
  { references }: Making,
): readonly UnrelatedEntity[] {
  const institution = owner === undefined ? undefined : knownReference('Institution', owner);
  if (institution === undefined) return [entity(resource, resourceRecord([institution]))];
  references.push(institution);
  return [entity(resource, resourceRecord([institution]), [institution])];
}

const noParents: readonly EntityReference[] = [];

function entity(reference: EntityReference, attributes: RecordValue, parents = noParents): UnrelatedEntity {
  return { reference, attributes, tags: noAttributes, parents };
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
