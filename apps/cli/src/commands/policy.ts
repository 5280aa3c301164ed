import { pathToFileURL } from 'node:url';
import type { Command } from 'commander';
import { type ConnectionOptions, connect } from '../connection.ts';
import { bold, dim, green, print } from '../output.ts';

export function policyCommands(program: Command, options: () => ConnectionOptions): void {
  const policy = program.command('policy').description('the rules decisions are made by');
  policy
    .command('validate [folder]')
    .description(
      'parse, validate against the schema, and compile the policies of a folder; the shipped ones when none is named',
    )
    .action(async (folder: string | undefined) => {
      // Loaded on demand: it brings the whole server along, and most commands only talk to one.
      const { readPolicySet, shippedPolicies } = await import('@countersign/server');
      const set = await readPolicySet(folder === undefined ? shippedPolicies : pathToFileURL(`${folder}/`));
      print(`${green('ok')}  ${set.policies.length} policies  ${dim(set.hash)}`);
      for (const { id, effect } of set.policies) print(`  ${effect.padEnd(6)} ${id}`);
    });
  policy
    .command('show')
    .description('the active version of a running control plane')
    .action(async () => {
      const { issuer, client, token } = connect(options());
      const answer = await client.callOrThrow(await token('decisions', 'decision:evaluate'), {
        method: 'GET',
        url: `${issuer}/decisions/policy`,
      });
      const { version, hash, publishedAt, policies } = answer as {
        version: number;
        hash: string;
        publishedAt: string;
        policies: readonly { text: string }[];
      };
      print(`${bold(`version ${version}`)}  ${hash}  ${dim(publishedAt)}\n`);
      for (const { text } of policies) print(`${text}\n`);
    });
}
