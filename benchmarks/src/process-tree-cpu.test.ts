import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { descendantsCpuUs, parseProcessTimes } from './process-tree-cpu.ts';

describe('a line of /proc/<pid>/stat', () => {
  const rest = '4194560 1 2 3 4 10 20 300 4000 20 0 1 0 100';

  it('returns the parent and the CPU time, including ended children', () => {
    expect(parseProcessTimes(`77 (postgres) S 42 77 77 0 -1 ${rest}`)).toEqual({ parent: 42, ticks: 4330 });
  });

  it('is parsed correctly for any process name', () => {
    expect(parseProcessTimes(`77 (a) R 1 (b) S 42 77 77 0 -1 ${rest}`)).toEqual({ parent: 42, ticks: 4330 });
  });

  it('is refused if it is truncated', () => {
    expect(parseProcessTimes('77 (postgres) S 42')).toBeUndefined();
    expect(parseProcessTimes('')).toBeUndefined();
  });
});

describe.skipIf(!existsSync('/proc/self/stat'))('the CPU time of descendants (needs /proc)', () => {
  it('grows with the work of a child, and of its child', async () => {
    const work = `const until = process.cpuUsage().user + 100_000; while (process.cpuUsage().user < until); process.send('done'); setInterval(() => {}, 1000);`;
    const start = (code: string) =>
      `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(code)}], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] })`;
    const parent = `const child = ${start(work)}; child.on('message', () => process.send('done')); process.on('disconnect', () => child.kill());`;
    const before = descendantsCpuUs(process.pid) ?? 0;
    const child = spawn(process.execPath, ['-e', parent], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
    try {
      await once(child, 'message');
      expect((descendantsCpuUs(process.pid) ?? 0) - before).toBeGreaterThanOrEqual(90_000);
    } finally {
      // This lets the other one end as well.
      child.disconnect();
      await once(child, 'exit');
    }
  });

  it('is unknown for a missing process', () => {
    expect(descendantsCpuUs(2 ** 30)).toBeUndefined();
  });
});
