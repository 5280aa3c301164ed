import { approverRoles, type Person, type Statements, transactionErrors } from '@countersign/contracts';
import { type CodedError, defined, parseId, type TransactionId } from '@countersign/kernel';
import { type RefusedForm, refusedForm } from '@countersign/runtime';
import { batchRoot } from '../approvals/approval-claims.ts';
import { type BeforeApprover, maxWaiting } from '../before-approver.ts';
import type { Changes } from '../changes.ts';
import { notVisible } from '../explain-refusal.ts';
import { viewShownTo } from '../shown.ts';
import type { BatchContent } from './batch-page.ts';
import { approvePath, batchAddress } from './drawing.ts';
import type { IntentContent } from './intent-page.ts';
import type { ListContent } from './list-page.ts';
import { approverPageErrors } from './problem-page.ts';
import {
  type ApproverPagesDependencies,
  type ApproverVisit,
  createVisits,
  csrfOf,
  type Fields,
  type Here,
  shownDigest,
  shownTo,
} from './visits.ts';

export type ApproverStep =
  | { readonly kind: 'go'; readonly location: string }
  | { readonly kind: 'list'; readonly content: ListContent }
  | { readonly kind: 'intent'; readonly content: IntentContent }
  | { readonly kind: 'batch'; readonly content: BatchContent }
  | { readonly kind: 'batch-done'; readonly approved: readonly { readonly id: string; readonly title: string }[] }
  | { readonly kind: 'changed'; readonly fault: CodedError; readonly changes: Changes; readonly back: string };

interface ApproverPages {
  list(visit: ApproverVisit): Promise<ApproverStep>;
  view(id: string, role: string | undefined, visit: ApproverVisit): Promise<ApproverStep>;
  viewBatch(ids: readonly string[], role: string | undefined, visit: ApproverVisit): Promise<ApproverStep>;
  /** @throws CodedError of `approverPageErrors`, `transactionErrors`, `authenticatorErrors`; refusals are recorded first */
  decide(id: string, fields: Fields, visit: ApproverVisit): Promise<ApproverStep>;
  decideBatch(fields: Fields, visit: ApproverVisit): Promise<ApproverStep>;
}

