import type { ProcessGroup } from '../process-groups/index.ts';
import type { Configuration } from './configuration.ts';

/**
 * Lists protections that are not configured, as lines to print at every start. None of the gaps is unsafe by itself, but each
 * weakens later proofs. Empty in development.
 */
export function notSetUp({ environment, publication, clock, signIn, process }: Configuration): readonly string[] {
  if (environment === 'development') return [];
  const lines: string[] = [];
  // A process of one group has only the settings of its group.
  const concerns = (group: ProcessGroup): boolean => process === undefined || process.group === group;
  if (
    concerns('edge') &&
    signIn?.authenticators?.metadataFile === undefined &&
    signIn?.authenticators?.rootsFile === undefined
  )
    lines.push(
      'No maker of security keys is trusted, so nobody with a governing or approving role can register one: name the FIDO metadata in signIn.authenticators.metadataFile, or certificates of makers in signIn.authenticators.rootsFile.',
    );
  if (concerns('evidence') && publication?.witnesses === undefined)
    lines.push(
      'No witness cosigns the log, so its operator could show two people different logs unnoticed: name witnesses in publication.witnesses.',
    );
  if (concerns('evidence') && (clock === undefined || clock.source === 'system'))
    lines.push(
      'Nothing measures the clock of this node, so records cannot say how exact their times are: set clock.source to "chrony" or to NTP servers.',
    );
  return lines;
}
