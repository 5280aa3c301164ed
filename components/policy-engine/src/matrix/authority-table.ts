import type { LoadedBundle } from '../bundle/load-bundle.ts';
import type { Verdict } from '../decision/judge.ts';
import { completingScopesIn, intentNames, statesOf } from './lives.ts';
import { createJudge, stepsIn } from './matrix.ts';
import {
  type Ask,
  asksOf,
  type Conditions,
  type FactorName,
  factorNames,
  factors,
  inOrder,
  type Kind,
} from './situation.ts';

/** The outcome of a question: permitted as it is, after an approval, after another sign-in, or refused. */
export type Outcome = 'permitted' | 'approval' | 'step-up' | 'refused';

export interface Ruling {
  readonly outcome: Outcome;
  readonly reasons: readonly string[];
  /** What would lift the refusal, in words: `approval of 2 operations`, `sign-in phrh within 300 s`. */
  readonly needs: readonly string[];
}

interface ConditionRuling extends Ruling {
  readonly factor: FactorName;
  readonly value: string;
}

export interface AuthorityCell extends Ruling {
  readonly kind: Kind;
  /** The conditions that change the outcome; empty if it is refused anyway. */
  readonly conditions: readonly ConditionRuling[];
}

export interface AuthorityRow {
  readonly group: 'token for an interface' | 'token for an intent' | 'step';
  readonly scope: string;
  readonly intent?: string;
  readonly states?: readonly string[];
  readonly cells: readonly AuthorityCell[];
}

/** Who may do what, and which conditions change it: the questions of {@link authorityMatrix}, with remedies. */
export function authorityTable(bundle: LoadedBundle): readonly AuthorityRow[] {
  const judge = createJudge(bundle);
  const rows: AuthorityRow[] = [];
  for (const ask of shownAsks(bundle)) {
    const cells = factors.kind.map((kind) => cellOf(ask, kind, judge));
    // Leave out steps that no principal can ever take.
    if (ask.door === 'step' && cells.every(({ outcome }) => outcome === 'refused')) continue;
    const row: AuthorityRow =
      ask.door === 'interface'
        ? { group: 'token for an interface', scope: ask.scope, cells }
        : {
            group: ask.door === 'token' ? 'token for an intent' : 'step',
            scope: ask.scope,
            intent: ask.intent,
            states: [ask.state],
            cells,
          };
    const same = rows.findIndex((each) => isSame(each, row));
    const known = rows[same];
    if (known?.states === undefined) rows.push(row);
    else rows[same] = { ...known, states: [...known.states, ...(row.states ?? [])] };
  }
  return rows;
}

/** Tokens for the next step of an intent, and all steps. */
function shownAsks(bundle: LoadedBundle): readonly Ask[] {
  const first = new Set(intentNames.map((intent) => `${intent} ${statesOf(intent)[0]}`));
  return asksOf(stepsIn(bundle)).filter(
    (ask) =>
      ask.door !== 'token' ||
      (!otherScopes.has(ask.scope) &&
        (first.has(`${ask.intent} ${ask.state}`) || completingScopesIn(ask.intent, ask.state).includes(ask.scope))) ||
      leavesBy(ask),
  );
}
const otherScopes = new Set(['order:read', 'policy:approve', 'withdrawal:request', 'withdrawal-address:propose']);
const leavesBy = (ask: Ask) =>
  ask.door === 'token' &&
  ask.state === 'intended' &&
  ((ask.intent === 'withdrawal' && ask.scope === 'withdrawal:request') ||
    (ask.intent === 'address_book_change' && ask.scope === 'withdrawal-address:propose'));

function cellOf(ask: Ask, kind: Kind, judge: ReturnType<typeof createJudge>): AuthorityCell {
  const base = inOrder(ask, kind);
  const ruling = rulingOf(judge({ ask, is: base }));
  if (ruling.outcome === 'refused') return { kind, ...ruling, conditions: [] };
  const conditions: ConditionRuling[] = [];
  for (const factor of factorNames)
    for (const value of factors[factor]) {
      if (factor === 'kind' || base[factor] === value) continue;
      // A value of this factor.
      const changed = rulingOf(judge({ ask, is: { ...base, [factor]: value } as Conditions }));
      if (changed.outcome !== ruling.outcome) conditions.push({ factor, value, ...changed });
    }
  return { kind, ...ruling, conditions };
}

function rulingOf({ decision, reasons, obligations }: Verdict): Ruling {
  const codes = [...new Set(reasons.map(({ code }) => code))];
  if (decision) return { outcome: 'permitted', reasons: [], needs: [] };
  const needs = obligations.map((obligation) =>
    obligation.kind === 'step-up'
      ? `sign-in ${obligation.acr}${obligation.maxAgeSeconds === undefined ? '' : ` within ${obligation.maxAgeSeconds} s`}`
      : `approval of ${obligation.count} ${obligation.role}`,
  );
  if (obligations.some(({ kind }) => kind === 'approval')) return { outcome: 'approval', reasons: codes, needs };
  if (needs.length > 0) return { outcome: 'step-up', reasons: codes, needs };
  return { outcome: 'refused', reasons: codes, needs };
}

function isSame(one: AuthorityRow, other: AuthorityRow): boolean {
  return (
    one.group === other.group &&
    one.scope === other.scope &&
    one.intent === other.intent &&
    JSON.stringify(one.cells) === JSON.stringify(other.cells)
  );
}
