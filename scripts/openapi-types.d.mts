export const typesFile: string;
export function typesText(document?: unknown): string;
