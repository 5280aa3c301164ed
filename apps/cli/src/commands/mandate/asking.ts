import { CodedError } from '@countersign/kernel';
import { readJson } from '../../connection.ts';
import { bold, dim, exitCodes, green, print, red, yellow } from '../../output.ts';
import { visible } from '../policy/visible.ts';
import { type AddCommands, callMandates, pathOf } from './door.ts';

type Validity =
  | { readonly stands: true; readonly chain: readonly { readonly id: string; readonly version: number }[] }
  | { readonly stands: false; readonly reason: string; readonly detail?: string; readonly version?: number };

interface DriftView {
  readonly id: string;
  readonly kind: 'unknown-here' | 'behind' | 'differs' | 'missing-there';
  readonly theirs?: { readonly version: number };
  readonly ours?: { readonly version: number; readonly status: string };
}

interface ValidateFlags {
  readonly intent: string;
  readonly actingFor?: string;
  readonly action?: string;
  readonly at?: string;
  readonly knownAt?: string;
}

/** What can be asked of a mandate, and of the copies of many. */
export const askingCommands: AddCommands = (mandate, connection) => {
  mandate
    .command('validate <id>')
    .description('did it stand for an intent, at a time, as far as was known at a time? Ends with 1 when it did not')
    .requiredOption('--intent <file>', 'one authorization detail as JSON')
    .option('--acting-for <lei>', 'the institution that acts; the entity_lei of the intent when left out')
    .option('--action <scope>', 'what it is used for; what begins such an intent when left out')
    .option('--at <time>', 'RFC 3339, past or future; now when left out')
    .option('--known-at <time>', 'nothing recorded after this RFC 3339 time counts; all that is known when left out')
    .action(async (id: string, flags: ValidateFlags) => {
      const intent = readJson(flags.intent, 'Name a file with one authorization detail.');
      const { actingFor = entityOf(intent), action, at, knownAt } = flags;
      const body = {
        intent,
        acting_for: actingFor,
        ...(action === undefined ? {} : { action }),
        ...(at === undefined ? {} : { at }),
        ...(knownAt === undefined ? {} : { known_at: knownAt }),
      };
      const request = { path: pathOf(id, '/validate'), scope: 'mandate:read', body } as const;
      process.exitCode = showValidity((await callMandates(connection(), { method: 'POST', ...request })) as Validity);
    });
  mandate
    .command('compare <file>')
    .description('compare copies of mandates with what stands here; recorded. Ends with 1 when they differ')
    .option('--complete', 'these are all you hold: what is missing among them is told too', false)
    .action(async (path: string, { complete }: { complete: boolean }) => {
      const body = { copies: copiesIn(path), complete };
      const request = { path: '/compare', scope: 'mandate:read', body } as const;
      const answer = (await callMandates(connection(), { method: 'POST', ...request })) as {
        drifts: readonly DriftView[];
      };
      for (const drift of answer.drifts) print(describeDrift(drift));
      if (answer.drifts.length === 0) print(dim(`${body.copies.length} compared, nothing differs`));
      process.exitCode = answer.drifts.length === 0 ? exitCodes.ok : exitCodes.refused;
    });
};

function showValidity(validity: Validity): number {
  if (validity.stands) {
    print(bold(green('stands')));
    for (const { id, version } of validity.chain) print(`  ${id}  v${version}`);
    return exitCodes.ok;
  }
  const { reason, detail, version } = validity;
  print(`${bold(red('does not stand'))}  ${reason}${version === undefined ? '' : dim(`  v${version}`)}`);
  if (detail !== undefined) print(`  ${visible(detail)}`);
  return exitCodes.refused;
}

function describeDrift({ id, kind, theirs, ours }: DriftView): string {
  const [there, here] = [theirs, ours].map((side) => (side === undefined ? 'none' : `v${side.version}`));
  const status = ours === undefined ? '' : dim(`  ${ours.status}`);
  return `${yellow(kind.padEnd(13))} ${visible(id)}  there ${there}, here ${here}${status}`;
}

function entityOf(intent: unknown): string {
  const lei = typeof intent === 'object' && intent !== null && 'entity_lei' in intent ? intent.entity_lei : undefined;
  if (typeof lei === 'string') return lei;
  throw new CodedError({
    code: 'acting_for_missing',
    category: 'invalid',
    detail: 'The intent has no entity_lei; name the institution that acts with --acting-for.',
  });
}

/** Id, version and digest of each; what else stands beside them is passed over. */
function copiesIn(path: string): readonly Readonly<Record<string, unknown>>[] {
  const file = readJson(path, 'Name a JSON list of mandates: `mandate list --json` prints one.');
  if (!Array.isArray(file) || !file.every(isObject))
    throw new CodedError({
      code: 'copies_malformed',
      category: 'invalid',
      detail: `${path} must hold a JSON list of { "id", "version", "digest" }; other members are passed over.`,
    });
  return file.map(({ id, version, digest }) => ({ id, version, digest }));
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
