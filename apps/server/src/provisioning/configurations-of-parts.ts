import { statSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Configuration,
  type GroupConfiguration,
  isOfGroup,
  readConfigurationFile,
} from '../configuration/index.ts';
import { type ProcessGroup, partErrors, processGroups } from '../process-groups/index.ts';
import { processFiles } from './group-configuration.ts';

/**
 * The configurations for `countersign start --only`: one for each named group, or that of the whole installation if all are
 * named.
 *
 * @param path the folder that `processes init` created, with a folder for each group; or the configuration of one process
 * @throws CodedError `part_not_configured`, and those of {@link readConfigurationFile}
 */
export function configurationsOfParts(
  groups: readonly ProcessGroup[],
  path: string | undefined,
): readonly GroupConfiguration[] | Configuration {
  if (path === undefined) throw notMade(groups);
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    return groups.map((group) => ofGroup(group, join(path, group, processFiles.configuration)));
  const configuration = readConfigurationFile(path);
  if (isOfGroup(configuration)) return [requireGroup(groups, configuration, path)];
  if (groups.length === processGroups.length) return configuration;
  throw notMade(groups);
}

function ofGroup(group: ProcessGroup, path: string): GroupConfiguration {
  const configuration = readConfigurationFile(path);
  if (!isOfGroup(configuration))
    throw partErrors.error('part_not_configured', `${path} is of no process: it has no setting "process".`);
  return requireGroup([group], configuration, path);
}

function requireGroup(
  groups: readonly ProcessGroup[],
  configuration: GroupConfiguration,
  path: string,
): GroupConfiguration {
  const { group } = configuration.process;
  if (groups.length === 1 && groups[0] === group) return configuration;
  throw partErrors.error(
    'part_not_configured',
    `${path} is of ${group}, and --only names ${groups.join(', ')}. For several groups in one process name the folder that holds a folder of each: --config DIR --only ${groups.join(',')}.`,
  );
}

function notMade(groups: readonly ProcessGroup[]) {
  return partErrors.error(
    'part_not_configured',
    `A part of an installation runs with what is made for its groups: countersign processes init --config FILE --out DIR, then countersign start --config DIR --only ${groups.join(',')}.`,
  );
}
