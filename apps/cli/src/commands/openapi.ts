import { writeFileSync } from 'node:fs';
import type { Command } from 'commander';
import { dim, print } from '../output.ts';

export function openapiCommands(program: Command): void {
  program
    .command('openapi')
    .description('print the OpenAPI document of the interfaces; needs no control plane')
    .option('--out <file>', 'write it there instead')
    .action(async ({ out }: { out?: string }) => {
      const { describeInterfaces, openapiText } = await import('@countersign/server');
      const text = openapiText(await describeInterfaces());
      if (out === undefined) {
        process.stdout.write(text);
        return;
      }
      writeFileSync(out, text);
      print(dim(`written to ${out}`));
    });
}
