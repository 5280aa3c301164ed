import type { NodeKind } from './graph.ts';
import { represents } from './graph.ts';
import type { View } from './record-view.ts';

interface Added {
  readonly type: string;
  readonly id: string;
  readonly view: View;
  /** Belongs to the transaction itself. */
  readonly own: boolean;
}

type Adder = (added: Added, notes: GraphNotes) => void;

export function addRecord(added: Added, notes: GraphNotes): void {
  if (added.type.startsWith('mandate.')) addMandate(added, notes);
  else adders.get(added.type)?.(added, notes);
}

/** With the institution that it acts for. */
function principal(actor: View, notes: GraphNotes): string | undefined {
  const id = actor.text('id');
  if (id === undefined) return undefined;
  const [plane = '', name = ''] = [id.slice(0, id.indexOf(':')), id.slice(id.indexOf(':') + 1)];
  const kind = plane === 'person' ? 'person' : plane === 'client' ? 'client' : 'agent';
  const node = notes.node({ id, kind, label: name === '' ? id : name, detail: plane === '' ? undefined : plane });
  notes.edge(institution(actor.text('institution'), notes), represents, node);
  return node;
}

function institution(lei: string | undefined, notes: GraphNotes): string | undefined {
  return lei === undefined ? undefined : notes.node({ id: `institution:${lei}`, kind: 'institution', label: lei });
}

function client(id: string | undefined, notes: GraphNotes): string | undefined {
  return id === undefined ? undefined : notes.node({ id: `client:${id}`, kind: 'client', label: id, detail: 'client' });
}

function mandate(id: string | undefined, notes: GraphNotes): string | undefined {
  return id === undefined ? undefined : notes.node({ id: `mandate:${id}`, kind: 'mandate', label: shortId(id) });
}

function policy(version: number | undefined, notes: GraphNotes): string | undefined {
  return version === undefined
    ? undefined
    : notes.node({ id: `policy:${version}`, kind: 'policy', label: `Policy ${version}` });
}

/** The end of an id is distinctive. */
function shortId(id: string): string {
  return id.length <= 14 ? id : `${id.slice(0, id.indexOf('_') + 1)}…${id.slice(-6)}`;
}

function firstReferred({ view }: Added, notes: GraphNotes): string | undefined {
  return view.texts('references').flatMap((id) => notes.nodeOf(id) ?? [])[0];
}

function addMandate({ type, view }: Added, notes: GraphNotes): void {
  const terms = view.at('data', 'mandate');
  const id = terms.text('id') ?? view.text('mandate', 'id');
  if (id === undefined) return;
  const version = terms.number('version');
  const status = terms.text('status');
  const node = notes.node({
    id: `mandate:${id}`,
    kind: 'mandate',
    label: shortId(id),
    detail: [version === undefined ? undefined : `version ${version}`, status]
      .filter((part) => part !== undefined)
      .join(', '),
    outcome:
      type === 'mandate.refused' || type === 'mandate.revoked' || type === 'mandate.expired' ? 'deny' : undefined,
  });
  notes.standsFor(node);
  notes.edge(institution(terms.text('grantor', 'lei'), notes), 'grants', node);
  notes.edge(institution(terms.text('grantee', 'lei'), notes), 'holds', node);
  notes.edge(institution(terms.text('thirdParty', 'lei'), notes), 'is third party of', node, { main: false });
  notes.edge(mandate(terms.text('parent', 'id'), notes), 'is narrowed to', node);
  // "mandate.amendment-proposed" reads as "amendment proposed".
  notes.edge(principal(view.at('subject'), notes), type.slice('mandate.'.length).replaceAll('-', ' '), node, {
    main: type === 'mandate.accepted' || type === 'mandate.revoked',
  });
}

function addPolicy({ view }: Added, notes: GraphNotes): void {
  const node = policy(view.number('data', 'version') ?? view.number('policy', 'version'), notes);
  if (node === undefined) return;
  notes.standsFor(node);
  notes.edge(principal(view.at('subject'), notes), 'published', node);
}

function addPartner({ view }: Added, notes: GraphNotes): void {
  const node = institution(view.text('data', 'profile', 'institution'), notes);
  if (node !== undefined) notes.standsFor(node);
}

function addConsent({ type, id, view }: Added, notes: GraphNotes): void {
  const node = notes.node({
    id: `approval:${view.text('data', 'grant') ?? id}`,
    kind: 'approval',
    label: 'Consent',
    detail: view.text('data', 'grant') === undefined ? undefined : shortId(view.text('data', 'grant') ?? ''),
    outcome: 'permit',
  });
  notes.standsFor(node);
  notes.edge(principal(view.at('subject'), notes), type === 'consent.given' ? 'gave' : 'changed', node);
  notes.edge(client(view.text('client'), notes), 'asked for', node, { main: false });
}