export function createApproverPages(dependencies: ApproverPagesDependencies): ApproverPages {
  const { transactions, statements, otherPath } = dependencies;
  const { signedIn, find, ask, question, needForm } = createVisits(dependencies);

  async function approve(
    before: BeforeApprover,
    fields: Fields,
    here: Here,
    visit: ApproverVisit,
  ): Promise<ApproverStep> {
    const { view, own } = before;
    const path = `${approvePath}/${view.transaction}`;
    if (own !== undefined)
      throw transactionErrors.error('approval_repeated', 'This person has already approved this transaction.');
    if (fields.get('shown') !== shownDigest([before])) return changed([before], path, here);
    const signed = await statements.consume(answerOf(fields, here.person));
    await transactions.approve(view.transaction, signed, shownTo(before, here.person, visit.lang));
    return { kind: 'go', location: path };
  }

  async function changed(befores: readonly BeforeApprover[], back: string, { person }: Here): Promise<ApproverStep> {
    const fault = approverPageErrors.error(
      'approval_changed',
      'The transaction has changed since the page was opened. Review it again.',
    );
    const looks = await sequentially(befores, (before) => transactions.desk.look(before, person));
    const changes = { warned: [...new Set(looks.flatMap(({ warned }) => warned))] };
    return { kind: 'changed', fault, back, changes };
  }

  async function viewOf(
    id: string,
    role: string | undefined,
    visit: ApproverVisit,
    refused?: RefusedForm,
  ): Promise<ApproverStep> {
    const path = `${approvePath}/${encodeURIComponent(id)}`;
    const here = await signedIn(role === undefined ? path : `${path}?${new URLSearchParams({ role })}`, visit);
    if ('location' in here) return { kind: 'go', ...here };
    const { person, signIn } = here;
    const before = await find(id, person);
    const { view, roles, fault, own, declined } = before;
    const { transaction: txn, intentDigest: intent_digest } = view;
    const shown = shownDigest([before]);
    const asked = await question(roles, role, (as) => ask(person, as, shown, { txn, intent_digest }));
    return {
      kind: 'intent',
      content: {
        view: viewShownTo(view, person.institution),
        changes: await transactions.desk.look(before, person),
        csrf: csrfOf(txn, signIn, visit).token,
        ...defined({ fault, own, declined }),
        ...asked,
        mayDecline: roles.length > 0 && declined === undefined,
        refused,
      },
    };
  }

  return {
    async list(visit) {
      const here = await signedIn(approvePath, visit);
      if ('location' in here) return { kind: 'go', ...here };
      const { waiting, more } = await transactions.waitingFor(here.person.id);
      return { kind: 'list', content: { person: here.person, waiting, more, otherPath } };
    },

    view: (id, role, visit) => viewOf(id, role, visit),

    async viewBatch(ids, role, visit) {
      const listed = idsOf(ids);
      const here = await signedIn(batchAddress(approvePath, listed, role), visit);
      if ('location' in here) return { kind: 'go', ...here };
      const { person, signIn } = here;
      const befores = await sequentially(listed, (id) => find(id, person));
      if (befores.every(({ own }) => own !== undefined))
        return {
          kind: 'batch-done',
          approved: befores.map(({ view }) => ({ id: view.transaction, title: view.title })),
        };
      const signed = befores.map(({ view }) => ({ txn: view.transaction, intentDigest: view.intentDigest }));
      const root = batchRoot(signed);
      const shown = shownDigest(befores);
      const roles = approverRoles.filter((one) => befores.every((before) => before.roles.includes(one)));
      const unfit = befores.some((before) => before.roles.length === 0);
      const fault =
        roles.length > 0 || unfit
          ? undefined
          : approverPageErrors.error(
              'batch_role',
              'These transactions cannot all be approved in one role. Review them individually.',
            );
      const items = signed.map(({ txn, intentDigest }) => ({ txn, intent_digest: intentDigest }));
      const asked = await question(roles, role, (as) => ask(person, as, shown, { items, root }));
      return {
        kind: 'batch',
        content: {
          items: await sequentially(befores, async (before) => ({
            view: viewShownTo(before.view, person.institution),
            changes: await transactions.desk.look(before, person),
            ...defined({ fault: before.fault }),
          })),
          root,
          csrf: csrfOf(root, signIn, visit).token,
          ...defined({ fault }),
          ...asked,
        },
      };
    },

    async decide(id, fields, visit) {
      const path = `${approvePath}/${encodeURIComponent(id)}`;
      const here = await signedIn(path, visit);
      if ('location' in here) return { kind: 'go', ...here };
      const before = await find(id, here.person);
      const { view, own } = before;
      needForm(fields, view.transaction, here, visit);
      const { person } = here;
      switch (fields.get('decision')) {
        case 'approve':
          return approve(before, fields, here, visit);
        case 'decline':
          try {
            await transactions.decline(view.transaction, person.id, fields.get('reason') ?? '');
          } catch (error) {
            if (!transactionErrors.is(error, 'decline_reason')) throw error;
            return viewOf(id, undefined, visit, refusedForm(error, fields));
          }
          return { kind: 'go', location: path };
        case 'withdraw': {
          if (own === undefined)
            throw transactionErrors.error('approval_not_found', 'You have no valid approval to withdraw.');
          await transactions.withdrawApproval(view.transaction, own.id, {
            id: person.id,
            institution: person.institution,
          });
          return { kind: 'go', location: path };
        }
        default:
          throw approverPageErrors.error('decision_missing', 'The form contains no decision.');
      }
    },

    async decideBatch(fields, visit) {
      const listed = idsOf((fields.get('items') ?? '').split(' '));
      const back = batchAddress(approvePath, listed);
      const here = await signedIn(back, visit);
      if ('location' in here) return { kind: 'go', ...here };
      const { person } = here;
      const befores = await sequentially(listed, (id) => find(id, person));
      const root = batchRoot(befores.map(({ view }) => ({ txn: view.transaction, intentDigest: view.intentDigest })));
      needForm(fields, root, here, visit);
      if (fields.get('decision') !== 'approve')
        throw approverPageErrors.error('decision_missing', 'The form contains no decision.');
      const given = befores.find(({ own }) => own !== undefined);
      if (given !== undefined)
        throw transactionErrors.error('approval_repeated', 'This person has already approved this transaction.');
      if (fields.get('shown') !== shownDigest(befores)) return changed(befores, back, here);
      const signed = await statements.consume(answerOf(fields, person));
      const shown = new Map(befores.map((one) => [one.view.transaction, shownTo(one, person, visit.lang)]));
      await transactions.approveBatch(signed, shown);
      return { kind: 'go', location: back };
    },
  };
}

function answerOf(fields: Fields, person: Person): Parameters<Statements['consume']>[0] {
  return { handle: fields.get('handle'), person: person.id, credential: parsed(fields.get('credential')) };
}

/** Untrusted input; the statement verifier checks it. */
function parsed(text: string | undefined): unknown {
  try {
    return JSON.parse(text ?? '');
  } catch {
    return text;
  }
}

function idsOf(texts: readonly string[]): readonly TransactionId[] {
  const given = [...new Set(texts.filter((text) => text !== ''))];
  if (given.length === 0) throw approverPageErrors.error('batch_empty', 'No transaction was selected.');
  if (given.length > maxWaiting)
    throw approverPageErrors.error('batch_too_large', `At most ${maxWaiting} transactions fit onto one page.`);
  return given.map((text) => {
    const id = parseId('transaction', text);
    if (id === undefined) throw notVisible();
    return id;
  });
}

async function sequentially<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}
