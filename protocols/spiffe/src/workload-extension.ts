import { isCodedError } from '@countersign/kernel';
import { derSequence, derUtf8, readDerSequence, readUtf8, tags } from '@countersign/x509/der';
import { spiffeErrors } from './spiffe-id.ts';

/**
 * Certificate extension with a statement about the workload that holds the key. SEQUENCE of UTF8String: entry, level,
 * environment, image, configuration (empty when none is bound), evidence, record. Not critical.
 */
export const workloadExtension = '1.2.840.113556.1.8000.2554.63629.32292.40421.17976.40884.11252332.3655321.3.2';

export interface WorkloadStatement {
  readonly entry: string;
  /** Assurance level: `kernel-observed` and so on. */
  readonly level: string;
  readonly environment: string;
  /** SHA-256, 64 hexadecimal digits. */
  readonly image: string;
  readonly configuration?: string;
  /** SHA-256 of the established facts, base64url. */
  readonly evidence: string;
  /** Id of the record of the attestation. */
  readonly record: string;
}

/** The value of the extension, DER. */
export function encodeWorkloadExtension(statement: WorkloadStatement): Uint8Array {
  const { entry, level, environment, image, configuration = '', evidence, record } = statement;
  return derSequence(...[entry, level, environment, image, configuration, evidence, record].map(derUtf8));
}

/** @param value the extension's value, DER. @throws CodedError `workload_extension_malformed` */
export function readWorkloadExtension(value: Uint8Array): WorkloadStatement {
  try {
    const fields = readDerSequence(value);
    const next = (): string => readUtf8(fields.next(tags.utf8String));
    const [entry, level, environment, image] = [next(), next(), next(), next()];
    const [configuration, evidence, record] = [next(), next(), next()];
    fields.end();
    return {
      ...{ entry, level, environment, image, evidence, record },
      ...(configuration === '' ? {} : { configuration }),
    };
  } catch (error) {
    if (!isCodedError(error)) throw error;
    throw spiffeErrors.error('workload_extension_malformed', 'The extension about the workload cannot be read.', {
      cause: error,
    });
  }
}
