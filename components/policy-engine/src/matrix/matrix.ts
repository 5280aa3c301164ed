import { cedarErrors } from '@countersign/cedar';
import { isCodedError } from '@countersign/kernel';
import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { evaluateCompiled, judge, noPolicyPermits, notEvaluable, type Verdict } from '../decision/judge.ts';
import { questionIn } from '../decision/question.ts';
import { createQuestions } from './question.ts';
import {
  type Ask,
  asksOf,
  type Conditions,
  type FactorName,
  factorNames,
  factors,
  inOrder,
  probed,
  type Situation,
  together,
} from './situation.ts';

export interface MatrixRow extends Situation {
  /** Conditions that differ from the situation with everything in order. */
  readonly otherwise: readonly FactorName[];
  readonly permitted: boolean;
  readonly reasons: readonly string[];
  readonly determining: readonly string[];
}

/**
 * Evaluates every situation of the authority matrix on the path of live decisions: the trading model makes the questions, and
 * the compiled policies answer. The same bundle gives the same rows in the same order.
 */
export function* authorityMatrix(bundle: LoadedBundle): Generator<MatrixRow> {
  const put = createQuestions();
  for (const situation of situations(stepsIn(bundle)))
    yield { ...situation, ...answered(bundle, put(situation, bundle)) };
}

/** Every situation, evaluated under each of two bundles. */
export function* bothMatrices(one: LoadedBundle, other: LoadedBundle): Generator<readonly [MatrixRow, MatrixRow]> {
  const [put, putOther] = [createQuestions(), createQuestions()];
  for (const situation of situations([...new Set([...stepsIn(one), ...stepsIn(other)])]))
    yield [
      { ...situation, ...answered(one, put(situation, one)) },
      { ...situation, ...answered(other, putOther(situation, other)) },
    ];
}

/** Decides with remedies, which {@link authorityMatrix} leaves out because they take several times as long. */
export function createJudge(bundle: LoadedBundle): (situation: Situation) => Verdict {
  const put = createQuestions();
  return (situation) => {
    const { posed, refusal } = put(situation, bundle);
    const question = refusal === undefined ? questionIn(posed) : undefined;
    if (question !== undefined) return judge(bundle, question);
    return { decision: false, determining: [], errors: [], reasons: [refusal ?? notEvaluable], obligations: [] };
  };
}

function answered(
  bundle: LoadedBundle,
  { posed, refusal }: ReturnType<ReturnType<typeof createQuestions>>,
): Pick<MatrixRow, 'permitted' | 'reasons' | 'determining'> {
  const question = refusal === undefined ? questionIn(posed) : undefined;
  if (question === undefined) return { permitted: false, reasons: [(refusal ?? notEvaluable).code], determining: [] };
  try {
    const { decision, determining } = evaluateCompiled(bundle, question);
    if (decision === 'allow') return { permitted: true, reasons: [], determining };
    const codes = determining.map((id) => bundle.notes(id).reason ?? id);
    return {
      permitted: false,
      reasons: codes.length === 0 ? [noPolicyPermits.code] : [...new Set(codes)],
      determining,
    };
  } catch (error) {
    // As in `judge`: no policy permits a step that the schema does not declare for such a resource.
    if (cedarErrors.is(error, 'request_refused'))
      return { permitted: false, reasons: [noPolicyPermits.code], determining: [] };
    if (isCodedError(error)) return { permitted: false, reasons: [notEvaluable.code], determining: [] };
    throw error;
  }
}

/** The steps that the schema of a bundle declares for a transaction. */
export function stepsIn({ parsed }: LoadedBundle): readonly string[] {
  return [...parsed.schema.applications]
    .filter(([{ id }, { resourceTypes }]) => id !== 'token:issue' && resourceTypes.has('Transaction'))
    .map(([{ id }]) => id);
}

type Posed = Situation & Pick<MatrixRow, 'otherwise'>;

function* situations(steps: readonly string[]): Generator<Posed> {
  const asks = asksOf(steps);
  for (const ask of asks) for (const kind of factors.kind) yield changed(ask, inOrder(ask, kind), {});
  for (const ask of probed)
    for (const kind of factors.kind) {
      const base = inOrder(ask, kind);
      for (const known of together) yield* each(ask, base, known);
    }
  yield* pairs();
  yield* design();
  yield* acrossStates(asks);
}

/** Changes every condition by itself, in addition to the known ones. */
function* each(ask: Ask, base: Conditions, known: Partial<Conditions>): Generator<Posed> {
  yield changed(ask, base, known);
  for (const name of factorNames)
    for (const value of factors[name])
      if (name !== 'kind' && (known[name] ?? base[name]) !== value)
        yield changed(ask, base, { ...known, [name]: value });
}

