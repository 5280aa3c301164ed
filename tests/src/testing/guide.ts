import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** One block of commands in a guide, and its output as shown there. */
export interface GuideStep {
  /** Line of the block in the page, from 1. */
  readonly line: number;
  readonly commands: string;
  /** Undefined if the guide shows no output. */
  readonly shown: string | undefined;
}

/** The blocks marked `sh`, in order. A block marked `text` or `json` directly after one is its output. */
export function stepsOf(page: string): readonly GuideStep[] {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)].map((match) => ({
    language: match[1] ?? '',
    code: match[2] ?? '',
    start: match.index,
    end: match.index + match[0].length,
  }));
  return blocks.flatMap((block, index) => {
    if (block.language !== 'sh') return [];
    const next = blocks[index + 1];
    const follows = next !== undefined && page.slice(block.end, next.start).trim() === '';
    const shown = follows && ['text', 'json'].includes(next.language) ? next.code : undefined;
    return [{ line: page.slice(0, block.start).split('\n').length, commands: block.code, shown }];
  });
}

/**
 * How many blocks there are up to the last that starts a process with its own data. For these the account matters: under
 * root, PostgreSQL runs as another one. Later blocks only send HTTP requests.
 */
export function stepsThatStart(steps: readonly GuideStep[]): number {
  return 1 + steps.findLastIndex(({ commands }) => /^(?!\s*#)(?:.*[\s;&])?(?:start|demo)(?:[\s;&]|$)/m.test(commands));
}

/** Whether output matches the guide: `...` stands for any text, and on a line of its own for any lines, or none. */
export function isAsShown(printed: string, shown: string): boolean {
  const pattern = shown
    .trim()
    .split('\n')
    .map((line) => (line.trim() === '...' ? anything : line.trim().split('...').map(escaped).join('.*?')))
    .join(newLine)
    .replaceAll(`${newLine}${anything}${newLine}`, `${newLine}(?:${anything}\\n)?\\s*`);
  return new RegExp(`^${pattern}$`).test(printed.trim());
}

const anything = '[\\s\\S]*?';
const newLine = '\\s*\\n\\s*';
const escaped = (text: string): string => text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');

export interface PrintedStep extends GuideStep {
  readonly printed: string;
}

/**
 * Runs the commands of a guide in one shell, in the checkout, with a home folder of their own. @param options.replacing
 * replaces names that a test cannot share with others, such as ports @param options.onLine gets the output line by line
 * while it runs @throws Error with the whole output when a command failed
 */
export async function runGuide(
  page: string,
  options: {
    readonly checkout: string;
    readonly home: string;
    /** How many of its blocks, from the first; all by default. */
    readonly steps?: number | undefined;
    readonly replacing?: Readonly<Record<string, string>>;
    readonly onLine?: (line: string) => void;
    /** User and group id to run as, which needs root. */
    readonly as?: number | undefined;
    /** After this time everything is ended, and the guide has failed. */
    readonly timeoutMs: number;
  },
): Promise<readonly PrintedStep[]> {
  const text = Object.entries(options.replacing ?? {}).reduce((so, [from, to]) => so.replaceAll(from, to), page);
  const steps = stepsOf(text).slice(0, options.steps);
  const mark = (index: number): string => `@@ step ${index} @@`;
  const script = [
    // Background processes of a page end with it in any case.
    "trap 'status=$?; set +e; kill $(jobs -p) 2>/dev/null; wait; exit $status' EXIT",
    ...steps.map(({ commands }, index) => `echo; echo '${mark(index)}'\n${commands}`),
  ].join('\n');
  mkdirSync(options.home, { recursive: true });
  const file = join(options.home, 'guide.sh');
  writeFileSync(file, script);
  const { as } = options;
  if (as !== undefined) chownSync(options.home, as, as);

  // No `pipefail`: a reader's own shell has none either.
  const shell = spawn('bash', ['-c', `exec 2>&1; set -e; . "${file}"`], {
    cwd: options.checkout,
    env: { ...process.env, HOME: options.home, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(as === undefined ? {} : { uid: as, gid: as }),
    // A group of its own, so that all its processes can be ended together.
    detached: true,
  });
  const ended = once(shell, 'close') as Promise<[number | null]>;
  const impatience = setTimeout(() => endGroup(shell), options.timeoutMs);
  let output = '';
  for await (const line of createInterface({ input: shell.stdout })) {
    output += `${line}\n`;
    options.onLine?.(line);
  }
  const [code] = await ended;
  clearTimeout(impatience);
  endGroup(shell);
  if (code !== 0) throw new Error(`the commands of the guide ended with ${code}:\n${output}`);
  return steps.map((step, index) => ({
    ...step,
    printed: (output.split(mark(index))[1] ?? '').split(/@@ step \d+ @@/)[0] ?? '',
  }));
}

function endGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGTERM');
  } catch {
    // The group is empty.
  }
}
