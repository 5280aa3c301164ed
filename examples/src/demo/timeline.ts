const colour = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const paint = (code: string, text: string): string => (colour ? `\u001b[${code}m${text}\u001b[0m` : text);

export interface Timeline {
  chapter(title: string): void;
  done(what: string, beside?: string): void;
  /** An attack or mistake that was refused as expected. */
  refused(what: string, code: string, detail?: string): void;
  note(text: string): void;
  /** A temporary line during a slow step; the next line overwrites it. */
  waiting(text: string): void;
  readonly refusals: number;
}

export function createTimeline(write: (text: string) => void = (text) => void process.stdout.write(text)): Timeline {
  const started = performance.now();
  const live = process.stdout.isTTY === true;
  let chapters = 0;
  let refusals = 0;
  const line = (text: string): void => write(`${live ? '\r\u001b[2K' : ''}${text}\n`);
  const clock = (): string => paint('2', `${((performance.now() - started) / 1000).toFixed(1).padStart(5)} s`);
  return {
    chapter(title) {
      chapters++;
      line('');
      line(paint('1', `${chapters}. ${title}`));
    },
    done: (what, beside) =>
      line(`${clock()}  ${paint('32', '+')} ${what}${beside === undefined ? '' : paint('2', `  ${beside}`)}`),
    refused(what, code, detail) {
      refusals++;
      line(`${clock()}  ${paint('33', 'x')} refused: ${what}  ${paint('33', code)}`);
      if (detail !== undefined)
        line(`${' '.repeat(12)}${paint('2', detail.length > 150 ? `${detail.slice(0, 147)}...` : detail)}`);
    },
    note: (text) => line(`${' '.repeat(10)}${paint('2', text)}`),
    waiting(text) {
      if (live) write(`\r\u001b[2K${clock()}  ${paint('2', `${text} ...`)}`);
    },
    get refusals() {
      return refusals;
    },
  };
}
