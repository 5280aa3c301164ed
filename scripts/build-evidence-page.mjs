// Builds the page that verifies evidence bundles: one HTML file with script and style inside, which asks nobody for
// anything. Writes it to the path given, or to apps/evidence-page/dist/verify.html.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const room = fileURLToPath(new URL('../apps/evidence-page/', import.meta.url));

/** What has no shim would be replaced by nothing, and the page would end where it begins. */
const nothingOfNode = {
  name: 'nothing-of-node',
  enforce: 'pre',
  resolveId(id, importer) {
    if (id.startsWith('node:')) throw new Error(`the page cannot have ${id}, which ${importer} imports`);
  },
};

/** @param {string} out where to write it */
async function buildEvidencePage(out) {
  const shims = join(room, 'src/shims');
  const result = await build({
    configFile: false,
    root: room,
    logLevel: 'warn',
    resolve: {
      conditions: ['source', 'browser', 'module', 'import', 'default'],
      alias: [
        { find: /^(node:)?crypto$/, replacement: join(shims, 'crypto.ts') },
        { find: /^node:buffer$/, replacement: join(shims, 'buffer.ts') },
      ],
    },
    plugins: [nothingOfNode],
    build: {
      write: false,
      target: 'es2023',
      minify: true,
      reportCompressedSize: false,
      modulePreload: false,
      lib: { entry: join(room, 'src/index.ts'), formats: ['iife'], name: 'verifyEvidence', fileName: 'verify' },
    },
  });
  const [{ output }] = Array.isArray(result) ? result : [result];
  const chunks = output.filter(({ type }) => type === 'chunk');
  if (chunks.length !== 1) throw new Error(`the page became ${chunks.length} scripts`);
  const template = readFileSync(join(room, 'src/page/page.html'), 'utf8');
  const html = assemble(template, {
    style: readFileSync(join(room, 'src/page/page.css'), 'utf8'),
    script: chunks[0].code,
  });
  mkdirSync(dirname(out), { recursive: true });
  writeFileSync(out, html);
}

/** Both parts are allowed by their hashes alone: whatever else gets into the page does not run. */
function assemble(template, { style, script }) {
  // A script may not hold the text that ends one.
  const code = script.trim().replaceAll('</script', '<\\/script').replaceAll('<!--', '<\\!--');
  const hash = (text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`;
  const policy = `default-src 'none'; script-src ${hash(code)}; style-src ${hash(style)}; base-uri 'none'; form-action 'none'`;
  return template
    .replace('<!--policy-->', () => `<meta http-equiv="Content-Security-Policy" content="${policy}">`)
    .replace('<!--style-->', () => `<style>${style}</style>`)
    .replace('<!--script-->', () => `<script>${code}</script>`);
}

const started = performance.now();
const [, , out = join(room, 'dist/verify.html')] = process.argv;
await buildEvidencePage(out);
console.log(`${out} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
