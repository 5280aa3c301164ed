import type { BenchmarkReport } from './run.ts';
import { appendsSections } from './suites/appends.ts';
import { codeFlowSections } from './suites/authorization-code.ts';
import { decisionsSection } from './suites/decisions.ts';
import { evaluationsSection } from './suites/evaluations.ts';
import { evidenceQuerySection } from './suites/evidence-queries.ts';
import { growthSections } from './suites/growth.ts';
import { introspectionSection } from './suites/introspection.ts';
import { keysInATokenSections } from './suites/keys-in-a-token.ts';
import { logGrowthSection } from './suites/log-growth.ts';
import { mandateSections } from './suites/mandates.ts';
import { proofSections } from './suites/proofs.ts';
import { publicationSection } from './suites/publication.ts';
import { reconstructionSections } from './suites/reconstruction.ts';
import { revocationSection } from './suites/revocation.ts';
import { signInSections } from './suites/sign-ins.ts';
import { simulationSection } from './suites/simulation.ts';
import { exchangeSection, pushedSection, refreshSection, tokensSection } from './suites/token-requests.ts';
import { transitionSections } from './suites/transitions.ts';
import { wholeAndSplitSections } from './suites/whole-and-split.ts';

/** The report as people read it. */
export function formatReport(report: BenchmarkReport): string {
  const { machine, suites, pace } = report;
  const sections: string[] = [
    [
      `Countersign benchmarks, ${report.at}`,
      `${machine.cpu}, ${machine.cores} cores; ${machine.platform}; Node ${machine.node}; load before the run ${machine.loadBefore.toFixed(2)}`,
      `Medians of ${pace.rounds} round${pace.rounds === 1 ? '' : 's'}, contenders in turn. CPU is time per operation, user and system.`,
      ...report.warnings.map((warning) => `Warning: ${warning}`),
    ].join('\n'),
  ];
  if (suites.tokens !== undefined) sections.push(tokensSection(suites.tokens, pace));
  if (suites['pushed-authorization'] !== undefined) sections.push(pushedSection(suites['pushed-authorization'], pace));
  if (suites['authorization-code'] !== undefined)
    sections.push(...codeFlowSections(suites['authorization-code'], pace));
  if (suites.refresh !== undefined) sections.push(refreshSection(suites.refresh, pace));
  if (suites.introspection !== undefined) sections.push(introspectionSection(suites.introspection, pace));
  if (suites.exchange !== undefined) sections.push(exchangeSection(suites.exchange, pace));
  if (suites.decisions !== undefined) sections.push(decisionsSection(suites.decisions, pace));
  if (suites.evaluations !== undefined) sections.push(evaluationsSection(suites.evaluations, pace));
  if (suites['whole-and-split'] !== undefined) sections.push(...wholeAndSplitSections(suites['whole-and-split'], pace));
  if (suites['keys-in-a-token'] !== undefined) sections.push(...keysInATokenSections(suites['keys-in-a-token'], pace));
  if (suites.simulation !== undefined) sections.push(simulationSection(suites.simulation, pace));
  if (suites.appends !== undefined) sections.push(...appendsSections(suites.appends, pace));
  if (suites.publication !== undefined) sections.push(publicationSection(suites.publication, pace));
  if (suites.proofs !== undefined)
    sections.push(...proofSections(suites.proofs, pace), logGrowthSection(suites.proofs.appends, pace));
  if (suites['evidence-queries'] !== undefined) sections.push(evidenceQuerySection(suites['evidence-queries'], pace));
  if (suites.mandates !== undefined) sections.push(...mandateSections(suites.mandates));
  if (suites.transitions !== undefined) sections.push(...transitionSections(suites.transitions));
  if (suites.reconstruction !== undefined) sections.push(...reconstructionSections(suites.reconstruction, pace));
  if (suites['sign-ins'] !== undefined) sections.push(...signInSections(suites['sign-ins'], pace));
  if (suites.revocation !== undefined) sections.push(revocationSection(suites.revocation));
  if (suites.growth !== undefined) sections.push(...growthSections(suites.growth));
  return `${sections.join('\n\n')}\n`;
}
