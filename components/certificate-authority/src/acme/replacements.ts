/** Stands once a certificate was replaced by another one, as a thing in the log. */
export const replacedCertificateThing = (serial: string): string => `replaced-certificate:${serial}`;
