import type { ApprovalView, Person } from '@countersign/contracts';
import {
  type Clock,
  type Digest,
  defined,
  digestOf,
  type Json,
  type TransactionId,
  unreachable,
} from '@countersign/kernel';
import type { AuthorizationDetail } from '@countersign/market';
import { signedLines } from './approval-view.ts';
import { isExecuted } from './attempt.ts';
import type { BeforeApprover } from './before-approver.ts';
import { destinationShown } from './destinations/destinations.ts';
import type { Store } from './proof/proven-store.ts';
import type { StoredTransaction } from './store/store.ts';

/** A changed line; `before` or `now` is absent if the line was added or removed. */
interface ChangedLine {
  readonly label: string;
  readonly before?: string;
  readonly now?: string;
}

export interface Changes {
  /** The newest earlier transaction about the same subject that they viewed, if it differs. */
  readonly earlier?: {
    readonly transaction: TransactionId;
    readonly at: number;
    readonly state: string;
    readonly lines: readonly ChangedLine[];
  };
  readonly warned: readonly string[];
}

const maxCompared = 5;
const alwaysDifferent: readonly string[] = ['Idempotency key'];

export async function recordViewing(
  { view }: BeforeApprover,
  person: Person,
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): Promise<Changes> {
  const transaction = await store.find(view.transaction);
  if (transaction === undefined) return { warned: [] };
  const about = subjectDigest(transaction);
  const codes = view.warnings.map(({ code }) => code);
  const look = { approver: person.id, transaction: transaction.id, about };
  const last = await store.putViewing({ ...look, warnings: codes, at: clock.now() });
  const warned = last === undefined ? [] : codes.filter((code) => !last.warnings.includes(code));
  const earlier = await earlierOf(view, await store.earlierViewings(look, maxCompared), store);
  return { warned, ...defined({ earlier }) };
}

/** Compares only with transactions that have not been executed: repeating an executed order is normal. */
async function earlierOf(
  view: ApprovalView,
  looks: Awaited<ReturnType<Store['earlierViewings']>>,
  store: Store,
): Promise<Changes['earlier']> {
  for (const { transaction: id, at } of looks) {
    const other = await store.find(id);
    if (other === undefined || isExecuted(other)) continue;
    const lines = changedLines(await linesOf(other, store), view.lines);
    return lines.length === 0 ? undefined : { transaction: id, at, state: other.state, lines };
  }
  return undefined;
}

async function linesOf(transaction: StoredTransaction, store: Store): Promise<ApprovalView['lines']> {
  return [...signedLines(transaction.detail), ...((await destinationShown(transaction, store))?.lines ?? [])];
}

/** Values with the same label, such as parties, are compared together. */
function changedLines(was: ApprovalView['lines'], is: ApprovalView['lines']): readonly ChangedLine[] {
  const [before, now] = [byLabel(was), byLabel(is)];
  return [...new Set([...now.keys(), ...before.keys()])]
    .filter((label) => !alwaysDifferent.includes(label) && before.get(label) !== now.get(label))
    .map((label) => {
      const [old, current] = [before.get(label), now.get(label)];
      return {
        label,
        ...defined({ before: old, now: current }),
      };
    });
}

function byLabel(lines: ApprovalView['lines']): ReadonlyMap<string, string> {
  const values = new Map<string, string>();
  for (const { label, value } of lines) {
    const earlier = values.get(label);
    values.set(label, earlier === undefined ? value : `${earlier}; ${value}`);
  }
  return values;
}

/** Intents with the same subject are compared when an approver views a later one. */
function subjectDigest({
  detail,
  initiatorInstitution,
}: Pick<StoredTransaction, 'detail' | 'initiatorInstitution'>): Digest {
  return digestOf([detail.type, initiatorInstitution, detail.entity_lei, subjectOf(detail)]);
}

function subjectOf(detail: AuthorizationDetail): Json {
  switch (detail.type) {
    case 'urn:countersign:rar:v1:trade_order':
    case 'urn:countersign:rar:v1:rfq':
      return detail.client_order_id;
    case 'urn:countersign:rar:v1:allocation':
      return [...detail.trade_ids].sort();
    case 'urn:countersign:rar:v1:clearing_submission':
      return detail.uti;
    case 'urn:countersign:rar:v1:settlement_instruction':
      return [detail.uti, detail.sequence];
    case 'urn:countersign:rar:v1:collateral_transfer':
      return [detail.agreement_id, detail.call_id ?? null, detail.direction];
    case 'urn:countersign:rar:v1:address_book_change':
      return detail.asset === undefined
        ? [detail.place_of_settlement ?? null, detail.beneficiary_lei]
        : [detail.asset.dti ?? null, detail.chain_id ?? null, detail.beneficiary_lei];
    case 'urn:countersign:rar:v1:withdrawal':
      return [detail.asset.dti ?? null, detail.chain_id, detail.address_id];
    case 'urn:countersign:rar:v1:regulatory_report':
      return [detail.regime, detail.uti];
    case 'urn:countersign:rar:v1:privileged_admin':
      return [detail.target, detail.ticket];
    default:
      return unreachable(detail);
  }
}
