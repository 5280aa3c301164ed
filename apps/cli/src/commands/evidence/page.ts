import { copyFileSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CodedError } from '@countersign/kernel';
import type { Command } from 'commander';
import { dim, print } from '../../output.ts';

/** As the build leaves it, beside this app: one file, which is copied and never loaded here. */
const built = fileURLToPath(new URL('../../../../evidence-page/dist/verify.html', import.meta.url));

export function pageCommand(evidence: Command): void {
  evidence
    .command('page')
    .description('write the page that checks a bundle dropped onto it: one file, for any browser, without a network')
    .option('--out <file>', 'where to write it', 'verify.html')
    .action(({ out }: { out: string }) => {
      if (!existsSync(built))
        throw new CodedError({
          code: 'page_not_built',
          category: 'unavailable',
          detail: 'The page has not been built: npm run build.',
        });
      copyFileSync(built, out);
      print(`${out}  ${dim('open it in a browser; it sends nothing anywhere')}`);
    });
}
