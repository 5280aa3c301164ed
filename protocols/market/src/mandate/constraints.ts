import type { Problem } from '../shape.ts';
import { brokenRelation } from './constraint-relations.ts';
import { type Constraints, constraintsShape } from './constraints-shape.ts';

export function parseConstraints(
  value: unknown,
):
  | { readonly ok: true; readonly value: Constraints }
  | ({ readonly ok: false; readonly code: 'constraints_invalid' } & Problem) {
  const checked = constraintsShape.check(value);
  const problem = checked.ok ? brokenRelation(checked.value) : checked.problem;
  if (problem !== undefined) return { ok: false, code: 'constraints_invalid', ...problem };
  return checked.ok ? checked : { ok: false, code: 'constraints_invalid', ...checked.problem };
}
