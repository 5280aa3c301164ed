import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { logCommands } from './commands/log.ts';
import { issuerOf } from './connection.ts';
import { withConnectionOptions } from './connection-options.ts';
import { readAddress } from './read-address.ts';

const connection = { data: 'data' };

const wrong = [
  'nonsense',
  '',
  'localhost:7420',
  '//countersign.example',
  'http:countersign.example',
  'http://',
  'http://countersign.example:port',
  'ftp://countersign.example',
  'file:///etc/passwd',
  'https://somebody:secret@countersign.example',
  'https://countersign.example?institution=1',
  'https://countersign.example#there',
  'https://countersign.example ',
];

it.each([
  'https://countersign.example',
  'http://localhost:7420',
  'https://countersign.example:8443/below',
  'http://[::1]:7420',
])('takes %s as written', (address) => {
  expect(readAddress(address)).toBe(address);
});

describe.each(wrong)('refuses the address %j with an example of a valid one', (text) => {
  it.each([
    ['of a control plane', ['--url', text, 'log', 'checkpoint']],
    ['of a log that is checked', ['log', 'fsck', '--from', text]],
    ['of a log that is copied', ['log', 'mirror', '--folder', 'copy', '--from', text]],
  ])('%s', async (_, words) => {
    const said: string[] = [];
    const program = withConnectionOptions(new Command('countersign'))
      .configureOutput({ writeErr: (line) => said.push(line) })
      .exitOverride();
    logCommands(program, () => connection);
    await expect(program.parseAsync(words, { from: 'user' })).rejects.toBeInstanceOf(CommanderError);
    expect(said.join('')).toContain('https://countersign.example.');
  });
});

describe('the address in a data folder', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'cli-address-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const written = (issuer: unknown): string => {
    writeFileSync(join(folder, 'countersign.json'), JSON.stringify({ issuer }));
    return issuerOf(folder);
  };

  it('is used as it is there', () => {
    expect(written('http://localhost:7420')).toBe('http://localhost:7420');
  });

  it.each(['nonsense', 'ftp://countersign.example', 7420])('is refused if it is %j', (issuer) => {
    expect(() => written(issuer)).toThrow(expect.objectContaining({ code: 'connection_settings' }));
  });
});
