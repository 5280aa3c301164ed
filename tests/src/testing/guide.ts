import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** One block of commands in a guide, and what the guide says that it prints. */
export interface GuideStep {
  /** Of the block in the page, from 1. */
  readonly line: number;
  readonly commands: string;
  /** Undefined where the guide shows nothing. */
  readonly shown: string | undefined;
}

/** The blocks marked `sh`, in their order. A block marked `text` or `json` right after one is what that one prints. */
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
 * How many blocks there are up to the last that starts a process with data of its own. There the account matters: PostgreSQL
 * runs under another one for root. What comes after only asks, over HTTP.
 */
export function stepsThatStart(steps: readonly GuideStep[]): number {
  return 1 + steps.findLastIndex(({ commands }) => /^(?!\s*#)(?:.*[\s;&])?(?:start|demo)(?:[\s;&]|$)/m.test(commands));
}

/** Whether something was printed as a guide shows it: `...` stands for anything, on a line of its own for lines, or none. */
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
 * Runs the commands of a guide in one shell, in the checkout, with a home folder of their own.
 *
 * @param options.replacing what a page names and a test cannot share with others, such as ports
 * @param options.onLine hears what is printed while it runs, as a person at the terminal does
 * @throws Error with everything that was printed, when a command failed
 */
export async function runGuide(
  page: string,
  options: {
    readonly checkout: string;
    readonly home: string;
    /** How many of its blocks, from the first; all when left out. */
    readonly steps?: number | undefined;
    readonly replacing?: Readonly<Record<string, string>>;
    readonly onLine?: (line: string) => void;
    /** Numbers of a user and a group to run as, which takes root. */
    readonly as?: number | undefined;
    /** Then everything is ended, and it has failed. */
    readonly timeoutMs: number;
  },
): Promise<readonly PrintedStep[]> {
  const text = Object.entries(options.replacing ?? {}).reduce((so, [from, to]) => so.replaceAll(from, to), page);
  const steps = stepsOf(text).slice(0, options.steps);
  const mark = (index: number): string => `@@ step ${index} @@`;
  const script = [
    // What a page starts in the background ends with it, whatever happens.
    "trap 'status=$?; set +e; kill $(jobs -p) 2>/dev/null; wait; exit $status' EXIT",
    ...steps.map(({ commands }, index) => `echo; echo '${mark(index)}'\n${commands}`),
  ].join('\n');
  mkdirSync(options.home, { recursive: true });
  const file = join(options.home, 'guide.sh');
  writeFileSync(file, script);
  const { as } = options;
  if (as !== undefined) chownSync(options.home, as, as);

  // No `pipefail`: whoever copies the commands into their own shell has none either.
  const shell = spawn('bash', ['-c', `exec 2>&1; set -e; . "${file}"`], {
    cwd: options.checkout,
    env: { ...process.env, HOME: options.home, NO_COLOR: '1' },
    stdio: ['ignore', 'pipe', 'inherit'],
    ...(as === undefined ? {} : { uid: as, gid: as }),
    // A group of its own, so that whatever the page has started can be ended with it.
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
    // Nobody of the group is left.
  }
}
