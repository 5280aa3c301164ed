import { CodedError } from '@countersign/kernel';
import { isObject } from '@countersign/sdk/calling';
import { type Answer, FileContent, request } from '../../api.ts';
import { bold, dim, exitCodes, green, print, red, yellow } from '../../output.ts';
import { readJson } from '../../read-json.ts';
import { visible } from '../../visible.ts';
import type { AddCommands } from './door.ts';

interface ValidateFlags {
  readonly intent: string;
  readonly actingFor?: string;
  readonly action?: string;
  readonly at?: string;
  readonly knownAt?: string;
}

/** Validity of a mandate, and comparison with the copies that partners hold. */
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
      const body = { intent: new FileContent(intent), acting_for: actingFor, action, at, known_at: knownAt };
      const inputs = { scope: 'mandate:read', params: { id }, body } as const;
      process.exitCode = showValidity(await request(connection(), 'POST /mandates/{id}/validate', inputs));
    });
  mandate
    .command('compare <file>')
    .description('compare copies of mandates with the current versions; recorded. Exit code 1 if they differ')
    .option('--complete', 'these are all the mandates you hold: also report missing ones', false)
    .action(async (path: string, { complete }: { complete: boolean }) => {
      const copies = copiesIn(path);
      const inputs = { scope: 'mandate:read', body: { copies: new FileContent(copies), complete } } as const;
      const { drifts } = await request(connection(), 'POST /mandates/compare', inputs);
      for (const drift of drifts) print(describeDrift(drift));
      if (drifts.length === 0) print(dim(`${copies.length} compared, nothing differs`));
      process.exitCode = drifts.length === 0 ? exitCodes.ok : exitCodes.refused;
    });
};

function showValidity(validity: Answer<'POST /mandates/{id}/validate'>): number {
  if (validity.valid) {
    print(bold(green('valid')));
    for (const { id, version } of validity.chain) print(`  ${id}  v${version}`);
    return exitCodes.ok;
  }
  const { reason, detail, version } = validity;
  print(`${bold(red('not valid'))}  ${reason}${version === undefined ? '' : dim(`  v${version}`)}`);
  if (detail !== undefined) print(`  ${visible(detail)}`);
  return exitCodes.refused;
}

function describeDrift({ id, kind, theirs, ours }: Answer<'POST /mandates/compare'>['drifts'][number]): string {
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

/** Id, version and digest of each; other members are ignored. */
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
