import type { RemoteContract } from '@countersign/contracts';
import { type CallSchema, callSchemas } from '@countersign/contracts/call-schemas';
import { decoderOf, exactEncoderOf } from './encoding.ts';
import { wireErrors } from './process-identity.ts';
import { validatorOf } from './validation.ts';
import { encodingErrors } from './wire-forms.ts';

/** Encodes the arguments and the return value of a call as JSON. */
export interface CallCodec {
  writeArguments(values: readonly unknown[]): string;
  /**
   *
   * @throws CodedError `call_malformed` when they do not match the method's arguments
   */
  readArguments(text: string): readonly unknown[];
  /** Empty when there is no return value. */
  writeAnswer(value: unknown): string;
  /**
   *
   * @throws CodedError `answer_malformed` when it does not match the method's return type, so that the other process is not
   * trusted
   */
  readAnswer(text: string): unknown;
}

/** Validates all sent and received values against the schema generated from the contract's types. */
export function codecOf(contract: RemoteContract, method: string): CallCodec {
  const schemas: Readonly<Record<string, CallSchema>> = callSchemas[contract];
  const schema = schemas[method];
  if (schema === undefined) throw new Error(`no schema of ${contract}.${method}: run scripts/write-call-schemas.mjs`);
  // Arguments can have more members than the contract names, or getters. Write exactly the members of the type.
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
        throw wireErrors.error('answer_malformed', 'Another process sent an invalid answer. Nothing was released.', {
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
    throw encodingErrors.error('call_malformed', 'The call is not valid JSON.', { cause });
  }
}
