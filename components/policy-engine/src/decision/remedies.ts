import type { Json } from '@countersign/kernel';
import type { Remedy } from '../bundle/annotations.ts';
import { takesApprovalsIn } from './approval-states.ts';
import type { Question } from './question.ts';

/** Attribute of the resource that counts standing approvals by role; roles written as in Cedar, `head_of_trading`. */
const approvalsAttribute = 'approvals';
/** The one that says how whoever began it had signed in for its token. */
const permittedAttribute = 'permitted';

/**
 * Whether anybody could do it: software does not sign in; and the registry takes approvals while a step that may want them
 * comes next, later nobody can give what is missing.
 */
export function canBeDone(question: Question, remedy: Remedy): boolean {
  if (remedy.kind === 'step-up') return question.principal.type === 'Person';
  return takesApprovals(question) && typeof approvalsOf(question)?.[attributeOf(remedy.role)] === 'number';
}

/**
 * The question as it would be if the remedies had been done: so many approvals stand, the person has just signed in
 * that well.
 *
 * @param remedies that {@link canBeDone}
 */
export function withRemedies(question: Question, remedies: readonly Remedy[]): Question {
  // Named one by one: what the question has as values is not what is asked now.
  const { principal, action, resource, shared } = question;
  let { context, local } = question;
  for (const remedy of remedies) {
    if (remedy.kind === 'step-up') {
      // Whoever steps up has just signed in, also where the question did not say when they had.
      context = { ...context, acr: remedy.acr, authAgeSeconds: 0 };
      // Where sign-ins can be bound to what they are for, whoever steps up for this does so for this.
      if (context['boundToIntent'] !== undefined) context = { ...context, boundToIntent: true };
      // With that sign-in they ask for the token anew.
      if (attributesOf({ resource, local })?.[permittedAttribute] !== undefined)
        local = withAttribute({ resource, local }, permittedAttribute, { acr: remedy.acr, authAgeSeconds: 0 });
      continue;
    }
    const approvals = approvalsOf({ resource, local });
    const standing = standingApprovalsOf({ resource, local }, remedy.role);
    const counted = { ...approvals, [attributeOf(remedy.role)]: Math.max(standing, remedy.count) };
    local = withAttribute({ resource, local }, approvalsAttribute, counted);
  }
  return { principal, action, resource, shared, context, local };
}

/** How many approvals by holders of the role stand now. */
export function standingApprovalsOf(question: About, role: string): number {
  const standing = approvalsOf(question)?.[attributeOf(role)];
  return typeof standing === 'number' ? standing : 0;
}

export function attributeOf(role: string): string {
  return role.replaceAll('-', '_');
}

function attributesOf({ local, resource }: About): Readonly<Record<string, unknown>> | undefined {
  return local.find(({ uid }) => isResource(resource, uid))?.attrs;
}

function withAttribute({ local, resource }: About, name: string, value: Json): Question['local'] {
  return local.map((entity) =>
    isResource(resource, entity.uid) ? { ...entity, attrs: { ...entity.attrs, [name]: value } } : entity,
  );
}

function takesApprovals(about: About): boolean {
  const { state, intentType } = attributesOf(about) ?? {};
  if (state === undefined) return true;
  return typeof state === 'string' && typeof intentType === 'string' && takesApprovalsIn(intentType, state);
}

function approvalsOf(about: About): Readonly<Record<string, Json>> | undefined {
  const approvals = attributesOf(about)?.[approvalsAttribute];
  return typeof approvals === 'object' && approvals !== null && !Array.isArray(approvals)
    ? (approvals as Readonly<Record<string, Json>>)
    : undefined;
}

type About = Pick<Question, 'local' | 'resource'>;

function isResource(resource: Question['resource'], { type, id }: Question['resource']): boolean {
  return type === resource.type && id === resource.id;
}
