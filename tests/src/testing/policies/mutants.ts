import type { LoadedBundle } from '../../../../components/policy-engine/src/bundle/load-bundle.ts';

type Policy = LoadedBundle['parsed']['policies'][number];
type PolicyJson = Policy['json'];

/** A policy with one element changed. */
export interface Mutant {
  /** The same for the same policy and change: `agent-is-certified: drop unless 1 || 2`. */
  readonly id: string;
  readonly policyId: string;
  readonly json: PolicyJson;
}

const flips: Readonly<Record<string, string>> = { '==': '!=', '!=': '==', '<': '>=', '<=': '>', '>': '<=', '>=': '<' };
const decimalFlips: Readonly<Record<string, string>> = {
  lessThan: 'greaterThanOrEqual',
  lessThanOrEqual: 'greaterThan',
  greaterThan: 'lessThanOrEqual',
  greaterThanOrEqual: 'lessThan',
};
const sets: Readonly<Record<string, string>> = { containsAny: 'containsAll', containsAll: 'containsAny' };

/**
 * Every mutant of a policy by one change in its conditions: a part dropped, a comparison flipped, a constant moved, `&&`
 * for `||`.
 */
export function mutantsOf({ id, json }: Policy): readonly Mutant[] {
  const mutants: Mutant[] = [];
  const add = (change: string, conditions: PolicyJson['conditions']): void =>
    void mutants.push({ id: `${id}: ${change}`, policyId: id, json: { ...json, conditions } });
  json.conditions.forEach((condition, index) => {
    const others = json.conditions.filter((_, place) => place !== index);
    if (json.conditions.length > 0) add(`drop ${condition.kind}`, others);
    for (const { change, expression } of changesIn(condition.body)) {
      const conditions = json.conditions.map((each, place) =>
        place === index ? { ...each, body: expression as typeof each.body } : each,
      );
      add(`${condition.kind} ${change}`, conditions);
    }
  });
  return mutants;
}

interface Change {
  readonly change: string;
  readonly expression: unknown;
}

/** One change in one place of the expression each; places are counted from the left, as written. */
function changesIn(expression: unknown, path = ''): readonly Change[] {
  if (Array.isArray(expression))
    return expression.flatMap((each, index) =>
      changesIn(each, `${path}.${index}`).map(({ change, expression: changed }) => ({
        change,
        expression: expression.map((kept, place) => (place === index ? changed : kept)),
      })),
    );
  if (typeof expression !== 'object' || expression === null) return [];
  const entry = Object.entries(expression)[0];
  if (entry === undefined || Object.keys(expression).length !== 1) return within(expression, path);
  const [operator, body] = entry;
  const at = path === '' ? 'whole' : path.slice(1);
  const here: Change[] = [];
  const { left, right, arg } = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const note = (what: string, changed: unknown): void =>
    void here.push({ change: `${what} at ${at}`, expression: changed });
  if (operator === '&&' || operator === '||') {
    note(operator === '&&' ? 'or for and' : 'and for or', { [operator === '&&' ? '||' : '&&']: body });
    note('drop left', right);
    note('drop right', left);
  }
  if (operator === '!') note('drop not', arg);
  const flipped = flips[operator] ?? decimalFlips[operator] ?? sets[operator];
  if (flipped !== undefined) note(`${flipped} for ${operator}`, { [flipped]: body });
  if (operator === 'Value' && typeof body === 'number')
    for (const step of [1, -1]) note(`${body + step} for ${body}`, { Value: body + step });
  if (operator === 'decimal' && Array.isArray(body)) {
    const amount = Number((body[0] as { readonly Value?: string })?.Value);
    note(`${amount + 1} for ${amount}`, { decimal: [{ Value: `${amount + 1}.0` }] });
  }
  if (operator === 'Set' && Array.isArray(body) && body.length > 1)
    body.forEach((_, index) => {
      note(`drop element ${index}`, { Set: body.filter((__, place) => place !== index) });
    });
  if (operator === 'Value' || operator === 'Var' || operator === 'decimal') return here;
  return [...here, ...within(expression, path)];
}

function within(expression: object, path: string): readonly Change[] {
  return Object.entries(expression).flatMap(([name, value]) =>
    changesIn(value, `${path}.${name}`).map(({ change, expression: changed }) => ({
      change,
      expression: { ...expression, [name]: changed },
    })),
  );
}