/** Every pair of conditions, spread over the probed requests of each door in turn. */
function* pairs(): Generator<Posed> {
  const values = factorNames
    .filter((name) => name !== 'kind')
    .flatMap((name) => factors[name].map((value) => ({ name, value })));
  let turn = 0;
  for (const [place, one] of values.entries())
    for (const other of values.slice(place + 1)) {
      if (one.name === other.name) continue;
      for (const kind of factors.kind)
        for (const door of doors) {
          const places = probed.filter((ask) => ask.door === door);
          const ask = places[turn % places.length];
          if (ask === undefined) continue;
          const base = inOrder(ask, kind);
          if (base[one.name] === one.value || base[other.name] === other.value) continue;
          yield changed(ask, base, { [one.name]: one.value, [other.name]: other.value });
        }
      turn += 1;
    }
}

const doors = ['interface', 'token', 'step'] as const;

/** A covering design over all conditions: every pair of values occurs, for every probed request. */
function* design(): Generator<Posed> {
  for (const row of pairwise(factorNames.map((name) => factors[name].length))) {
    // One value for each factor.
    const all = Object.fromEntries(
      factorNames.map((name, place) => [name, factors[name][row[place] ?? 0]]),
    ) as unknown as Conditions;
    for (const ask of probed) yield changed(ask, inOrder(ask, all.kind), all);
  }
}

/** Conditions that may change during a transaction, in every state of every intent. */
function* acrossStates(asks: readonly Ask[]): Generator<Posed> {
  const names = ['firm', 'party', 'certificate', 'mandate', 'initiatedBy', 'trade', 'algorithm'] as const;
  for (const ask of asks) {
    if (ask.door === 'interface') continue;
    for (const kind of factors.kind) {
      const base = inOrder(ask, kind);
      for (const name of names)
        for (const value of factors[name]) if (base[name] !== value) yield changed(ask, base, { [name]: value });
    }
  }
}

function changed(ask: Ask, base: Conditions, changes: Partial<Conditions>): Posed {
  const is = { ...base, ...changes };
  return { ask, is, otherwise: factorNames.filter((name) => is[name] !== base[name]) };
}

/** A row of a covering design: the index of a value for each factor. */
type DesignRow = readonly number[];

/**
 * A covering design of strength two: every pair of values of any two factors is in some row. Greedy and deterministic.
 * @param sizes the number of values of each factor, at least one
 */
export function pairwise(sizes: readonly number[]): readonly DesignRow[] {
  const open = new Set<string>();
  for (const [one, values] of sizes.entries())
    for (let other = one + 1; other < sizes.length; other += 1)
      for (let value = 0; value < values; value += 1)
        for (let beside = 0; beside < (sizes[other] ?? 0); beside += 1) open.add(keyOf(one, value, other, beside));
  const rows: DesignRow[] = [];
  while (open.size > 0) {
    const [first = ''] = open;
    const [one = 0, value = 0, other = 0, beside = 0] = first.split('.').map(Number);
    const row: (number | undefined)[] = sizes.map(() => undefined);
    row[one] = value;
    row[other] = beside;
    for (const factor of sizes.keys()) row[factor] ??= bestValue(row, factor, sizes[factor] ?? 1, open, rows.length);
    const full = row.map((each) => each ?? 0);
    for (const [left, chosen] of full.entries())
      for (let right = left + 1; right < full.length; right += 1)
        open.delete(keyOf(left, chosen, right, full[right] ?? 0));
    rows.push(full);
  }
  return rows;
}

/** The value that covers the most uncovered pairs; equal ones take turns. */
function bestValue(
  row: readonly (number | undefined)[],
  factor: number,
  size: number,
  open: ReadonlySet<string>,
  turn: number,
): number {
  let best = turn % size;
  let most = -1;
  for (let step = 0; step < size; step += 1) {
    const value = (turn + step) % size;
    let covered = 0;
    for (const [other, chosen] of row.entries()) {
      if (chosen === undefined || other === factor) continue;
      const key = other < factor ? keyOf(other, chosen, factor, value) : keyOf(factor, value, other, chosen);
      if (open.has(key)) covered += 1;
    }
    if (covered > most) {
      most = covered;
      best = value;
    }
  }
  return best;
}

function keyOf(one: number, value: number, other: number, beside: number): string {
  return `${one}.${value}.${other}.${beside}`;
}
