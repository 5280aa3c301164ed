import {
  graphStyle,
  parseBundle,
  renderReport,
  reportOfBundle,
  type VerificationReport,
  verificationReportOf,
  verifyBundle,
} from '@countersign/evidence';
import { sha256 } from '@countersign/kernel';
import { byId, element } from './element.ts';
import { FileUnusable, type ReadDocument, readJsonFile } from './read-file.ts';
import { readTrust } from './read-trust.ts';
import { checksView, factsView } from './report-view.ts';
import { graphView, timelineView } from './story-view.ts';
import { verdictView } from './verdict-view.ts';

/** Verifies a bundle, and again after each change of the trusted inputs. */
export function start(): void {
  const outcome = byId('outcome', HTMLDivElement);
  const trouble = byId('trouble', HTMLParagraphElement);
  const chosen = byId('chosen', HTMLParagraphElement);
  const bundle = byId('bundle', HTMLInputElement);
  let read: ReadDocument | undefined;
  let unread: File | undefined;
  /** A newer check supersedes an older one. */
  let turn = 0;

  /** @param file undefined if only the trusted inputs have changed */
  async function check(file?: File): Promise<void> {
    const mine = ++turn;
    trouble.hidden = true;
    if (file !== undefined) chosen.textContent = `Checking ${file.name} …`;
    // The old verdict does not apply to the new input.
    outcome.hidden = true;
    outcome.replaceChildren();
    try {
      if (file !== undefined) [read, unread] = [undefined, file];
      const document =
        unread === undefined
          ? read
          : await readJsonFile(unread).catch((error: unknown) => {
              if (mine === turn) unread = undefined;
              throw error;
            });
      const trust = await readTrust();
      // Lets the browser paint the busy state.
      await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
      if (mine !== turn || document === undefined) return;
      [read, unread] = [document, undefined];
      const verification = verifyBundle(document.document, { trust });
      const digest = sha256(document.bytes).toString('hex');
      const report = verificationReportOf(document.document, verification, digest);
      chosen.textContent = `${document.name}, ${Math.ceil(document.bytes.length / 1024)} KiB`;
      outcome.replaceChildren(...view(document, report));
      outcome.hidden = false;
      byId('verdict', HTMLHeadingElement).focus();
    } catch (error) {
      if (mine !== turn) return;
      if (file !== undefined) chosen.textContent = '';
      trouble.textContent =
        error instanceof FileUnusable
          ? error.message
          : 'This page has a fault. Use `countersign evidence verify` instead, and please report it.';
      trouble.hidden = false;
      if (!(error instanceof FileUnusable)) throw error;
    }
  }

  const drawn = new CSSStyleSheet();
  drawn.replaceSync(graphStyle);
  document.adoptedStyleSheets = [drawn];
  byId('form', HTMLFormElement).addEventListener('submit', (event) => event.preventDefault());
  byId('form', HTMLFormElement).addEventListener('change', (event) => {
    if (event.target !== bundle) void check();
    else if (bundle.files?.[0] !== undefined) void check(bundle.files[0]);
  });
  takeDrops((file) => void check(file));
}

function* view(document: ReadDocument, report: VerificationReport): Generator<HTMLElement> {
  const parsed = parseBundle(document.document);
  const name = parsed.ok ? parsed.bundle.transaction : 'evidence';
  const actions = element('div', { class: 'actions' });
  const action = (title: string, act: () => void): void => {
    const button = element('button', { type: 'button' }, title);
    button.addEventListener('click', act);
    actions.append(button);
  };
  action('Save report for programs (JSON)', () =>
    save(`${name}.report.json`, 'application/json', [`${JSON.stringify(report, undefined, 2)}\n`]),
  );
  if (parsed.ok)
    action('Save report for people (HTML)', () => {
      const about = [['SHA-256 of the file', report.fileDigest]] as const;
      const verifiedBy = 'Checked in a browser, without a network.';
      save(`${name}.report.html`, 'text/html', [
        ...renderReport(reportOfBundle(parsed.bundle, report, { verifiedBy, about })),
      ]);
    });
  action('Print', () => print());
  yield verdictView(report, actions);
  yield factsView(report);
  yield checksView(report);
  if (!parsed.ok) return;
  const graph = graphView(parsed.bundle);
  if (graph !== undefined) yield graph;
  yield timelineView(parsed.bundle);
}

function takeDrops(take: (file: File) => void): void {
  const dragging = (on: boolean): void => void document.body.classList.toggle('dragging', on);
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    dragging(true);
  });
  document.addEventListener('dragleave', (event) => {
    if (event.relatedTarget === null) dragging(false);
  });
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    dragging(false);
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) take(file);
  });
}

/** The data stays on this computer. */
function save(name: string, type: string, parts: BlobPart[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  URL.revokeObjectURL(url);
}
