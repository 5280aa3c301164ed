import { readFileSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import { type Configuration, readConfiguration } from './configuration.ts';

/** @throws CodedError `configuration_unreadable`, and those of {@link readConfiguration} */
export function readConfigurationFile(path: string): Configuration {
  return readConfiguration(readJsonFile(path));
}

function readJsonFile(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    throw new CodedError({
      code: 'configuration_unreadable',
      category: 'invalid',
      detail: `${path} cannot be read as JSON.`,
      cause,
    });
  }
}
