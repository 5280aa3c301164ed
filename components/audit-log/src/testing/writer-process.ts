import { writeSync } from 'node:fs';
import { codeOf, runWriter, type WriterLine, type WriterSettings } from './run-writer.ts';

// Entry point of the writer process, which tests kill. It runs on import, so no test imports it. Settings: COUNTERSIGN_TEST_WRITER (JSON).

/** Written synchronously, so that a line precedes a SIGKILL that follows it. */
const say = (line: WriterLine): void => void writeSync(1, `${JSON.stringify(line)}\n`);
try {
  const settings: WriterSettings = JSON.parse(process.env['COUNTERSIGN_TEST_WRITER'] ?? '{}');
  await runWriter(settings, say);
  process.exit(0);
} catch (error) {
  say({ failed: codeOf(error) });
  process.exit(1);
}
