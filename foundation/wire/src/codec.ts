import type { RemoteContract } from '@countersign/contracts';
import { type CallSchema, callSchemas } from '@countersign/contracts/call-schemas';
import { decoderOf, exactEncoderOf } from './encoding.ts';
import { wireErrors } from './process-identity.ts';
import { validatorOf } from './validation.ts';
import { encodingErrors } from './wire-forms.ts';

/** How the arguments and the answer of one call are written as JSON. */
export interface CallCodec {
  writeArguments(values: readonly unknown[]): string;
  /** @throws CodedError `call_malformed` where they are not what the method takes */
  readArguments(text: string): readonly unknown[];
  /** Empty for no answer. */
  writeAnswer(value: unknown): string;
  /** @throws CodedError `answer_malformed` where it is not what the method answers: the other process is not believed */
  readAnswer(text: string): unknown;
}

/** What is sent and what is received is held against the schema that follows from the types of the contract. */
export function codecOf(contract: RemoteContract, method: string): CallCodec {
  const schemas: Readonly<Record<string, CallSchema>> = callSchemas[contract];
  const schema = schemas[method];
  if (schema === undefined) throw new Error(`no schema of ${contract}.${method}: run scripts/write-call-schemas.mjs`);
  // Components pass what has more members than the contract names, or has them by getters: what the type says is written, and no more.
  const writeArguments = exactEncoderOf(schema.arguments);
  const readArguments = decoderOf(schema.arguments);
  const requireArguments = validatorOf(schema.arguments);
  const writeAnswer = exactEncoderOf(schema.answer);
  const readAnswer = decoderOf(schema.answer);
  const requireAnswer = validatorOf(schema.answer);

  return {
    writeArguments: (values) => JSON.stringify(writeArguments(values)),
    readArguments(text) {
      const plain = parse(text);
      requireArguments(plain);
      const values = readArguments(plain);
      if (!Array.isArray(values)) throw new Error(`${contract}.${method} does not take a list`);
      return values;
    },
    writeAnswer(value) {
      return value === undefined ? '' : JSON.stringify(writeAnswer(value));
    },
    readAnswer(text) {
      if (text === '') return undefined;
      try {
        const plain = parse(text);
        requireAnswer(plain);
        return readAnswer(plain);
      } catch (cause) {
        throw wireErrors.error('answer_malformed', 'Another process answered what it may not; nothing was released.', {
          internal: `${contract}.${method}: ${cause instanceof Error ? cause.message : 'unreadable'}`,
          cause,
        });
      }
    },
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw encodingErrors.error('call_malformed', 'What was sent is no JSON.', { cause });
  }
}
