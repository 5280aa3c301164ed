import { describe, expect, it } from 'vitest';
import { countersign } from './testing/command.ts';

/** Writes the address of each loaded module to stderr. */
const hooks = `import { writeSync } from 'node:fs';
export const load = async (url, context, next) => (writeSync(2, url + '\\n'), next(url, context));`;
const asDataUrl = (source: string): string => `data:text/javascript,${encodeURIComponent(source)}`;
const watching = asDataUrl(`import { register } from 'node:module'; register(${JSON.stringify(asDataUrl(hooks))});`);

async function modulesOf(command: string): Promise<readonly string[]> {
  const { code, stderr } = await countersign([command, '--help'], { env: { NODE_OPTIONS: `--import ${watching}` } });
  expect(code).toBe(0);
  const loaded = stderr.split('\n');
  expect(loaded.some((url) => url.endsWith(`/commands/${command}.js`))).toBe(true);
  return loaded;
}

// Loading takes most of the second that a command needs, hundreds of times a day.
describe('a command that calls a control plane', () => {
  it.each(['client', 'directory', 'key', 'log', 'policy'])('(%s) loads no detail schemas', async (command) => {
    expect((await modulesOf(command)).filter((url) => url.includes('/typebox/'))).toEqual([]);
  });

  it('(evidence) loads no control plane', async () => {
    const loaded = await modulesOf('evidence');
    expect(loaded.filter((url) => /\/(components|apps\/server)\//.test(url))).toEqual([]);
  });
});
