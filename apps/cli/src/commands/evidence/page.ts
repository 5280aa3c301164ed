import { copyFileSync, existsSync } from 'node:fs';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { dim, print } from '../../output.ts';

export function pageCommand(evidence: Command): void {
  evidence
    .command('page')
    .description('write the page that checks a bundle dropped onto it: one file, for any browser, without a network')
    .option('--out <file>', 'where to write it', 'verify.html')
    .action(async ({ out }: { out: string }) => {
      // Loaded on demand: only this command needs the built page.
      const { builtEvidencePage } = await import('@countersign/server');
      if (!existsSync(builtEvidencePage))
        throw new CodedError({
          code: 'page_not_built',
          category: 'unavailable',
          detail: 'The page has not been built: npm run build.',
        });
      copyFileSync(builtEvidencePage, out);
      print(`${out}  ${dim('open it in a browser; it sends nothing anywhere')}`);
    });
}
