import { type DirectoryProblem, directoryErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import type { Parsed } from '@countersign/market';

export type DirectoryCode = keyof typeof directoryErrors.codes;

export interface Place {
  readonly path: string;
  at(...steps: readonly (string | number)[]): Place;
  report(code: DirectoryCode, detail: string): undefined;
  take<Value>(parsed: Parsed<Value, string>): Value | undefined;
}

export interface Problems {
  place(path: string): Place;
  count(): number;
  /** @returns one error with all problems, or undefined if there are none */
  asError(): CodedError | undefined;
}

const maxListed = 100;
const maxPathLength = 256;

export function createProblems(): Problems {
  const listed: DirectoryProblem[] = [];
  const codes = new Set<DirectoryCode>();
  let count = 0;

  function add(code: DirectoryCode, path: string, detail: string): void {
    count++;
    codes.add(code);
    if (listed.length < maxListed) listed.push({ code, path: path.slice(0, maxPathLength), detail });
  }
  function place(path: string): Place {
    return {
      path,
      at: (...steps) => place(path + steps.map((step) => `/${escapeStep(step)}`).join('')),
      report(code, detail) {
        add(code, path, detail);
        return undefined;
      },
      take(parsed) {
        if (parsed.ok) return parsed.value;
        add(asDirectoryCode(parsed.code), path, parsed.detail);
        return undefined;
      },
    };
  }
  return {
    place,
    count: () => count,
    asError() {
      const [first] = listed;
      if (first === undefined) return undefined;
      // A code is useful to a caller only if it applies to the whole file.
      const [only, another] = codes;
      const code = only !== undefined && another === undefined ? only : 'directory_file_invalid';
      const more = count === 1 ? '' : ` (and ${count - 1} more)`;
      return directoryErrors.error(
        code,
        `The directory file is not accepted. ${first.path.slice(0, maxPathLength)}: ${first.detail}${more}`,
        {
          facts: { problems: listed, problem_count: count },
        },
      );
    },
  };
}

function escapeStep(step: string | number): string {
  return String(step).replaceAll('~', '~0').replaceAll('/', '~1');
}

function asDirectoryCode(code: string): DirectoryCode {
  // One of its names, as checked.
  return Object.hasOwn(directoryErrors.codes, code) ? (code as DirectoryCode) : 'directory_file_invalid';
}

export function attempt<Value>(
  place: Place,
  code: (error: CodedError) => DirectoryCode,
  parse: () => Value,
): Value | undefined {
  try {
    return parse();
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return place.report(code(error), error.detail);
  }
}
