import type { Flip, FlipCount, SimulationReport } from '@countersign/contracts';

/** The counting members of a simulation report. */
export type Counts = Pick<
  SimulationReport,
  'decisions' | 'skipped' | 'permitToDeny' | 'denyToPermit' | 'otherChanges' | 'by' | 'flips'
>;

const maxFlips = 1_000;
/** Maximum number of names in each table; further names count as `others`. */
const maxNames = 10_000;
/** Maximum number of names in the report, those with the most flips first. */
const maxNamesTold = 1_000;
const others = 'others';

type Counted = { -readonly [Member in keyof FlipCount]: FlipCount[Member] };
type Place = Pick<Flip, 'institution' | 'desk' | 'action'>;

/** Counts re-evaluated decisions. */
export interface Tally {
  skip(why: string): void;
  /** @param flip called only for a changed answer */
  count(place: Place, outcome: 'same' | 'otherwise' | 'permit-to-deny' | 'deny-to-permit', flip: () => Flip): void;
  counts(): Counts;
}

export function createTally(): Tally {
  const skipped = new Map<string, number>();
  const tables = { institution: createTable(), desk: createTable(), action: createTable() };
  const flips: Flip[] = [];
  const totals = { decisions: 0, permitToDeny: 0, denyToPermit: 0, otherChanges: 0 };
  return {
    skip: (why) => void skipped.set(why, (skipped.get(why) ?? 0) + 1),
    count(place, outcome, flip) {
      const rows = [totals, tables.institution.row(place.institution), tables.desk.row(place.desk)];
      rows.push(tables.action.row(place.action));
      for (const row of rows) {
        row.decisions++;
        if (outcome === 'permit-to-deny') row.permitToDeny++;
        if (outcome === 'deny-to-permit') row.denyToPermit++;
      }
      if (outcome === 'otherwise') totals.otherChanges++;
      if ((outcome === 'permit-to-deny' || outcome === 'deny-to-permit') && flips.length < maxFlips) flips.push(flip());
    },
    counts: () => ({
      ...totals,
      skipped: Object.fromEntries([...skipped].sort(([a], [b]) => (a < b ? -1 : 1))),
      by: {
        institution: tables.institution.told(),
        desk: tables.desk.told(),
        action: tables.action.told(),
      },
      flips: [...flips],
    }),
  };
}

function createTable() {
  const rows = new Map<string, Counted>();
  return {
    row(named: string): Counted {
      const name = rows.has(named) || rows.size < maxNames ? named : others;
      let row = rows.get(name);
      if (row === undefined) {
        row = { name, decisions: 0, permitToDeny: 0, denyToPermit: 0 };
        rows.set(name, row);
      }
      return row;
    },
    told: (): readonly FlipCount[] =>
      [...rows.values()]
        .sort((a, b) => flipsOf(b) - flipsOf(a) || b.decisions - a.decisions || (a.name < b.name ? -1 : 1))
        .slice(0, maxNamesTold)
        .map((row) => ({ ...row })),
  };
}

function flipsOf({ permitToDeny, denyToPermit }: FlipCount): number {
  return permitToDeny + denyToPermit;
}
