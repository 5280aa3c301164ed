import type { ApprovalView, Person } from '@countersign/contracts';
import { type Clock, defined, type TransactionId } from '@countersign/kernel';
import { signedLines } from './approval-view.ts';
import { isExecuted } from './attempt.ts';
import type { BeforeApprover } from './before-approver.ts';
import { destinationShown } from './destinations/shown.ts';
import { lookedAtAs } from './looked-at-as.ts';
import type { Store } from './proof/proven-store.ts';
import type { StoredTransaction } from './store/store.ts';

/** A changed line; `before` or `now` is absent if the line was added or removed. */
export interface ChangedLine {
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

const mostCompared = 5;
const ownOfEach: readonly string[] = ['Idempotency key'];

export async function lookAt(
  { view }: BeforeApprover,
  person: Person,
  { store, clock }: { readonly store: Store; readonly clock: Clock },
): Promise<Changes> {
  const transaction = await store.find(view.transaction);
  if (transaction === undefined) return { warned: [] };
  const about = lookedAtAs(transaction);
  const codes = view.warnings.map(({ code }) => code);
  const look = { approver: person.id, transaction: transaction.id, about };
  const last = await store.putLook({ ...look, warnings: codes, at: clock.now() });
  const warned = last === undefined ? [] : codes.filter((code) => !last.warnings.includes(code));
  const earlier = await earlierOf(view, await store.looksBefore(look, mostCompared), store);
  return { warned, ...defined({ earlier }) };
}

/** Compares only with transactions that were not executed: an executed one is a different matter. */
async function earlierOf(
  view: ApprovalView,
  looks: Awaited<ReturnType<Store['looksBefore']>>,
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
export function changedLines(was: ApprovalView['lines'], is: ApprovalView['lines']): readonly ChangedLine[] {
  const [before, now] = [byLabel(was), byLabel(is)];
  return [...new Set([...now.keys(), ...before.keys()])]
    .filter((label) => !ownOfEach.includes(label) && before.get(label) !== now.get(label))
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
