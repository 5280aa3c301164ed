import type { ApproverRole, DirectorySnapshot, TransactionFacts } from '@countersign/contracts';
import type { Json } from '@countersign/kernel';
import { escaped, extensionText, referenceText, uidText } from '../decision/canonical-text.ts';
import type { LocalEntity, Uid } from '../decision/posed.ts';
import { countingApprovals } from './counting-approvals.ts';
import { entity, reference } from './entities.ts';
import type { IntentView } from './intent-view.ts';
import { writtenReference } from './written-reference.ts';

/** Entities of one question alone, their canonical JSON, and what of the directory they name. */
export interface LocalEntities {
  readonly entities: readonly LocalEntity[];
  readonly text: string;
  readonly references: readonly Uid[];
}

/** The transaction being decided, with what is read from its intent. */
export function transactionEntities(
  facts: TransactionFacts,
  view: IntentView,
  directory: Pick<DirectorySnapshot, 'principal'>,
): LocalEntities {
  const { account, algorithmic, currency, instrument, jurisdiction, notional, quantity, venue } = view;
  const { id, initiator, initiatorInstitution, intentType, mandate, state } = facts;
  const approvals = countByRole(countingApprovals(facts, directory));
  const inNameOf = writtenReference('Institution', view.entity);
  const begunBy = writtenReference('Institution', initiatorInstitution);
  const parties = view.parties.map((lei) => writtenReference('Institution', lei));
  const destinationKnown = facts.destinationKnown === true;
  // Assigned one by one, with the text beside it, as the circumstances are.
  const attrs: Record<string, Json> = {};
  let text = '{"attrs":{';
  const references: Uid[] = [inNameOf.json.__entity, begunBy.json.__entity];
  for (const { json } of parties) references.push(json.__entity);
  if (account !== undefined) {
    const written = writtenReference('Account', account);
    references.push(written.json.__entity);
    attrs['account'] = written.json;
    text += `"account":${written.text},`;
  }
  attrs['algorithmic'] = algorithmic;
  attrs['approvals'] = approvals;
  text += `"algorithmic":${algorithmic},"approvals":{"compliance":${approvals.compliance},"desk_head":${approvals.desk_head},"operations":${approvals.operations},"risk":${approvals.risk},"supervisor":${approvals.supervisor}},`;
  if (currency !== undefined) {
    attrs['currency'] = currency;
    text += `"currency":"${escaped(currency)}",`;
  }
  attrs['destinationKnown'] = destinationKnown;
  attrs['entityInstitution'] = inNameOf.json;
  attrs['initiator'] = initiator;
  attrs['initiatorInstitution'] = begunBy.json;
  text += `"destinationKnown":${destinationKnown},"entityInstitution":${inNameOf.text},"initiator":"${escaped(initiator)}","initiatorInstitution":${begunBy.text},`;
  if (instrument !== undefined) {
    const written = writtenReference('Instrument', instrument.id);
    attrs['instrument'] = written.json;
    text += `"instrument":${written.text},`;
  }
  attrs['intentType'] = intentType;
  text += `"intentType":"${escaped(intentType)}",`;
  if (jurisdiction !== undefined) {
    const written = writtenReference('Jurisdiction', jurisdiction);
    attrs['jurisdiction'] = written.json;
    text += `"jurisdiction":${written.text},`;
  }
  attrs['mandate'] = reference('Mandate', mandate.id);
  text += `"mandate":${referenceText('Mandate', mandate.id)},`;
  if (notional !== undefined) {
    attrs['notional'] = decimal(notional);
    text += `"notional":${extensionText('decimal', notional)},`;
  }
  attrs['parties'] = parties.map(({ json }) => json);
  text += `"parties":[${parties.map(({ text }) => text).join()}],`;
  if (quantity !== undefined) {
    attrs['quantity'] = decimal(quantity);
    text += `"quantity":${extensionText('decimal', quantity)},`;
  }
  attrs['state'] = state;
  text += `"state":"${escaped(state)}"`;
  if (venue !== undefined) {
    const written = writtenReference('Venue', venue);
    references.push(written.json.__entity);
    attrs['venue'] = written.json;
    text += `,"venue":${written.text}`;
  }
  text += `},"parents":[],"uid":${uidText('Transaction', id)}}`;

  const entities = [entity('Transaction', id, [], attrs)];
  if (instrument !== undefined) {
    // ISO 10962: the first letter is the category, the first two the group.
    const { cfi } = instrument;
    const category = cfi.slice(0, 1);
    const group = cfi.slice(0, 2);
    entities.push(entity('Instrument', instrument.id, [], { category, cfi, group }));
    text += `,{"attrs":{"category":"${escaped(category)}","cfi":"${escaped(cfi)}","group":"${escaped(group)}"},"parents":[],"uid":${uidText('Instrument', instrument.id)}}`;
  }
  entities.push(entity('Mandate', mandate.id, [], { version: mandate.version }));
  text += `,{"attrs":{"version":${mandate.version}},"parents":[],"uid":${uidText('Mandate', mandate.id)}}`;
  return { entities, text: `[${text}]`, references };
}

/** A protected interface; it need not be among the directory's to be asked about. */
export function resourceEntities(uri: string, institution: string | undefined): LocalEntities {
  const owner = institution === undefined ? undefined : reference('Institution', institution);
  const entities = [
    owner === undefined
      ? entity('Resource', uri, [], {})
      : entity('Resource', uri, [owner.__entity], { institution: owner }),
  ];
  return { entities, text: JSON.stringify(entities), references: owner === undefined ? [] : [owner.__entity] };
}

const decimal = (amount: string) => ({ __extn: { arg: amount, fn: 'decimal' } });

/** By role: how many different people have given them. */
function countByRole(approvals: TransactionFacts['approvals']) {
  const count = (wanted: ApproverRole): number => {
    if (approvals.length === 0) return 0;
    const approvers = new Set<string>();
    for (const { approver, role } of approvals) if (role === wanted) approvers.add(approver);
    return approvers.size;
  };
  return {
    compliance: count('compliance'),
    desk_head: count('desk-head'),
    operations: count('operations'),
    risk: count('risk'),
    supervisor: count('supervisor'),
  };
}