function addToken(added: Added, notes: GraphNotes): void {
  const { type, id, view } = added;
  const jti = view.text('data', 'claims', 'jti') ?? id;
  const node = notes.node({
    id: `token:${jti}`,
    kind: 'token',
    label: `Token ${shortId(jti)}`,
    detail: view.texts('scope').join(' ') || view.text('data', 'claims', 'scope'),
    outcome: 'permit',
  });
  notes.standsFor(node);
  const [current, ...earlier] = view.list('actors');
  const acting = current === undefined ? undefined : principal(current, notes);
  for (const actor of earlier) notes.edge(principal(actor, notes), 'acted before', node, { main: false });
  const holder = client(view.text('client'), notes);
  notes.edge(acting, 'acts with', node);
  notes.edge(holder, 'holds', node, { main: acting === undefined });
  notes.edge(acting, 'signs in as', holder, { main: false });
  const owner = principal(view.at('subject'), notes);
  if (type === 'token.issued') notes.edge(owner, 'is whose authority', node);
  else {
    const from = view.text('data', 'subject_token', 'record');
    const exchanged = from === undefined ? undefined : notes.nodeOf(from);
    notes.edge(exchanged, 'is exchanged for', node);
    notes.edge(owner, 'is whose authority', node, { main: exchanged === undefined });
  }
  notes.edge(mandate(view.text('mandate', 'id'), notes), 'is used by', node, { main: false });
  if (notes.state !== undefined) notes.edge(node, 'is for', notes.state, { main: false });
  embeddedDecision(added, notes, node);
  for (const reference of view.texts('references')) {
    const other = notes.nodeOf(reference);
    if (other?.startsWith('approval:') === true) notes.edge(other, 'allows', node);
  }
}

function embeddedDecision({ id, view }: Added, notes: GraphNotes, node: string): void {
  const decision = view.at('data', 'decision');
  const permits = decision.flag('decision');
  if (permits === undefined) return;
  const made = notes.node({
    id: `decision:${decision.text('decision_id') ?? id}`,
    kind: 'decision',
    label: permits ? 'Permit' : 'Deny',
    detail: reasonOf(decision),
    outcome: permits ? 'permit' : 'deny',
  });
  notes.edge(policy(decision.number('policy_version') ?? view.number('policy', 'version'), notes), 'decides', made);
  notes.edge(made, permits ? 'permits' : 'denies', node);
}

function reasonOf(decision: View): string | undefined {
  return decision.list('reasons')[0]?.text('code') ?? decision.texts('determining')[0];
}

function addDecision({ id, view }: Added, notes: GraphNotes): void {
  const decision = view.at('data', 'decision');
  const permits = view.text('outcome') === 'permit';
  const node = notes.node({
    id: `decision:${decision.text('decision_id') ?? id}`,
    kind: 'decision',
    label: permits ? 'Permit' : 'Deny',
    detail: view.text('reason') ?? reasonOf(decision) ?? view.text('data', 'action'),
    outcome: permits ? 'permit' : 'deny',
  });
  notes.standsFor(node);
  notes.edge(policy(view.number('policy', 'version'), notes), 'decides', node);
  const [asker] = view.list('actors');
  notes.edge(asker === undefined ? undefined : principal(asker, notes), 'asked for', node);
  notes.edge(principal(view.at('subject'), notes), 'is who it is about', node, { main: false });
  notes.edge(node, permits ? 'permits' : 'denies', notes.state);
  for (const reference of view.texts('references')) {
    const other = notes.nodeOf(reference);
    if (other?.startsWith('approval:') === true) notes.edge(other, 'counts for', node);
  }
}

function addApproval({ id, view }: Added, notes: GraphNotes): void {
  const node = notes.node({
    id: `approval:${view.text('data', 'approval_id') ?? id}`,
    kind: 'approval',
    label: 'Approval',
    detail: view.text('data', 'role'),
    outcome: 'permit',
  });
  notes.standsFor(node);
  notes.edge(principal(view.at('subject'), notes), 'approved', node);
  notes.edge(node, 'is for', notes.state, { main: false });
}

function addWithdrawal({ view }: Added, notes: GraphNotes): void {
  const [given] = view.texts('references').flatMap((id) => notes.nodeOf(id) ?? []);
  notes.edge(principal(view.at('subject'), notes), 'withdrew', given);
}

/** Equal refusals of one party form one node. */
function addRefusal({ type, view }: Added, notes: GraphNotes): void {
  const sort = type.slice(0, type.indexOf('.'));
  const who = principal(view.at('subject'), notes) ?? client(view.text('client'), notes);
  const node = notes.node({
    id: `refusal:${sort}:${who ?? 'somebody'}`,
    kind: sort === 'approval' ? 'approval' : sort === 'token' ? 'token' : 'transaction',
    label: sort === 'transaction' ? 'Step refused' : `${sort === 'token' ? 'Token' : 'Approval'} refused`,
    detail: view.text('reason'),
    outcome: 'deny',
  });
  notes.edge(who, 'tried', node);
  if (sort === 'transaction') notes.edge(notes.state, 'refused', node, { main: who === undefined });
}

