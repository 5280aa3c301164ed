import { type Answer, cedarErrors, decideFailClosed, recordToJson } from '@countersign/cedar';
import type { Decision, DecisionReason } from '@countersign/contracts';
import { isCodedError } from '@countersign/kernel';
import type { PolicyNotes } from '../bundle/annotations.ts';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { type Evaluator, findRemedies } from './find-remedies.ts';
import type { Question } from './question.ts';

export interface Verdict
  extends Pick<
    Decision,
    'decision' | 'determining' | 'errors' | 'reasons' | 'obligations' | 'tokenLifetimeSeconds' | 'timeStamp'
  > {}

export const noPolicyPermits: DecisionReason = {
  code: 'no_policy_permits',
  detail: 'No policy permits this principal to do this.',
};
export const notEvaluable: DecisionReason = {
  code: 'not_evaluable',
  detail: 'The policies cannot decide about this principal or this intent.',
};

/**
 * Decides a question by a bundle. Pure: the same bundle and question always give the same verdict. Fails closed and does not throw
 * for an invalid question.
 */
export function judge(bundle: LoadedBundle, question: Question, evaluate: Evaluator = evaluateCompiled): Verdict {
  const answer = answerTo(bundle, question, evaluate);
  if ('code' in answer) return denied([answer]);
  const determining = answer.determining.length > 1 ? [...answer.determining].sort() : answer.determining;
  if (answer.decision === 'allow') {
    const tokenLifetimeSeconds = shortestLife(bundle, determining);
    const permit = { decision: true, determining, errors: answer.errors, reasons: none, obligations: none };
    const timeStamp = asksForTimeStamp(bundle, determining);
    if (tokenLifetimeSeconds === undefined && !timeStamp) return permit;
    return {
      ...permit,
      ...(tokenLifetimeSeconds === undefined ? {} : { tokenLifetimeSeconds }),
      ...(timeStamp ? { timeStamp } : {}),
    };
  }
  return {
    decision: false,
    determining,
    errors: answer.errors,
    reasons:
      determining.length === 0 ? [noPolicyPermits] : determining.map((id) => wordsFor(bundle.notes(id), question)),
    obligations: findRemedies(bundle, question, answer, evaluate),
  };
}

/** Whether {@link judge} would permit it. Skips reasons and remedies, which cost several times as much. */
export function permits(bundle: LoadedBundle, question: Question, evaluate: Evaluator = evaluateCompiled): boolean {
  const answer = answerTo(bundle, question, evaluate);
  return 'decision' in answer && answer.decision === 'allow';
}

const none: readonly never[] = Object.freeze([]);

/** The answer of the policies, or the reason why they cannot be asked. */
function answerTo(bundle: LoadedBundle, question: Question, evaluate: Evaluator): Answer | DecisionReason {
  try {
    return evaluate(bundle, question);
  } catch (error) {
    // The schema does not declare the action for such a resource, so no policy permits it. An unknown transaction ends here
    // as well, and so looks the same as a forbidden one.
    if (cedarErrors.is(error, 'request_refused')) return noPolicyPermits;
    if (isCodedError(error)) return notEvaluable;
    throw error;
  }
}

export function denied(reasons: readonly DecisionReason[]): Verdict {
  return { decision: false, determining: [], errors: [], reasons, obligations: [] };
}

function asksForTimeStamp(bundle: LoadedBundle, determining: readonly string[]): boolean {
  for (const id of determining) if (bundle.notes(id).timeStamp) return true;
  return false;
}

function shortestLife(bundle: LoadedBundle, determining: readonly string[]): number | undefined {
  let shortest: number | undefined;
  for (const id of determining) {
    const { tokenLifetimeSeconds } = bundle.notes(id);
    if (tokenLifetimeSeconds !== undefined && (shortest === undefined || tokenLifetimeSeconds < shortest))
      shortest = tokenLifetimeSeconds;
  }
  return shortest;
}

/** The compiled policies, failing closed. */
export const evaluateCompiled: Evaluator = ({ compiled, parsed }, question) => {
  const { shared, values } = question;
  const action = { type: parsed.schema.actionType, id: question.action };
  if (values !== undefined) {
    const { principal, resource, context, local } = values;
    return decideFailClosed(compiled, { principal, action, resource, context, entities: shared.withRead(local) });
  }
  const { principal, resource, context, local } = question;
  return decideFailClosed(compiled, { principal, action, resource, context, entities: shared.with(local) });
};

const placeholder = /\{(context|resource)\.([A-Za-z_][A-Za-z0-9_.]*)\}/g;
const maxShown = 64;

/**
 * The reason of a forbid, with the placeholders `{context.…}` and `{resource.…}` replaced by the facts. A path follows entities as
 * in a policy: `{resource.account.institution.country}`.
 */
export function wordsFor({ reason, detail }: PolicyNotes, question: Question): DecisionReason {
  if (!detail.includes('{')) return { code: reason, detail };
  const { context, resource } = question;
  const roots = { context, resource: { __entity: { type: resource.type, id: resource.id } } };
  return {
    code: reason,
    detail: detail.replace(placeholder, (_, root: 'context' | 'resource', path: string) =>
      shown(
        path.split('.').reduce<unknown>((value, name) => memberOf(attributesOf(value, question), name), roots[root]),
      ),
    ),
  };
}

/** The attributes of a reference to an entity; any other value unchanged. */
function attributesOf(value: unknown, { local, shared }: Question): unknown {
  const entity = memberOf(value, '__entity');
  const [type, id] = [memberOf(entity, 'type'), memberOf(entity, 'id')];
  if (typeof type !== 'string' || typeof id !== 'string') return value;
  const own = local.find(({ uid }) => uid.type === type && uid.id === id);
  if (own !== undefined) return own.attrs;
  const found = shared.find({ type, id });
  return found === undefined ? undefined : recordToJson(found.attributes);
}

function memberOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, name)
    ? Reflect.get(value, name)
    : undefined;
}

/** A readable value: a decimal or a time without its JSON wrapping, an entity by its id. */
function shown(value: unknown): string {
  if (typeof value === 'string') return value.slice(0, maxShown);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  const extension = memberOf(memberOf(value, '__extn'), 'arg');
  if (typeof extension === 'string') return extension.slice(0, maxShown);
  const entity = memberOf(memberOf(value, '__entity'), 'id');
  if (typeof entity === 'string') return entity.slice(0, maxShown);
  return Array.isArray(value) && value.length > 0 ? value.slice(0, 8).map(shown).join(', ') : 'none';
}
