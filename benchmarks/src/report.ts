import type { Pace } from './pace.ts';
import { appendsSections } from './suites/appends.ts';
import { codeFlowSections } from './suites/authorization-code.ts';
import { decisionsSection } from './suites/decisions.ts';
import { evaluationsSection } from './suites/evaluations.ts';
import { evidenceQuerySection } from './suites/evidence-queries.ts';
import { growthSections } from './suites/growth.ts';
import { introspectionSection } from './suites/introspection.ts';
import { keysInATokenSections } from './suites/keys-in-a-token.ts';
import { leasesSections } from './suites/leases.ts';
import { mandateSections } from './suites/mandates.ts';
import { proofSections } from './suites/proofs.ts';
import { publicationSection } from './suites/publication.ts';
import { reconstructionSections } from './suites/reconstruction.ts';
import { revocationSection } from './suites/revocation.ts';
import { signInSections } from './suites/sign-ins.ts';
import { simulationSection } from './suites/simulation.ts';
import { svidSections } from './suites/svids.ts';
import { exchangeSection, pushedSection, refreshSection, tokensSection } from './suites/token-requests.ts';
import { transitionSections } from './suites/transitions.ts';
import { wholeAndSplitSections } from './suites/whole-and-split.ts';

/** The tables of every suite, in the order of the report. */
const sections = {
  tokens: tokensSection,
  'pushed-authorization': pushedSection,
  'authorization-code': codeFlowSections,
  refresh: refreshSection,
  introspection: introspectionSection,
  exchange: exchangeSection,
  decisions: decisionsSection,
  evaluations: evaluationsSection,
  'whole-and-split': wholeAndSplitSections,
  'keys-in-a-token': keysInATokenSections,
  simulation: simulationSection,
  appends: appendsSections,
  publication: publicationSection,
  leases: leasesSections,
  svids: svidSections,
  proofs: proofSections,
  'evidence-queries': evidenceQuerySection,
  mandates: mandateSections,
  transitions: transitionSections,
  reconstruction: reconstructionSections,
  'sign-ins': signInSections,
  revocation: revocationSection,
  growth: growthSections,
};

export type SuiteName = keyof typeof sections;
/** The results of each suite. They contain every round, so that other figures can be computed from them. */
export type SuiteResults = { readonly [Name in SuiteName]: Parameters<(typeof sections)[Name]>[0] };

// The names are those of the object above.
export const suiteNames = Object.keys(sections) as readonly SuiteName[];

export interface BenchmarkReport {
  /** RFC 3339. */
  readonly at: string;
  readonly machine: {
    readonly cpu: string;
    readonly cores: number;
    readonly platform: string;
    readonly node: string;
    /** One-minute load average before the run, which shows other load on the machine. */
    readonly loadBefore: number;
  };
  readonly pace: Pace;
  readonly warnings: readonly string[];
  readonly suites: Partial<SuiteResults>;
}

/** The report as text for people. */
export function formatReport({ at, machine, suites, pace, warnings }: BenchmarkReport): string {
  const { cpu, cores, platform, node, loadBefore } = machine;
  const head = [
    `Countersign benchmarks, ${at}`,
    `${cpu}, ${cores} cores; ${platform}; Node ${node}; load before the run ${loadBefore.toFixed(2)}`,
    `Medians of ${pace.rounds} round${pace.rounds === 1 ? '' : 's'}, contenders in turn. CPU is time per operation, user and system.`,
    ...warnings.map((warning) => `Warning: ${warning}`),
  ].join('\n');
  return `${[head, ...suiteNames.flatMap((name) => sectionsOf(name, suites[name], pace))].join('\n\n')}\n`;
}

function sectionsOf<Name extends SuiteName>(
  name: Name,
  results: SuiteResults[Name] | undefined,
  pace: Pace,
): readonly string[] {
  const format: { readonly [Each in SuiteName]: (of: SuiteResults[Each], at: Pace) => string | readonly string[] } =
    sections;
  return results === undefined ? [] : [format[name](results, pace)].flat();
}
