import type { Actor, DirectoryProblem, RecordDraft } from '@countersign/contracts';
import { directoryErrors } from '@countersign/contracts';
import { CodedError, systemRandom } from '@countersign/kernel';
import { createLogger, type ScratchDatabase } from '@countersign/runtime';
import {
  createTestDatabase,
  everybodyIndependent,
  everyProposerActive,
  type FixedClock,
  fixedClock,
} from '@countersign/testkit';
import { createDirectory, type DirectoryComponent, type DirectoryDependencies, directoryMigrations } from '../index.ts';
import { createDirectoryLog, type DirectoryLogDouble } from './directory-log.ts';
import { exampleSeed, operator } from './example-file.ts';

/** The people who apply files and propose changes, and those who approve. */
export const proposer: Actor = { id: 'service:operator', institution: operator };
export const approver: Actor = { id: 'person:olga.second', institution: operator };

/** Directories on one database of their own, with a log that can fail. */
export interface Rig {
  readonly scratch: ScratchDatabase;
  readonly clock: FixedClock;
  /** Appended records in order, without `directory.committed`; a test may empty it. */
  readonly records: RecordDraft[];
  readonly log: readonly RecordDraft[];
  readonly audit: DirectoryLogDouble['audit'];
  readonly breakLog: DirectoryLogDouble['breakLog'];
  readonly rewriteLog: DirectoryLogDouble['rewrite'];
  readonly dyingAfter: DirectoryLogDouble['dyingAfter'];
  open(options?: Partial<DirectoryDependencies>): Promise<DirectoryComponent>;
  close(): Promise<void>;
}

export async function createRig(): Promise<Rig> {
  const scratch = await createTestDatabase({ components: [directoryMigrations] });
  const [component] = scratch.components;
  if (component === undefined) throw new Error('no component');
  const opened: DirectoryComponent[] = [];
  const clock = fixedClock(Date.UTC(2026, 10, 21));
  const log = createDirectoryLog(clock);
  return {
    scratch,
    clock,
    ...{ records: log.records, log: log.all, audit: log.audit, breakLog: log.breakLog, rewriteLog: log.rewrite },
    dyingAfter: log.dyingAfter,
    async open(options = {}) {
      const directory = await createDirectory({
        pool: scratch.pool('directory'),
        access: {
          database: scratch.database,
          role: component.role,
          schema: component.schema,
          applicationName: 'directory',
        },
        clock,
        random: systemRandom,
        audit: log.audit,
        logger: createLogger({ level: 'silent', name: 'test' }),
        seed: exampleSeed(),
        proposerStanding: everyProposerActive,
        independence: everybodyIndependent,
        ...options,
      });
      opened.push(directory);
      return directory;
    },
    async close() {
      await Promise.all(opened.map((directory) => directory.stop()));
      await scratch.drop();
    },
  };
}

/** Makes a change with as many people as it needs: one proposes and, if necessary, another approves. */
export async function changeByTwo(
  directory: DirectoryComponent,
  what: Exclude<Parameters<DirectoryComponent['propose']>[0], { readonly partner: unknown }>,
): Promise<void> {
  try {
    await ('edit' in what ? directory.edit(what.edit, proposer) : directory.apply(what.file, proposer));
  } catch (error) {
    if (!directoryErrors.is(error, 'second_person_required')) throw error;
    const { id, digest } = await directory.propose(what, proposer, 'a change for two');
    await directory.approve(id, digest, approver);
  }
}

export async function refusalOf(promise: Promise<unknown>): Promise<CodedError> {
  const error: unknown = await promise.then(
    () => new Error('it was accepted'),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CodedError)) throw error;
  return error;
}

export function problemsOf(error: CodedError): readonly DirectoryProblem[] {
  return error.facts?.['problems'] as readonly DirectoryProblem[];
}
