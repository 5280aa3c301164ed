import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/** A real Apache httpd in the foreground, from a folder of its own. */
export interface Apache {
  readonly origin: string;
  stop(): Promise<void>;
}

const modules = ['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'auth_openidc'];

/** @param directives follow the modules and the document root */
export async function startApache(options: {
  readonly folder: string;
  readonly port: number;
  readonly directives: readonly string[];
}): Promise<Apache> {
  const { folder, port, directives } = options;
  const site = join(folder, 'site');
  mkdirSync(join(site, 'protected'), { recursive: true });
  writeFileSync(join(site, 'protected', 'index.html'), 'only for people who signed in');
  // Its workers run under another account; the folder holds only this test.
  chmodSync(folder, 0o755);
  const configuration = join(folder, 'httpd.conf');
  writeFileSync(
    configuration,
    [
      `ServerRoot ${folder}`,
      `PidFile ${join(folder, 'httpd.pid')}`,
      `ErrorLog ${join(folder, 'error.log')}`,
      'ServerName 127.0.0.1',
      `Listen 127.0.0.1:${port}`,
      ...modules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`),
      'User www-data',
      'Group www-data',
      'DirectoryIndex index.html',
      `DocumentRoot ${site}`,
      ...directives,
    ].join('\n'),
  );
  const child = spawn('/usr/sbin/apache2', ['-f', configuration, '-DFOREGROUND'], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
  const origin = `http://127.0.0.1:${port}`;
  await answers(origin, child, () => output);
  return { origin, stop: () => stop(child) };
}

async function answers(origin: string, child: ChildProcess, output: () => string): Promise<void> {
  const until = Date.now() + 10_000;
  for (;;) {
    if (child.exitCode !== null) throw new Error(`Apache ended: ${output()}`);
    try {
      await fetch(origin, { redirect: 'manual' });
      return;
    } catch (error) {
      if (Date.now() > until) throw error;
      await sleep(50);
    }
  }
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const ended = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  await ended;
}
