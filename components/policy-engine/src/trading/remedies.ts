import type { Json } from '@countersign/kernel';
import type { Remedy } from '../bundle/annotations.ts';
import type { Question } from '../decision/question.ts';
import { takesApprovalsIn } from './approval-states.ts';

/** Attribute of the resource that counts standing approvals by role; roles written as in Cedar, `head_of_trading`. */
const approvalsAttribute = 'approvals';

/**
 * The question as it would be if the remedies had been done: so many approvals stand, the person has just signed in
 * that well.
 *
 * @returns undefined where the question has nothing that a remedy could change
 */
export function withRemedies(question: Question, remedies: readonly Remedy[]): Question | undefined {
  let { context, local } = question;
  for (const remedy of remedies) {
    if (remedy.kind === 'step-up') {
      // Whoever steps up has just signed in, also where the question did not say when they had.
      context = { ...context, acr: remedy.acr, authAgeSeconds: 0 };
      // Where sign-ins can be bound to what they are for, whoever steps up for this does so for this.
      if (context['boundToIntent'] !== undefined) context = { ...context, boundToIntent: true };
      continue;
    }
    const approvals = approvalsOf({ ...question, local });
    const name = attributeOf(remedy.role);
    if (!takesApprovals(question)) return undefined;
    if (approvals === undefined || typeof approvals[name] !== 'number') return undefined;
    const counted = { ...approvals, [name]: Math.max(approvals[name], remedy.count) };
    local = local.map((entity) =>
      isResource(question, entity.uid)
        ? { ...entity, attrs: { ...entity.attrs, [approvalsAttribute]: counted } }
        : entity,
    );
  }
  // Named one by one: what the question has as values is not what is asked now.
  const { principal, action, resource, shared } = question;
  return { principal, action, resource, shared, context, local };
}

/** How many approvals by holders of the role stand now. */
export function standingApprovalsOf(question: Question, role: string): number {
  const standing = approvalsOf(question)?.[attributeOf(role)];
  return typeof standing === 'number' ? standing : 0;
}

export function attributeOf(role: string): string {
  return role.replaceAll('-', '_');
}

/** The registry takes approvals while a step that may want them comes next; else nobody can give what is missing. */
function takesApprovals(question: Question): boolean {
  const { state, intentType } = question.local.find(({ uid }) => isResource(question, uid))?.attrs ?? {};
  if (state === undefined) return true;
  return typeof state === 'string' && typeof intentType === 'string' && takesApprovalsIn(intentType, state);
}

function approvalsOf(question: Question): Readonly<Record<string, Json>> | undefined {
  const approvals = question.local.find(({ uid }) => isResource(question, uid))?.attrs[approvalsAttribute];
  return typeof approvals === 'object' && approvals !== null && !Array.isArray(approvals)
    ? (approvals as Readonly<Record<string, Json>>)
    : undefined;
}

function isResource({ resource }: Question, uid: { readonly type: string; readonly id: string }): boolean {
  return uid.type === resource.type && uid.id === resource.id;
}