function addOpening({ view, own, id }: Added, notes: GraphNotes): void {
  const node = notes.node({
    id: `state:${id}`,
    kind: 'transaction',
    label: 'intended',
    // "urn:countersign:rar:v1:trade_order" reads as "trade order".
    detail: (view.text('data', 'intent_type') ?? view.text('data', 'intent', 'type'))
      ?.split(':')
      .at(-1)
      ?.replaceAll('_', ' '),
  });
  notes.standsFor(node);
  notes.edge(principal(view.at('subject'), notes), 'opened', node);
  notes.edge(client(view.text('client'), notes), 'sent', node, { main: false });
  notes.edge(mandate(view.text('mandate', 'id'), notes), 'authorises', node);
  if (own) notes.state = node;
}

/** States in which assets change hands. */
const settlement = /settl|deliver|transferred|returned|released|affirmed|instructed|confirmed|paid/;

function addTransition(added: Added, notes: GraphNotes): void {
  const { id, view, own } = added;
  const to = view.text('data', 'to') ?? 'another state';
  const event = view.text('data', 'event') ?? 'goes on';
  const failed = ['rejected', 'failed', 'cancelled', 'expired', 'declined', 'revoked'].includes(to);
  const node = notes.node({
    id: `state:${id}`,
    kind: settlement.test(to) ? 'settlement' : 'transaction',
    label: to,
    detail: view.text('time')?.slice(11, 23),
    outcome: failed ? 'deny' : undefined,
  });
  notes.standsFor(node);
  notes.edge(own ? notes.state : firstReferred(added, notes), event, node);
  notes.edge(principal(view.at('subject'), notes), event, node);
  notes.edge(client(view.text('client'), notes), 'sent', node, { main: false });
  notes.edge(mandate(view.text('mandate', 'id'), notes), 'authorises', node, { main: false });
  embeddedDecision(added, notes, node);
  for (const reference of view.texts('references')) {
    const other = notes.nodeOf(reference);
    if (other?.startsWith('approval:') === true) notes.edge(other, 'counts for', node);
    else if (other?.startsWith('mandate:') === true)
      notes.edge(other, 'authorises', node, { main: other !== `mandate:${view.text('mandate', 'id') ?? ''}` });
    else if (other?.startsWith('decision:') === true) notes.edge(other, 'permits', node);
    else if (other?.startsWith('token:') === true) notes.edge(other, 'is shown for', node);
  }
  if (own) notes.state = node;
}

function addException({ type, id, view }: Added, notes: GraphNotes): void {
  const raised = type === 'exception.raised';
  const node = notes.node({
    id: `exception:${view.text('data', 'exception') ?? id}`,
    kind: 'transaction',
    label: 'Exception',
    detail: raised ? view.text('data', 'cause') : `resolved: ${view.text('data', 'kind') ?? ''}`,
    outcome: raised ? 'deny' : 'permit',
  });
  notes.standsFor(node);
  if (raised) notes.edge(notes.state, 'raised', node);
  else notes.edge(principal(view.at('subject'), notes), 'resolved', node);
}

function addEvidence({ type, id, view }: Added, notes: GraphNotes): void {
  const who = view.text('subject', 'id') ?? '';
  const named = { 'envelope.issued': 'Signed envelope', 'timestamp.obtained': 'Time stamp' }[type] ?? 'Evidence export';
  const node = notes.node({
    id: type === 'evidence.exported' ? `evidence:export:${who}` : `evidence:${id}`,
    kind: 'evidence',
    label: named,
    detail:
      type === 'evidence.exported'
        ? view.text('time')?.slice(0, 19)
        : (view.text('data', 'state') ?? view.text('data', 'gen_time')),
  });
  notes.standsFor(node);
  notes.edge(
    notes.state,
    type === 'envelope.issued' ? 'is signed as' : type === 'timestamp.obtained' ? 'is stamped by' : 'is proved by',
    node,
  );
  notes.edge(principal(view.at('subject'), notes), 'asked for', node, { main: false });
}

const adders: ReadonlyMap<string, Adder> = new Map([
  ['policy.published', addPolicy],
  ['partner.profile-registered', addPartner],
  ['consent.given', addConsent],
  ['grant.changed', addConsent],
  ['token.issued', addToken],
  ['token.exchanged', addToken],
  ['token.refused', addRefusal],
  ['decision.made', addDecision],
  ['approval.given', addApproval],
  ['approval.withdrawn', addWithdrawal],
  ['approval.refused', addRefusal],
  ['approval.declined', addRefusal],
  ['transaction.opened', addOpening],
  ['transaction.transitioned', addTransition],
  ['transaction.refused', addRefusal],
  ['exception.raised', addException],
  ['exception.resolved', addException],
  ['envelope.issued', addEvidence],
  ['timestamp.obtained', addEvidence],
  ['evidence.exported', addEvidence],
]);

export interface GraphNotes {
  node(node: {
    readonly id: string;
    readonly kind: NodeKind;
    readonly label: string;
    readonly detail?: string | undefined;
    readonly outcome?: 'permit' | 'deny' | undefined;
  }): string;
  /** Adds nothing if one end is unknown. */
  edge(from: string | undefined, says: string, to: string | undefined, options?: { readonly main?: boolean }): void;
  nodeOf(record: string): string | undefined;
  /** References to this record lead to the node. */
  standsFor(node: string): void;
  /** Node of the newest state; undefined before the opening. */
  state: string | undefined;
}
