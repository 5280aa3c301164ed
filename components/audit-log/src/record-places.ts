// Where the log writes what in the bytes of a record. Imports nothing: a thread that reads records starts with this alone.

const exampleTime = '2026-01-01T00:00:00.000Z';

/** What the log writes first: version and time, of constant length in every version. */
export function headOf(time: string): string {
  return `{"v":2,"time":"${time}",`;
}

export const headLength = headOf(exampleTime).length;

/** Where in a record its time stands; the first byte is 1, as SQL counts. */
export const timePlace = { from: '{"v":2,"time":"'.length + 1, length: exampleTime.length } as const;

/** Where in a record of version 2 the id of its stream stands, as SQL counts. */
export const streamPlace = {
  from: `${headOf(exampleTime)}"stream":"`.length + 1,
  length: 'src_'.length + 26,
} as const;

/** Where its number begins. */
export const numberPlace = streamPlace.from + streamPlace.length + '","number":'.length;
