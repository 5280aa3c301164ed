import { CodedError } from '@countersign/kernel';
import { request, type Schemas } from '../../api.ts';
import type { Connection } from '../../connection.ts';
import { dim, print, printJson } from '../../output.ts';
import { type AddCommands, lineOf } from './door.ts';

interface ListFlags {
  readonly status?: string;
  readonly kind?: string;
  readonly endingBefore?: string;
  readonly json: boolean;
}

/** What there is. */
export const readingCommands: AddCommands = (mandate, connection) => {
  mandate
    .command('list')
    .description('mandates in which this institution has a part, or would have one by an amendment that waits')
    .option('--status <status>', 'proposed, active, suspended, revoked or expired')
    .option('--kind <kind>', 'mandate, instruction, standing-authority, onboarding-agreement or tri-party-rule')
    .option('--ending-before <time>', 'only those that end before this RFC 3339 time')
    .option('--json', 'the newest versions as JSON: what `mandate compare` takes', false)
    .action(async (flags: ListFlags) => {
      const mandates = await everyMandate(connection(), flags);
      if (flags.json) return printJson(mandates);
      for (const each of mandates) print(lineOf(each));
      if (mandates.length === 0) print(dim('none'));
    });
  mandate
    .command('show <id>')
    .description('a mandate with all its versions, as JSON')
    .action(async (id: string) => {
      printJson(await request(connection(), 'GET /mandates/{id}', { scope: 'mandate:read', params: { id } }));
    });
};

const pageSize = 200;
/** A longer list needs a program that reads the interface page by page. */
const mostListed = 100_000;

async function everyMandate(
  connection: Connection,
  { status, kind, endingBefore }: ListFlags,
): Promise<readonly Schemas['Mandate'][]> {
  const found: Schemas['Mandate'][] = [];
  for (;;) {
    const query = { status, kind, ending_before: endingBefore, after: found.at(-1)?.id, limit: pageSize };
    const { mandates } = await request(connection, 'GET /mandates', { scope: 'mandate:read', query });
    found.push(...mandates);
    if (mandates.length < pageSize) return found;
    if (found.length >= mostListed)
      throw new CodedError({
        code: 'list_too_long',
        category: 'too-large',
        detail: `There are more than ${mostListed}: ask for fewer with --status, --kind or --ending-before.`,
      });
  }
}
