import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { components, type FoundComponent, findComponent } from './component.ts';

/** A token of SoftHSM in a folder of its own. */
export interface SoftToken {
  readonly module: string;
  readonly label: string;
  readonly pin: string;
  /** `file:` reference of the PIN. */
  readonly pinReference: string;
  /** Value of `SOFTHSM2_CONF`. Making the token also sets it in this process; {@link SoftToken.dispose} restores it. */
  readonly configuration: string;
  /** Settings of the signer for this token. */
  readonly settings: {
    readonly module: string;
    readonly token: { readonly label: string };
    readonly pin: string;
    readonly environment: readonly string[];
  };
  /** Removes the token, as when a device is unplugged. */
  remove(): void;
  putBack(): void;
  writePin(pin: string): void;
  /** Output of `pkcs11-tool` after login. */
  tool(...options: readonly string[]): string;
  dispose(): void;
}

/** SoftHSM, with the package that calls it. */
export function findSoftHsm(): FoundComponent {
  const pkcs11js = findComponent(components.pkcs11js);
  return pkcs11js.found ? findComponent(components.softHsm) : pkcs11js;
}

export function makeSoftToken({ label = 'countersign' }: { readonly label?: string } = {}): SoftToken {
  const found = findComponent(components.softHsm);
  if (!found.found) throw new Error(found.reason);
  const folder = mkdtempSync(join(tmpdir(), 'soft-token-'));
  const tokens = join(folder, 'tokens');
  const configuration = join(folder, 'softhsm2.conf');
  const pinFile = join(folder, 'pin');
  const pin = '246813';
  mkdirSync(tokens);
  writeFileSync(configuration, `directories.tokendir = ${tokens}\nobjectstore.backend = file\nlog.level = ERROR\n`);
  writeFileSync(pinFile, pin, { mode: 0o600 });
  const before = process.env['SOFTHSM2_CONF'];
  process.env['SOFTHSM2_CONF'] = configuration;
  const env = { ...process.env, SOFTHSM2_CONF: configuration };
  execFileSync('softhsm2-util', ['--init-token', '--free', '--label', label, '--pin', pin, '--so-pin', '97531'], {
    env,
    stdio: 'ignore',
  });
  const pinReference = `file:${pinFile}`;
  return {
    ...{ module: found.path, label, pin, pinReference, configuration },
    settings: { module: found.path, token: { label }, pin: pinReference, environment: ['SOFTHSM2_CONF'] },
    remove: () => renameSync(tokens, `${tokens}.away`),
    putBack: () => renameSync(`${tokens}.away`, tokens),
    writePin: (text) => writeFileSync(pinFile, text),
    tool: (...options) =>
      execFileSync(
        '/usr/bin/pkcs11-tool',
        ['--module', found.path, '--token-label', label, '--login', '--pin', pin, ...options],
        { env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
      ),
    dispose() {
      if (before === undefined) delete process.env['SOFTHSM2_CONF'];
      else process.env['SOFTHSM2_CONF'] = before;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
