import { isCodedError } from '@countersign/kernel';
import { makeWorkingFolder } from '../working-folder.ts';
import { hammer } from './hammer.debug.ts';

const usage = `Usage: node benchmarks/dist/hammer/main.js [<minutes>]

Appends to a log of two nodes, a witness and a published folder, reads, proves and verifies all of it at once, for so
many minutes (2 by default), and ends with 1 at the first thing that is not as it must be.
`;

process.exitCode = await main(process.argv[2] ?? '2');

async function main(text: string): Promise<number> {
  const minutes = Number(text);
  if (!(minutes > 0 && minutes <= 24 * 60)) {
    process.stderr.write(usage);
    return 64;
  }
  const began = performance.now();
  const onProgress = (message: string): void =>
    void process.stderr.write(`[${((performance.now() - began) / 1000).toFixed(0).padStart(5)} s] ${message}\n`);
  const folder = makeWorkingFolder();
  try {
    const { size, appended, ...checked } = await hammer({ minutes, folder: folder.path, onProgress });
    process.stdout.write(
      `held: ${appended} records acknowledged and kept, ${size} in the log; ${JSON.stringify(checked)}\n`,
    );
    return 0;
  } catch (error) {
    process.stdout.write(
      `broken: ${isCodedError(error) ? `${error.code}: ${error.detail}` : error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
    );
    return 1;
  } finally {
    folder.remove();
  }
}
