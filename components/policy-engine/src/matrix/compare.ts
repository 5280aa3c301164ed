import type { LoadedBundle } from '../bundle/load-bundle.ts';
import { bothMatrices, type MatrixRow } from './matrix.ts';

/** A changed outcome of one request by one kind of principal. */
export interface OutcomeChange extends Pick<MatrixRow, 'ask'> {
  readonly kind: MatrixRow['is']['kind'];
  readonly to: 'permitted' | 'refused';
  /** Number of situations with this change. */
  readonly situations: number;
  /** The simplest of these situations, under each of the two bundles. */
  readonly before: MatrixRow;
  readonly after: MatrixRow;
}

/** Every changed outcome, by request and kind of principal. */
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
