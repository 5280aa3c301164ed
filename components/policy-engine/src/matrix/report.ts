import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { authorityMatrix, bothMatrices, type MatrixRow } from './matrix.ts';
import { type ControlRule, controlRules } from './rules.ts';

interface RuleFinding extends Pick<ControlRule, 'id' | 'says' | 'expects'> {
  /** Number of situations it applied to. A rule that applies to none proves nothing. */
  readonly judged: number;
  readonly broken: number;
  readonly examples: readonly MatrixRow[];
}

export interface MatrixReport {
  readonly questions: number;
  readonly permitted: number;
  readonly rules: readonly RuleFinding[];
}

const maxExamples = 5;

export function checkMatrix(
  bundle: LoadedBundle,
  rules: readonly ControlRule[] = controlRules,
  rows: Iterable<MatrixRow> = authorityMatrix(bundle),
): MatrixReport {
  // Filled below.
  const tallies = rules.map((rule) => ({ rule, judged: 0, broken: 0, examples: [] as MatrixRow[] }));
  let questions = 0;
  let permitted = 0;
  for (const row of rows) {
    questions += 1;
    if (row.permitted) permitted += 1;
    for (const tally of tallies) {
      if (!tally.rule.applies(row)) continue;
      tally.judged += 1;
      if (row.permitted === (tally.rule.expects === 'permitted')) continue;
      tally.broken += 1;
      keepSimplest(tally.examples, row);
    }
  }
  return {
    questions,
    permitted,
    rules: tallies.map(({ rule: { id, says, expects }, ...tally }) => ({ id, says, expects, ...tally })),
  };
}

/** Whether every rule applied to some situation and none was contradicted. */
export function holds({ rules }: MatrixReport): boolean {
  return rules.every(({ judged, broken }) => judged > 0 && broken === 0);
}

function keepSimplest(examples: MatrixRow[], row: MatrixRow): void {
  examples.push(row);
  examples.sort((one, other) => one.otherwise.length - other.otherwise.length);
  examples.length = Math.min(examples.length, maxExamples);
}

/** A situation in one line: request, principal, and the conditions that are not in order. */
export function describeRow({ ask, is, otherwise, reasons, permitted }: MatrixRow): string {
  const asked =
    ask.door === 'interface' ? `interface ${ask.scope}` : `${ask.door} ${ask.scope} of ${ask.intent} ${ask.state}`;
  const conditions = otherwise.map((name) => `${name} ${is[name]}`).join(', ');
  const outcome = permitted ? 'permitted' : `refused (${reasons.join(', ')})`;
  return `${is.kind}, ${asked}${conditions === '' ? '' : `; ${conditions}`}: ${outcome}`;
}

export interface OutcomeChange extends Pick<MatrixRow, 'ask'> {
  readonly kind: MatrixRow['is']['kind'];
  readonly to: 'permitted' | 'refused';
  readonly situations: number;
  /** The simplest of these situations, under each of the two bundles. */
  readonly before: MatrixRow;
  readonly after: MatrixRow;
}

export function compareMatrices(
  before: LoadedBundle,
  after: LoadedBundle,
  rows: Iterable<readonly [MatrixRow, MatrixRow]> = bothMatrices(before, after),
): readonly OutcomeChange[] {
  const changes = new Map<string, OutcomeChange>();
  for (const [was, is] of rows) if (was.permitted !== is.permitted) note(changes, was, is);
  return [...changes.values()];
}

function note(changes: Map<string, OutcomeChange>, before: MatrixRow, after: MatrixRow): void {
  const { ask, is, permitted, otherwise } = after;
  const { kind } = is;
  const key = `${Object.values(ask).join(' ')} ${kind} ${permitted}`;
  const known = changes.get(key);
  const simplest = known === undefined || otherwise.length < known.after.otherwise.length ? { before, after } : known;
  changes.set(key, {
    ask,
    kind,
    to: permitted ? 'permitted' : 'refused',
    situations: (known?.situations ?? 0) + 1,
    before: simplest.before,
    after: simplest.after,
  });
}
