import type { Json } from '@countersign/kernel';
import type { Remedy } from '../bundle/annotations.ts';
import { takesApprovalsIn } from './approval-states.ts';
import type { Question } from './question.ts';

/** Attribute of the resource with the number of valid approvals by role; roles as in Cedar, `head_of_trading`. */
const approvalsAttribute = 'approvals';
/** Attribute of the resource with the initiator's sign-in for its token. */
const permittedAttribute = 'permitted';

/**
 * Whether the remedy is possible: only people can sign in, and the registry accepts approvals only in some states.
 */
export function canBeDone(question: Question, remedy: Remedy): boolean {
  if (remedy.kind === 'step-up') return question.principal.type === 'Person';
  return takesApprovals(question) && typeof approvalsOf(question)?.[attributeOf(remedy.role)] === 'number';
}

/**
 * The question after the remedies: with the required approvals, or a fresh sign-in of the required class.
 *
 * @param remedies that {@link canBeDone}
 */
export function withRemedies(question: Question, remedies: readonly Remedy[]): Question {
  // Copies members one by one to leave out `values`, which no longer match.
  const { principal, action, resource, shared } = question;
  let { context, local } = question;
  for (const remedy of remedies) {
    if (remedy.kind === 'step-up') {
      // A step-up is a fresh sign-in, even if the age was unknown before.
      context = { ...context, acr: remedy.acr, authAgeSeconds: 0 };
      // A step-up for this intent is bound to this intent.
      if (context['boundToIntent'] !== undefined) context = { ...context, boundToIntent: true };
      // The person then asks for a new token with that sign-in.
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

/** The number of valid approvals in the role. */
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
