import { accessSync, constants } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** A program that some tests need and npm does not install. */
export interface Component {
  /** Display name, e.g. `Chromium`. */
  readonly name: string;
  /** Possible paths, best first. */
  readonly paths: readonly string[];
  readonly debianPackage: string;
}

export type FoundComponent =
  | { readonly found: true; readonly path: string }
  | { readonly found: false; readonly reason: string };

/** The components that tests use if they are installed. */
export const components = {
  chromium: { name: 'Chromium', paths: ['/usr/bin/chromium', '/usr/bin/chromium-browser'], debianPackage: 'chromium' },
  openssl: { name: 'OpenSSL', paths: ['/usr/bin/openssl'], debianPackage: 'openssl' },
  curl: { name: 'curl', paths: ['/usr/bin/curl'], debianPackage: 'curl' },
  nginx: { name: 'nginx', paths: ['/usr/sbin/nginx'], debianPackage: 'nginx' },
  haproxy: { name: 'HAProxy', paths: ['/usr/sbin/haproxy'], debianPackage: 'haproxy' },
  apache: { name: 'Apache httpd', paths: ['/usr/sbin/apache2'], debianPackage: 'apache2' },
  modAuthOpenidc: {
    name: 'mod_auth_openidc',
    paths: ['/usr/lib/apache2/modules/mod_auth_openidc.so'],
    debianPackage: 'libapache2-mod-auth-openidc',
  },
  softHsm: {
    name: 'SoftHSM',
    paths: ['/usr/lib/softhsm/libsofthsm2.so', '/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so'],
    debianPackage: 'softhsm2',
  },
  pkcs11Tool: { name: 'pkcs11-tool', paths: ['/usr/bin/pkcs11-tool'], debianPackage: 'opensc' },
  certbot: { name: 'certbot', paths: ['/usr/bin/certbot'], debianPackage: 'certbot' },
  lego: { name: 'lego', paths: ['/usr/bin/lego'], debianPackage: 'lego' },
  dehydrated: { name: 'dehydrated', paths: ['/usr/bin/dehydrated'], debianPackage: 'dehydrated' },
  uacme: { name: 'uacme', paths: ['/usr/bin/uacme'], debianPackage: 'uacme' },
  /** npm compiles it if there is a compiler, and otherwise leaves it out. */
  pkcs11js: {
    name: 'The optional package pkcs11js',
    paths: [fileURLToPath(new URL('../../node_modules/pkcs11js/build/Release/pkcs11.node', import.meta.url))],
    debianPackage: 'g++ (with make and python3, then npm ci)',
  },
} as const satisfies Readonly<Record<string, Component>>;

/**
 * Looks for a component. Tests that need it skip by name where it is not found, saying what to install:
 *
 * ```ts
 * const chromium = findComponent(components.chromium);
 * describe.skipIf(!chromium.found)(`the consent page in a browser${chromium.found ? '' : ` (skipped: ${chromium.reason})`}`, …)
 * ```
 *
 * Where every component must be there (`COUNTERSIGN_COMPONENTS=required`, as CI sets it) a missing one is an error, so
 * that no test is skipped unseen.
 */
export function findComponent(component: Component): FoundComponent {
  const path = component.paths.find(isThere);
  if (path !== undefined) return { found: true, path };
  const reason = `${component.name} is not installed; install the Debian package ${component.debianPackage}`;
  if (process.env['COUNTERSIGN_COMPONENTS'] === 'required') throw new Error(reason);
  return { found: false, reason };
}

function isThere(path: string): boolean {
  try {
    accessSync(path, constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
