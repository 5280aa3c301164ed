import { writeSync } from 'node:fs';
import { codeOf, runWriter, type WriterLine, type WriterSettings } from './run-writer.ts';

// The process of a writer, which tests kill. Its settings come as JSON in COUNTERSIGN_TEST_WRITER, written by the test.

/** At once: what was said before a SIGKILL has been said. */
const say = (line: WriterLine): void => void writeSync(1, `${JSON.stringify(line)}\n`);
try {
  const settings: WriterSettings = JSON.parse(process.env['COUNTERSIGN_TEST_WRITER'] ?? '{}');
  await runWriter(settings, say);
  process.exit(0);
} catch (error) {
  say({ failed: codeOf(error) });
  process.exit(1);
}
