import type { Command } from 'commander';
import type { ConnectionOptions } from '../connection.ts';
import { dim, print } from '../output.ts';
import { exportCommand } from './evidence/export.ts';
import { graphCommand } from './evidence/graph.ts';
import { pageCommand } from './evidence/page.ts';
import { writeReport } from './evidence/report.ts';
import { searchCommand } from './evidence/search.ts';
import { type TrustFlags, trustOf, withTrust } from './evidence/trust.ts';
import { readBundleFile, verifyCommand } from './evidence/verify.ts';

export function evidenceCommands(program: Command, options: () => ConnectionOptions): void {
  const evidence = program
    .command('evidence')
    .description('take the proof of a transaction out, and check one offline');
  searchCommand(evidence, options);
  graphCommand(evidence, options);
  exportCommand(evidence, options);
  verifyCommand(evidence);
  withTrust(
    evidence
      .command('report <file>')
      .description(
        'write a bundle as a report to read and print, with pictures and the verdict: no network, no database',
      ),
  )
    .option('--out <file>', 'default: report.html', 'report.html')
    .action((file: string, flags: TrustFlags & { out: string }) => {
      const verdict = writeReport(file, readBundleFile(file).document, trustOf(flags), flags.out);
      print(`${flags.out}  ${dim(verdict)}`);
    });
  pageCommand(evidence);
}
