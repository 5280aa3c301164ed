import { type Directory, type DirectoryEdit, type DirectoryProblem, directoryErrors } from '@countersign/contracts';
import { type CodedError, isCodedError } from '@countersign/kernel';
import { metadataPointer } from './members.ts';
import type { ClientDocument } from './read-metadata.ts';
import { type MetadataProblem, refuse, refuseMetadata } from './refusals.ts';

/** The directory validates and stores every client. */
export type RegistrationDirectory = Pick<
  Directory,
  'plan' | 'edit' | 'clientDocument' | 'snapshot' | 'snapshotAtLeast'
>;

/** Has the directory validate the client. @throws CodedError of `oauthErrors`, with a pointer into the metadata for each problem */
export async function judge(document: ClientDocument, directory: Pick<Directory, 'plan'>): Promise<void> {
  await translated(() => directory.plan({ clients: [document] }));
}

/** The directory records the change itself. @throws CodedError as {@link judge} */
export async function change(
  edit: DirectoryEdit,
  by: Parameters<Directory['edit']>[1],
  directory: Pick<Directory, 'edit'>,
): Promise<{ readonly version: number }> {
  return translated(() => directory.edit(edit, by));
}

async function translated<Result>(ask: () => Promise<Result>): Promise<Result> {
  try {
    return await ask();
  } catch (error) {
    throw isCodedError(error) ? (inOurWords(error) ?? error) : error;
  }
}

function inOurWords(error: CodedError): CodedError | undefined {
  if (!Object.hasOwn(directoryErrors.codes, error.code) || error.category === 'unavailable') return undefined;
  if (error.code === 'second_person_required')
    return refuse(
      'second_person_required',
      'A change of a production client needs two people. Propose it (POST /directory/changes) and have another person approve it.',
    );
  const problems = problemsOf(error).map(({ code, path, detail }) => ({ code, path: pointerOf(path), detail }));
  return refuseMetadata(problems.length > 0 ? problems : [{ code: error.code, path: '', detail: error.detail }]);
}

function problemsOf({ facts }: CodedError): readonly MetadataProblem[] {
  const problems: unknown = facts?.['problems'];
  return Array.isArray(problems) ? problems.filter(isProblem) : [];
}

function isProblem(value: unknown): value is DirectoryProblem {
  return typeof value === 'object' && value !== null && 'code' in value && 'path' in value && 'detail' in value;
}

/** Empty for problems outside the client's own document. */
function pointerOf(path: string): string {
  const inDocument = /^(?:\/put)?\/clients\/0(\/.*)?$/.exec(path);
  return inDocument?.[1] === undefined ? '' : metadataPointer(inDocument[1]);
}
